// A collective over an axis that nothing binds is an error of lowering, at its line.
// RUN: not axil-opt %s --pass-pipeline="axil-to-stablehlo" 2>&1 | filecheck %s

func.func @main(%x: tensor<f32>) -> tensor<f32> {
// CHECK: unbound-axis.mlir:6:8: error: 'psum' over axis 'i', which nothing binds here
  %0 = "axil.psum"(%x) {axis_name = "i"} : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
