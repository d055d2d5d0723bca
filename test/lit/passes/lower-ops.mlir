// Lowering, op by op: each declaration's own rule.
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo,cse" | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[S:%.*]] = stablehlo.tanh %arg0 : tensor<2x3xf32>
// CHECK-NEXT:    [[T:%.*]] = stablehlo.transpose [[S]], dims = [1, 0]
// CHECK-NEXT:    [[D:%.*]] = stablehlo.dot_general [[S]], [[T]], contracting_dims = [1] x [0]
// CHECK-NEXT:    [[Z:%.*]] = stablehlo.constant dense<0.000000e+00> : tensor<f32>
// CHECK-NEXT:    [[R:%.*]] = stablehlo.reduce([[D]] init: [[Z]]) applies stablehlo.add across dimensions = [1]
// CHECK-NEXT:    [[C:%.*]] = stablehlo.compare GT, [[R]], %arg1, FLOAT
// CHECK-NEXT:    [[Y:%.*]] = stablehlo.select [[C]], [[R]], %arg1
// CHECK-NEXT:    return [[Y]]
// CHECK-NOT:   axil.
func.func @main(%x: tensor<2x3xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axil.tanh"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "axil.transpose"(%0) {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = "axil.dot_general"(%0, %1) {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>, dtype = f32}
    : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %3 = "axil.reduce_sum"(%2) {axes = array<i64: 1>} : (tensor<2x2xf32>) -> tensor<2xf32>
  %4 = "axil.gt"(%3, %y) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  %5 = "axil.select"(%4, %3, %y) : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %5 : tensor<2xf32>
}
