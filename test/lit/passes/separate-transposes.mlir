// IREE's data tiling crashes where it fuses a product, elementwise operations and a transpose: a barrier goes before the
// transpose. A transpose of the product itself, or of anything else, stays as it is.
// RUN: axil-opt %s --pass-pipeline="axil-separate-transposes" | filecheck %s

// CHECK-LABEL: func.func @main(
// CHECK:         [[P:%.*]] = stablehlo.dot_general
// CHECK:         [[E:%.*]] = stablehlo.exponential [[P]]
// CHECK-NEXT:    [[B:%.*]] = stablehlo.optimization_barrier [[E]]
// CHECK-NEXT:    stablehlo.transpose [[B]]
// CHECK-NEXT:    stablehlo.transpose [[P]]
// CHECK-NEXT:    [[X:%.*]] = stablehlo.exponential %arg0
// CHECK-NEXT:    stablehlo.transpose [[X]]
func.func @main(%x: tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<3x3xf32>, tensor<3x3xf32>) {
  %p = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>
  %e = stablehlo.exponential %p : tensor<3x3xf32>
  %a = stablehlo.transpose %e, dims = [1, 0] : (tensor<3x3xf32>) -> tensor<3x3xf32>
  %b = stablehlo.transpose %p, dims = [1, 0] : (tensor<3x3xf32>) -> tensor<3x3xf32>
  %y = stablehlo.exponential %x : tensor<3x3xf32>
  %c = stablehlo.transpose %y, dims = [1, 0] : (tensor<3x3xf32>) -> tensor<3x3xf32>
  return %a, %b, %c : tensor<3x3xf32>, tensor<3x3xf32>, tensor<3x3xf32>
}
