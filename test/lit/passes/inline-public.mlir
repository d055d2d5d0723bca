// `func.func public` is as public as no visibility at all.
// RUN: axil-opt %s --pass-pipeline="axil-inline,symbol-dce,axil-to-stablehlo" | filecheck %s

func.func private @g(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.tanh"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK:      func.func public @main
// CHECK-NEXT:   stablehlo.tanh
func.func public @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @g(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
