// Control whose functions do not fit together.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-inline" 2>&1 | filecheck %s

// CHECK: control.mlir:{{[0-9]+}}:1: error: 'scan': the body takes the carry (f32[]) and gives (i32[]); they must be equal
func.func private @body(%s: tensor<f32>) -> tensor<i32> {
  %0 = "axil.convert"(%s) {dtype = i32} : (tensor<f32>) -> tensor<i32>
  return %0 : tensor<i32>
}
func.func private @loop(tensor<f32>) -> tensor<i32> attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func @main(%s: tensor<f32>) -> tensor<i32> {
  %0 = call @loop(%s) : (tensor<f32>) -> tensor<i32>
  return %0 : tensor<i32>
}
// -----
// CHECK: control.mlir:{{[0-9]+}}:1: error: 'scan': consts = 3, carry = 1 and length = 3 do not fit a body of 1 operands and 1 results
func.func private @body(%s: tensor<f32>) -> tensor<f32> { return %s : tensor<f32> }
func.func private @loop(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "scan", of = [@body], consts = 3 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func @main(%s: tensor<f32>) -> tensor<f32> {
  %0 = call @loop(%s) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: control.mlir:{{[0-9]+}}:1: error: 'while': the condition must give one boolean scalar, got (f32[])
func.func private @body(%s: tensor<f32>) -> tensor<f32> { return %s : tensor<f32> }
func.func private @loop(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "while", of = [@body, @body], cond_consts = 0 : i64, body_consts = 0 : i64}}
func.func @main(%s: tensor<f32>) -> tensor<f32> {
  %0 = call @loop(%s) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: control.mlir:{{[0-9]+}}:1: error: 'cond': branch 0 is (f32[]) -> (f32[]), but branch 1 is (f32[2]) -> (f32[2])
func.func private @a(%s: tensor<f32>) -> tensor<f32> { return %s : tensor<f32> }
func.func private @b(%s: tensor<2xf32>) -> tensor<2xf32> { return %s : tensor<2xf32> }
func.func private @either(tensor<i32>, tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "cond", of = [@a, @b]}}
func.func @main(%i: tensor<i32>, %s: tensor<f32>) -> tensor<f32> {
  %0 = call @either(%i, %s) : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: control.mlir:{{[0-9]+}}:1: error: 'custom_jvp': the rule must map primals and tangents (f32[], f32[]) to (f32[], f32[]), got (f32[],) to (f32[],)
func.func private @a(%s: tensor<f32>) -> tensor<f32> { return %s : tensor<f32> }
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "custom_jvp", of = [@a, @a], consts = 0 : i64}}
func.func @main(%s: tensor<f32>) -> tensor<f32> {
  %0 = call @f(%s) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: control.mlir:{{[0-9]+}}:1: error: 'custom_vjp': the backward rule must give cotangents (f32[],), got (i32[],)
func.func private @a(%s: tensor<f32>) -> tensor<f32> { return %s : tensor<f32> }
func.func private @b(%s: tensor<f32>) -> tensor<i32> {
  %0 = "axil.convert"(%s) {dtype = i32} : (tensor<f32>) -> tensor<i32>
  return %0 : tensor<i32>
}
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "custom_vjp", of = [@a, @a, @b], of_consts = 0 : i64, forward_consts = 0 : i64, backward_consts = 0 : i64}}
func.func @main(%s: tensor<f32>) -> tensor<f32> {
  %0 = call @f(%s) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
