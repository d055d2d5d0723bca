// An update that is computed from the array it is written to gets a barrier, a view of the array a copy and a barrier.
// An update from elsewhere stays as it is.
// RUN: axil-opt %s --pass-pipeline="axil-separate-updates" | filecheck %s

// CHECK-LABEL: func.func @main(
// CHECK:         [[P:%.*]] = stablehlo.sine %arg0
// CHECK-NEXT:    [[V:%.*]] = stablehlo.slice [[P]]
// CHECK:         stablehlo.xor
// CHECK-NEXT:    [[C:%.*]] = stablehlo.bitcast_convert
// CHECK-NEXT:    [[B:%.*]] = stablehlo.optimization_barrier [[C]]
// CHECK-NEXT:    stablehlo.dynamic_update_slice [[P]], [[B]], %arg2
// CHECK-NEXT:    [[N:%.*]] = stablehlo.negate [[V]]
// CHECK-NEXT:    [[M:%.*]] = stablehlo.optimization_barrier [[N]]
// CHECK-NEXT:    stablehlo.dynamic_update_slice [[P]], [[M]], %arg2
// CHECK-NEXT:    stablehlo.dynamic_update_slice [[P]], %arg1, %arg2
func.func @main(%x: tensor<8xf32>, %u: tensor<4xf32>, %i: tensor<i32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %p = stablehlo.sine %x : tensor<8xf32>
  %v = stablehlo.slice %p [0:4] : (tensor<8xf32>) -> tensor<4xf32>
  %a = stablehlo.dynamic_update_slice %p, %v, %i : (tensor<8xf32>, tensor<4xf32>, tensor<i32>) -> tensor<8xf32>
  %n = stablehlo.negate %v : tensor<4xf32>
  %b = stablehlo.dynamic_update_slice %p, %n, %i : (tensor<8xf32>, tensor<4xf32>, tensor<i32>) -> tensor<8xf32>
  %c = stablehlo.dynamic_update_slice %p, %u, %i : (tensor<8xf32>, tensor<4xf32>, tensor<i32>) -> tensor<8xf32>
  return %a, %b, %c : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
