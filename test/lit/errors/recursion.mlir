// RUN: not axil-opt %s --pass-pipeline="axil-inline" 2>&1 | filecheck %s

// CHECK: recursion.mlir:5:8: error: function @g calls itself; recursion cannot be compiled
func.func private @g(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @g(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @g(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
