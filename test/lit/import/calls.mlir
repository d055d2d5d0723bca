// Calls stay calls, composites become them, foreign attributes go.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" | filecheck %s

// CHECK-NOT: mhlo
// CHECK-NOT: jax
// CHECK:     func.func public @main(%arg0: tensor<f32>) -> tensor<f32>
// CHECK:       call @double
// CHECK:       call @double
// CHECK:     func.func private @double
// CHECK:       "axil.add"
module @jit attributes {mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<f32> {mhlo.sharding = "{replicated}"}) -> (tensor<f32> {jax.result_info = "y"}) {
    %0 = call @double(%x) : (tensor<f32>) -> tensor<f32>
    %1 = stablehlo.composite "my.double" %0 {decomposition = @double} : (tensor<f32>) -> tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @double(%x: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.add %x, %x : tensor<f32>
    return %0 : tensor<f32>
  }
}
