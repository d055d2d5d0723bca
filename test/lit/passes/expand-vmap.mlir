// Batching: what depends on a mapped operand gets a leading dimension, the rest is computed once.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @f(%x: tensor<4xf32>, %w: tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>) {
  %0 = "axil.sin"(%w) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.mul"(%x, %0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = "axil.reduce_sum"(%1) {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %2, %0 : tensor<f32>, tensor<4xf32>
}
func.func private @f.vmap(tensor<4x8xf32>, tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 1, -1>, out_axes = array<i64: 0, -1>, size = 8 : i64, axis_name = ""}}

// CHECK-LABEL: func.func @main(%arg0: tensor<4x8xf32>, %arg1: tensor<4xf32>)
// CHECK-DAG:     [[X:%.*]] = "axil.transpose"(%arg0) {permutation = array<i64: 1, 0>}
// CHECK-DAG:     [[SIN:%.*]] = "axil.sin"(%arg1) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK:         "axil.mul"({{.*}}) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    [[SUM:%.*]] = "axil.reduce_sum"({{.*}}) {axes = array<i64: 1>} : (tensor<8x4xf32>) -> tensor<8xf32>
// CHECK-NEXT:    return [[SUM]], [[SIN]]
func.func @main(%x: tensor<4x8xf32>, %w: tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>) {
  %0:2 = call @f.vmap(%x, %w) : (tensor<4x8xf32>, tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<8xf32>, tensor<4xf32>
}
