// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,cse" | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[A:%.*]] = "axil.dot_general"(%arg0, %arg1) {dtype = f32, lhs_batch = array<i64: 0>, lhs_contract = array<i64: 2>, rhs_batch = array<i64: 0>, rhs_contract = array<i64: 1>}
// CHECK-NEXT:    [[B:%.*]] = "axil.dot_general"(%arg2, %arg3) {dtype = f32, lhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_batch = array<i64>, rhs_contract = array<i64: 0>}
// CHECK-NEXT:    return [[A]], [[B]]
func.func @main(%x: tensor<5x2x3xf32>, %y: tensor<5x3x4xf32>, %w: tensor<2x3xbf16>, %v: tensor<3xbf16>) -> (tensor<5x2x4xf32>, tensor<2xf32>) {
  %0 = stablehlo.dot_general %x, %y, batching_dims = [0] x [0], contracting_dims = [2] x [1] : (tensor<5x2x3xf32>, tensor<5x3x4xf32>) -> tensor<5x2x4xf32>
  %1 = stablehlo.dot_general %w, %v, contracting_dims = [1] x [0] : (tensor<2x3xbf16>, tensor<3xbf16>) -> tensor<2xf32>
  return %0, %1 : tensor<5x2x4xf32>, tensor<2xf32>
}
