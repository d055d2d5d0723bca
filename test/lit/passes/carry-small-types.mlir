// IREE has no place for 8-bit floats in arguments, nor arithmetic for them: they are carried as bytes, moved as bytes, and
// computed with in f32.
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo,axil-carry-small-types" | filecheck %s

// CHECK-LABEL: func.func @main(
// CHECK-SAME:    [[X:%.*]]: tensor<3xi8>) -> (tensor<3xi8>, tensor<2xi8>)
// CHECK-NOT:     f8E4M3FN
// CHECK:         stablehlo.add {{%.*}}, {{%.*}} : tensor<3xf32>
// CHECK-NOT:     f8E4M3FN
// CHECK:         stablehlo.slice [[X]] [0:2] : (tensor<3xi8>) -> tensor<2xi8>
// CHECK-NOT:     f8E4M3FN
func.func @main(%x: tensor<3xf8E4M3FN>) -> (tensor<3xf8E4M3FN>, tensor<2xf8E4M3FN>) {
  %s = "axil.add"(%x, %x) : (tensor<3xf8E4M3FN>, tensor<3xf8E4M3FN>) -> tensor<3xf8E4M3FN>
  %y = stablehlo.slice %x [0:2] : (tensor<3xf8E4M3FN>) -> tensor<2xf8E4M3FN>
  return %s, %y : tensor<3xf8E4M3FN>, tensor<2xf8E4M3FN>
}
