// Products with and without batch dimensions do not meet in one operation: IREE would mix their layouts up.
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo,axil-separate-products" | filecheck %s

// CHECK-LABEL: func.func @mixed
// CHECK:         [[A:%.*]] = stablehlo.dot_general %arg0, %arg1, batching_dims = [0] x [0]
// CHECK:         [[B:%.*]] = stablehlo.dot_general %arg0, %arg2, contracting_dims
// CHECK:         [[T:%.*]] = stablehlo.negate [[B]]
// CHECK:         [[APART:%.*]] = stablehlo.optimization_barrier [[T]]
// CHECK:         stablehlo.add [[A]], [[APART]]
func.func @mixed(%a: tensor<2x3x4xf32>, %b: tensor<2x4x5xf32>, %w: tensor<4x5xf32>) -> tensor<2x3x5xf32> {
  %0 = "axil.dot_general"(%a, %b) {dtype = f32, lhs_batch = array<i64: 0>, lhs_contract = array<i64: 2>, rhs_batch = array<i64: 0>, rhs_contract = array<i64: 1>} : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %1 = "axil.dot_general"(%a, %w) {dtype = f32, lhs_batch = array<i64>, lhs_contract = array<i64: 2>, rhs_batch = array<i64>, rhs_contract = array<i64: 0>} : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
  %2 = "axil.neg"(%1) : (tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %3 = "axil.add"(%0, %2) : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  return %3 : tensor<2x3x5xf32>
}

// Products of one kind may.
// CHECK-LABEL: func.func @alike
// CHECK-NOT:     optimization_barrier
// CHECK:         return
func.func @alike(%a: tensor<3x4xf32>, %b: tensor<4x5xf32>, %w: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %0 = "axil.dot_general"(%a, %b) {dtype = f32, lhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_batch = array<i64>, rhs_contract = array<i64: 0>} : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %1 = "axil.dot_general"(%a, %w) {dtype = f32, lhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_batch = array<i64>, rhs_contract = array<i64: 0>} : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %2 = "axil.add"(%0, %1) : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  return %2 : tensor<3x5xf32>
}
