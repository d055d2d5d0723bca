// Reverse mode goes past a loop that nothing differentiable enters.
// RUN: axil-opt %s --run --input i32=3 --input f32=5 | filecheck %s --check-prefix=VALUE

func.func private @below(%i: tensor<i32>) -> tensor<i1> {
  %n = "axil.constant"() {value = dense<10> : tensor<i32>} : () -> tensor<i32>
  %0 = "axil.lt"(%i, %n) : (tensor<i32>, tensor<i32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%i: tensor<i32>) -> tensor<i32> {
  %0 = "axil.add"(%i, %i) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0 : tensor<i32>
}
func.func private @loop(tensor<i32>) -> tensor<i32>
    attributes {axil.derived = {combinator = "while", of = [@below, @body], cond_consts = 0 : i64, body_consts = 0 : i64}}
func.func private @f(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = call @loop(%i) : (tensor<i32>) -> tensor<i32>
  %1 = "axil.convert"(%0) {dtype = f32} : (tensor<i32>) -> tensor<f32>
  %2 = "axil.mul"(%1, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
}
func.func private @f.vjp(tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 1>, outs = array<i64: 0>}}

// VALUE:      f32=60
// VALUE-NEXT: f32=12
func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @f.vjp(%i, %x, %one) : (tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#0, %0#1 : tensor<f32>, tensor<f32>
}
