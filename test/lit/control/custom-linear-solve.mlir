// x solves a x = b. Reverse mode solves with the transposed solve, which here is wrong by 2 and so are the gradients:
// nothing differentiates the solves themselves. (d/db of b / a at a = 4 is 1/4, here 1/2; d/da is -x/a, here -x/2.)
// RUN: axil-opt %s --run --input f32=4 --input f32=12 | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo,cse" --run --input f32=4 --input f32=12 | filecheck %s

func.func private @matvec(%a: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%a, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @solve(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %0 = "axil.div"(%b, %a) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @transpose_solve(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %two = "axil.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %0 = "axil.div"(%b, %a) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.mul"(%0, %two) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @f(tensor<f32>, tensor<f32>) -> tensor<f32> attributes {axil.derived = {
    combinator = "custom_linear_solve", of = [@matvec, @matvec, @solve, @transpose_solve], consts = 1 : i64}}
func.func private @f.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0, 1>, outs = array<i64: 0>}}

// CHECK:      f32=3
// CHECK-NEXT: f32=-1.5
// CHECK-NEXT: f32=0.5
func.func @main(%a: tensor<f32>, %b: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:3 = call @f.vjp(%a, %b, %one) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return %0#0, %0#1, %0#2 : tensor<f32>, tensor<f32>, tensor<f32>
}
