// An error in one part does not keep the others from being printed; the exit status tells.
// RUN: not axil-opt %s --split-input-file 2>&1 | filecheck %s

// CHECK: split.mlir:13:8: error: 'axil.sin' op has result type
// CHECK: func.func @first
// CHECK: // -----
// CHECK: func.func @third
func.func @first(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
// -----
func.func @second(%x: tensor<f32>) -> tensor<2xf32> {
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
// -----
func.func @third(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
