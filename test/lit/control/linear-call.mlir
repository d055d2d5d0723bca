// The transpose is the user's: here it is wrong by 3, and so is the gradient. Transposed twice, it is the function.
// RUN: axil-opt %s --run --input f32=2 --input f32=5 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo,cse" --run --input f32=2 --input f32=5 | filecheck %s --check-prefix=VALUE

func.func private @of(%r: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%r, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @transposed(%r: tensor<f32>, %ct: tensor<f32>) -> tensor<f32> {
  %three = "axil.constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %0 = "axil.mul"(%r, %ct) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.mul"(%0, %three) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @f(tensor<f32>, tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "linear_call", of = [@of, @transposed], known = 1 : i64}}
func.func private @f.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 1>, outs = array<i64: 0>}}
func.func private @back(%r: tensor<f32>, %ct: tensor<f32>) -> tensor<f32> {
  %0:2 = call @f.vjp(%r, %r, %ct) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @back.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@back], wrt = array<i64: 1>, outs = array<i64: 0>}}

// VALUE:      f32=10
// VALUE-NEXT: f32=6
// VALUE-NEXT: f32=2
func.func @main(%r: tensor<f32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @f.vjp(%r, %x, %one) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  %1:2 = call @back.vjp(%r, %x, %one) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#0, %0#1, %1#1 : tensor<f32>, tensor<f32>, tensor<f32>
}
