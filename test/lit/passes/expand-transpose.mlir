// Transposition runs a linear function backwards; what is not linear stays an operand.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @f(%w: tensor<2x3xf32>, %x: tensor<3xf32>) -> tensor<2xf32> {
  %0 = "axil.dot_general"(%w, %x) {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>, dtype = f32}
    : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func private @f.t(tensor<2x3xf32>, tensor<2xf32>) -> tensor<3xf32>
    attributes {axil.derived = {combinator = "transpose", of = [@f], linear = array<i64: 1>}}

// CHECK-LABEL: func.func @main(%arg0: tensor<2x3xf32>, %arg1: tensor<2xf32>)
// CHECK:         [[CT:%.*]] = "axil.dot_general"(
// CHECK-NOT:     "axil.transpose"
// CHECK:         return [[CT]] : tensor<3xf32>
func.func @main(%w: tensor<2x3xf32>, %ct: tensor<2xf32>) -> tensor<3xf32> {
  %0 = call @f.t(%w, %ct) : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
