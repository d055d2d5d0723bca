// Batched rows come step first, then example; what is not batched goes in as it is.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @body(%w: tensor<f32>, %s: tensor<f32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axil.mul"(%s, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.add"(%x, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<f32>, tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 1 : i64, length = 5 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.vmap(tensor<f32>, tensor<f32>, tensor<8x5xf32>) -> (tensor<f32>, tensor<8x5xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@loop], in_axes = array<i64: -1, -1, 0>, out_axes = array<i64: -1, 0>, size = 8 : i64, axis_name = ""}}

// CHECK-LABEL: func.func @main
// CHECK:         [[X:%.*]] = "axil.transpose"(%arg2) {permutation = array<i64: 1, 0>} : (tensor<8x5xf32>) -> tensor<5x8xf32>
// CHECK-NEXT:    [[S:%.*]]:2 = call @{{.*}}(%arg0, %arg1, [[X]]) : (tensor<f32>, tensor<f32>, tensor<5x8xf32>) -> (tensor<f32>, tensor<5x8xf32>)
// CHECK-NEXT:    [[Y:%.*]] = "axil.transpose"([[S]]#1) {permutation = array<i64: 1, 0>}
// CHECK-NEXT:    return [[S]]#0, [[Y]]
func.func @main(%w: tensor<f32>, %s: tensor<f32>, %x: tensor<8x5xf32>) -> (tensor<f32>, tensor<8x5xf32>) {
  %0:2 = call @loop.vmap(%w, %s, %x) : (tensor<f32>, tensor<f32>, tensor<8x5xf32>) -> (tensor<f32>, tensor<8x5xf32>)
  return %0#0, %0#1 : tensor<f32>, tensor<8x5xf32>
}
