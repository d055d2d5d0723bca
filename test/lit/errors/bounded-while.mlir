// RUN: not axil-opt %s --pass-pipeline="axil-expand" 2>&1 | filecheck %s

func.func private @small(%s: tensor<f32>) -> tensor<i1> {
  %0 = "axil.lt"(%s, %s) : (tensor<f32>, tensor<f32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%s: tensor<f32>) -> tensor<f32> {
  return %s : tensor<f32>
}
// CHECK: 'bounded_while': max_steps must not be negative and checkpoints be at least 1, got 3 and 0
func.func private @loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "bounded_while", of = [@small, @body], cond_consts = 0 : i64, body_consts = 0 : i64, max_steps = 3 : i64, checkpoints = 0 : i64}}
func.func @main(%s: tensor<f32>) -> tensor<f32> {
  %0 = call @loop(%s) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
