// All examples stop together if the condition is not batched: no mask is needed.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @below(%n: tensor<i32>, %i: tensor<i32>, %s: tensor<f32>) -> tensor<i1> {
  %0 = "axil.lt"(%i, %n) : (tensor<i32>, tensor<i32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%i: tensor<i32>, %s: tensor<f32>) -> (tensor<i32>, tensor<f32>) {
  %0 = "axil.add"(%i, %i) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  %1 = "axil.mul"(%s, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %1 : tensor<i32>, tensor<f32>
}
func.func private @loop(tensor<i32>, tensor<i32>, tensor<f32>) -> (tensor<i32>, tensor<f32>)
    attributes {axil.derived = {combinator = "while", of = [@below, @body], cond_consts = 1 : i64, body_consts = 0 : i64}}
func.func private @loop.vmap(tensor<i32>, tensor<i32>, tensor<3xf32>) -> (tensor<i32>, tensor<3xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@loop], in_axes = array<i64: -1, -1, 0>, out_axes = array<i64: -1, 0>, size = 3 : i64, axis_name = ""}}

// CHECK-NOT:   "axil.select"
// CHECK-LABEL: func.func @main
// CHECK:         call @{{.*}}(%arg0, %arg1, %arg2) : (tensor<i32>, tensor<i32>, tensor<3xf32>) -> (tensor<i32>, tensor<3xf32>)
// CHECK-NOT:   "axil.select"
func.func @main(%n: tensor<i32>, %i: tensor<i32>, %s: tensor<3xf32>) -> tensor<3xf32> {
  %0:2 = call @loop.vmap(%n, %i, %s) : (tensor<i32>, tensor<i32>, tensor<3xf32>) -> (tensor<i32>, tensor<3xf32>)
  return %0#1 : tensor<3xf32>
}
