// Derivatives and batching are of axil ops only.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-expand" 2>&1 | filecheck %s

func.func private @f(%x: tensor<f32>) -> tensor<f32> {
// CHECK: foreign-op.mlir:6:8: error: operation 'stablehlo.sine' is not of the axil dialect and has no derivative
  %0 = stablehlo.sine %x : tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f.jvp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>}}
// -----
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
// CHECK: foreign-op.mlir:13:8: error: operation 'stablehlo.sine' is not of the axil dialect and cannot be batched
  %0 = stablehlo.sine %x : tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f.vmap(tensor<3xf32>) -> tensor<3xf32> attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 0>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}
