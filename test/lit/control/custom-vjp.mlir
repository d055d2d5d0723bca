// The user's backward rule stands in for the derivative, in a batch too, and can be differentiated itself.
// RUN: axil-opt %s --run --input 2xf32=2,5 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo,cse" --run --input 2xf32=2,5 | filecheck %s --check-prefix=VALUE

func.func private @of(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @forward(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %0 : tensor<f32>, tensor<f32>
}
// Wrong on purpose: x^2 ct.
func.func private @backward(%xx: tensor<f32>, %ct: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%xx, %ct) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "custom_vjp", of = [@of, @forward, @backward], of_consts = 0 : i64, forward_consts = 0 : i64, backward_consts = 0 : i64}}
func.func private @f.vjp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0>, outs = array<i64: 0>}}
func.func private @grad(%x: tensor<f32>) -> tensor<f32> {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @f.vjp(%x, %one) : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @grad.vjp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@grad], wrt = array<i64: 0>, outs = array<i64: 0>}}
func.func private @grad.vjp.vmap(tensor<2xf32>, tensor<f32>) -> (tensor<2xf32>, tensor<2xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@grad.vjp], in_axes = array<i64: 0, -1>, out_axes = array<i64: 0, 0>, size = 2 : i64, axis_name = ""}}

// x^2 from the backward rule, 2x from its derivative.
// VALUE:      2xf32=4 25
// VALUE-NEXT: 2xf32=4 10
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @grad.vjp.vmap(%x, %one) : (tensor<2xf32>, tensor<f32>) -> (tensor<2xf32>, tensor<2xf32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<2xf32>
}
