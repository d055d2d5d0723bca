// Results of control flow that nobody uses are dropped, with what is computed for them alone: here a carry that only
// feeds itself, a row of results, and the operand that it needs.
// RUN: axil-opt %s --pass-pipeline="axil-prune,symbol-dce" | filecheck %s

func.func private @body(%w: tensor<f32>, %s: tensor<f32>, %n: tensor<i32>, %x: tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>) {
  %0 = "axil.mul"(%s, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.add"(%n, %n) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  %2 = "axil.sin"(%w) : (tensor<f32>) -> tensor<f32>
  return %0, %1, %2 : tensor<f32>, tensor<i32>, tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<f32>, tensor<i32>, tensor<3xf32>) -> (tensor<f32>, tensor<i32>, tensor<3xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 2 : i64, length = 3 : i64, reverse = false, unroll = 1 : i64}}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[R:%.*]] = call @[[LOOP:[a-z_.]*]](%arg1, %arg3) : (tensor<f32>, tensor<3xf32>) -> tensor<f32>
// CHECK-NEXT:    return [[R]]
// CHECK:       func.func private @[[BODY:[a-z_.]*]](%arg0: tensor<f32>, %arg1: tensor<f32>) -> tensor<f32> {
// CHECK-NEXT:    axil.mul
// CHECK-NEXT:    return
// CHECK:       func.func private @[[LOOP]](tensor<f32>, tensor<3xf32>) -> tensor<f32> attributes {axil.derived = {carry = 1 : i64, combinator = "scan", consts = 0 : i64
func.func @main(%w: tensor<f32>, %s: tensor<f32>, %n: tensor<i32>, %x: tensor<3xf32>) -> tensor<f32> {
  %0:3 = call @loop(%w, %s, %n, %x) : (tensor<f32>, tensor<f32>, tensor<i32>, tensor<3xf32>) -> (tensor<f32>, tensor<i32>, tensor<3xf32>)
  return %0#0 : tensor<f32>
}
