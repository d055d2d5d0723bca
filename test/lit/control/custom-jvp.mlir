// The user's rule is used in both modes, and the function itself where nothing is differentiated.
// RUN: axil-opt %s --run --input f32=2 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo,cse" --run --input f32=2 | filecheck %s --check-prefix=VALUE

func.func private @of(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// Wrong on purpose: 3 t, and not 2 x t.
func.func private @rule(%x: tensor<f32>, %t: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.add"(%t, %t) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2 = "axil.add"(%1, %t) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %2 : tensor<f32>, tensor<f32>
}
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "custom_jvp", of = [@of, @rule], consts = 0 : i64}}
func.func private @f.jvp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>}}
func.func private @f.vjp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0>, outs = array<i64: 0>}}

// VALUE:      f32=4
// VALUE-NEXT: f32=3
// VALUE-NEXT: f32=3
func.func @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  %1:2 = call @f.jvp(%x, %one) : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  %2:2 = call @f.vjp(%x, %one) : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0, %1#1, %2#1 : tensor<f32>, tensor<f32>, tensor<f32>
}
