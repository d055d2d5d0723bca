// A product of two values that both depend on the linear operand is not linear in it.
// RUN: not axil-opt %s --pass-pipeline="axil-expand" 2>&1 | filecheck %s

// CHECK: 'axil.mul' is linear in each of its operands 'lhs' and 'rhs' alone
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f.t(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "transpose", of = [@f], linear = array<i64: 0>}}
