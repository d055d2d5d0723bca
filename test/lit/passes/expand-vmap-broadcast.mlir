// A result that every example shares is repeated where an axis is asked of it; out_axes puts the batch anywhere.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @f(%x: tensor<4xf32>, %w: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = "axil.neg"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %w : tensor<4xf32>, tensor<4xf32>
}
func.func private @f.vmap(tensor<8x4xf32>, tensor<4xf32>) -> (tensor<4x8xf32>, tensor<8x4xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 0, -1>, out_axes = array<i64: 1, 0>, size = 8 : i64, axis_name = ""}}

// CHECK-LABEL: func.func @main
// CHECK-DAG:     [[NEG:%.*]] = "axil.neg"(%arg0) : (tensor<8x4xf32>)
// CHECK-DAG:     [[W:%.*]] = "axil.broadcast_in_dim"(%arg1) {dims = array<i64: 1>, shape = array<i64: 8, 4>}
// CHECK-DAG:     [[T:%.*]] = "axil.transpose"([[NEG]]) {permutation = array<i64: 1, 0>}
// CHECK:         return [[T]], [[W]]
func.func @main(%x: tensor<8x4xf32>, %w: tensor<4xf32>) -> (tensor<4x8xf32>, tensor<8x4xf32>) {
  %0:2 = call @f.vmap(%x, %w) : (tensor<8x4xf32>, tensor<4xf32>) -> (tensor<4x8xf32>, tensor<8x4xf32>)
  return %0#0, %0#1 : tensor<4x8xf32>, tensor<8x4xf32>
}
