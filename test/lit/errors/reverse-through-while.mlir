// Reverse mode through while is an error at the line of the loop in the user's program.
// RUN: not axil-opt %s --pass-pipeline="axil-expand" 2>&1 | filecheck %s

func.func private @below(%s: tensor<f32>) -> tensor<i1> {
  %n = "axil.constant"() {value = dense<10.> : tensor<f32>} : () -> tensor<f32>
  %0 = "axil.lt"(%s, %n) : (tensor<f32>, tensor<f32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%s: tensor<f32>) -> tensor<f32> {
  %0 = "axil.add"(%s, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "while", of = [@below, @body], cond_consts = 0 : i64, body_consts = 0 : i64}}
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @loop(%x) : (tensor<f32>) -> tensor<f32> loc("model.py":12:9)
  return %0 : tensor<f32>
}
// CHECK: model.py:12:9: error: reverse-mode differentiation does not go through a 'while' loop
// CHECK-SAME: or use 'scan'
// CHECK-NOT: Traceback
func.func private @f.vjp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0>, outs = array<i64: 0>}}
