// The gradient of a StableHLO file, as StableHLO or as axil, with and without the value.
// RUN: axil grad %s --wrt 0,1 | filecheck %s
// RUN: axil grad %s --wrt 0 --value --emit axil | filecheck %s --check-prefix=AXIL
// RUN: axil grad %s --wrt 1,0 --value | axil-opt - --run --input 2xf32=1,2 --input 2xf32=3,4 | filecheck %s --check-prefix=VALUE

// CHECK:      func.func public @main(%arg0: tensor<2xf32>, %arg1: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
// CHECK:        stablehlo.multiply
// CHECK-NOT:  axil
// CHECK-NOT:  func.func
// AXIL:       func.func public @main(%arg0: tensor<2xf32>, %arg1: tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>)
// AXIL:         "axil.mul"
// The sum of x x w at (1, 2), (3, 4): 19, x x, 2 x w.
// VALUE:      f32=19
// VALUE-NEXT: 2xf32=1 4
// VALUE-NEXT: 2xf32=6 16
module @jit_loss attributes {mhlo.num_partitions = 1 : i32} {
  func.func public @main(%x: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<f32> {jax.result_info = "result"}) {
    %0 = call @square(%x) : (tensor<2xf32>) -> tensor<2xf32>
    %1 = stablehlo.multiply %0, %w : tensor<2xf32>
    %cst = stablehlo.constant dense<0.0> : tensor<f32>
    %2 = stablehlo.reduce(%1 init: %cst) applies stablehlo.add across dimensions = [0] : (tensor<2xf32>, tensor<f32>) -> tensor<f32>
    return %2 : tensor<f32>
  }
  func.func private @square(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = stablehlo.multiply %x, %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }
}
