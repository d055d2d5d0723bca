// Verification can be put off to the end of the pipeline.
// RUN: axil-opt %s --no-verify-each --pass-pipeline="axil-simplify,cse" | filecheck %s
// CHECK: func.func @main
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
