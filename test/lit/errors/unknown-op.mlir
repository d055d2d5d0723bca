// An operation of no dialect, which MLIR lets pass in the generic form.
// RUN: not axil-opt %s 2>&1 | filecheck %s
// CHECK: unknown-op.mlir:5:3: error: operation 'callee' is not known; is its name spelt right?
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  "callee"(%x) : (tensor<f32>) -> ()
  return %x : tensor<f32>
}
