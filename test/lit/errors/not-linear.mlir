// RUN: not axil-opt %s --pass-pipeline="axil-expand" 2>&1 | filecheck %s

func.func private @f(%x: tensor<f32>) -> tensor<f32> {
// CHECK: not-linear.mlir:5:8: error: 'axil.sin' depends on a tangent, but is not linear: it has no transpose rule
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f.t(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "transpose", of = [@f], linear = array<i64: 0>}}
