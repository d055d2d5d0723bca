// A batch becomes a loop on the host, or one call with a batch dimension, as the call says.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @each(tensor<f32>, tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<f32>, tensor<f32>) -> tensor<f32>, kind = "pure", ordered = false, vmap_method = "sequential", sizes = array<i64>, mapped = array<i64>}}
func.func private @whole(tensor<f32>, tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<f32>, tensor<f32>) -> tensor<f32>, kind = "pure", ordered = false, vmap_method = "expand_dims", sizes = array<i64>, mapped = array<i64>}}
func.func private @f(%x: tensor<f32>, %y: tensor<f32>) -> tensor<f32> {
  %0 = call @each(%x, %y) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = call @whole(%0, %y) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @inner(tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 0, -1>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}
func.func private @outer(tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@inner], in_axes = array<i64: -1, 0>, out_axes = array<i64: 0>, size = 2 : i64, axis_name = ""}}

// The batch that was added first is the outermost loop: 3 examples of the first operand, in each 2 of the second.
// CHECK-LABEL: func.func @main
// CHECK:         [[EACH:%.*]] = call [[CALL:@[^(]*]](%arg0, %arg1) : (tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
// CHECK:         [[Y:%.*]] = "axil.broadcast_in_dim"(%arg1) {{.*}} -> tensor<2x1xf32>
// CHECK:         call {{.*}}([[EACH]], [[Y]]) : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
// CHECK-DAG:   mapped = array<i64: 1, 0, 0, 1>{{.*}} sizes = array<i64: 3, 2>
// CHECK-DAG:   mapped = array<i64>{{.*}} sizes = array<i64>{{.*}} type = (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
func.func @main(%x: tensor<3xf32>, %y: tensor<2xf32>) -> tensor<2x3xf32> {
  %0 = call @outer(%x, %y) : (tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
