// An operand that the results do not depend on has a zero gradient.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @f(%x: tensor<2xf32>, %unused: tensor<3xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
func.func private @f.vjp(tensor<2xf32>, tensor<3xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<3xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0, 1>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main(%arg0: tensor<2xf32>, %arg1: tensor<3xf32>, %arg2: tensor<2xf32>)
// CHECK:         [[ZERO:%.*]] = "axil.constant"() {value = dense<0.000000e+00> : tensor<3xf32>}
// CHECK:         return %arg0, %arg2, [[ZERO]]
func.func @main(%x: tensor<2xf32>, %u: tensor<3xf32>, %ct: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<3xf32>) {
  %0:3 = call @f.vjp(%x, %u, %ct) : (tensor<2xf32>, tensor<3xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<3xf32>)
  return %0#0, %0#1, %0#2 : tensor<2xf32>, tensor<2xf32>, tensor<3xf32>
}
