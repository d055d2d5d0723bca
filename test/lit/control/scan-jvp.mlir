// Forward mode of a scan is a scan of the body's forward mode, with tangents beside the state.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @body(%w: tensor<f32>, %s: tensor<f32>, %i: tensor<i32>, %x: tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>) {
  %0 = "axil.mul"(%s, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.add"(%0, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2 = "axil.add"(%i, %i) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %1, %2, %1 : tensor<f32>, tensor<i32>, tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<f32>, tensor<i32>, tensor<5xf32>) -> (tensor<f32>, tensor<i32>, tensor<5xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 2 : i64, length = 5 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.jvp(tensor<f32>, tensor<f32>, tensor<i32>, tensor<5xf32>, tensor<5xf32>) -> (tensor<f32>, tensor<i32>, tensor<5xf32>, tensor<f32>, tensor<5xf32>)
    attributes {axil.derived = {combinator = "jvp", of = [@loop], wrt = array<i64: 3>}}

// The state's tangent starts at zero and becomes nonzero in the first step; the counter has none.
// CHECK-LABEL: func.func @main
// CHECK:         [[ZERO:%.*]] = "axil.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK:         call @[[SCAN:.*]](%arg0, %arg1, %arg2, [[ZERO]], %arg3, %arg4)
// CHECK:       func.func private @[[SCAN]](tensor<f32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<5xf32>, tensor<5xf32>)
// CHECK-SAME:    {axil.derived = {carry = 3 : i64, combinator = "scan", consts = 1 : i64, length = 5 : i64
func.func @main(%w: tensor<f32>, %s: tensor<f32>, %i: tensor<i32>, %x: tensor<5xf32>, %t: tensor<5xf32>) -> tensor<5xf32> {
  %0:5 = call @loop.jvp(%w, %s, %i, %x, %t) : (tensor<f32>, tensor<f32>, tensor<i32>, tensor<5xf32>, tensor<5xf32>) -> (tensor<f32>, tensor<i32>, tensor<5xf32>, tensor<f32>, tensor<5xf32>)
  return %0#4 : tensor<5xf32>
}
