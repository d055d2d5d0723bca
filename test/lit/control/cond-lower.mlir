// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo" | filecheck %s

func.func private @a(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @b(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.neg"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @either(tensor<i32>, tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "cond", of = [@a, @b]}}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    "stablehlo.case"(%arg0) ({
// CHECK-NEXT:      stablehlo.multiply %arg1, %arg1
// CHECK:         }, {
// CHECK-NEXT:      stablehlo.negate %arg1
// CHECK-NOT:   func.func private
func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = call @either(%i, %x) : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
