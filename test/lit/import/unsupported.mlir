// What has no counterpart is named, with its line.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-import-stablehlo" 2>&1 | filecheck %s

// CHECK: unsupported.mlir:6:8: error: operation 'stablehlo.custom_call' cannot be imported: the dialect has no such op
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = stablehlo.custom_call @foo(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: unsupported.mlir:13:{{[0-9]+}}: error: 'stablehlo.reduce' cannot be imported: reductions are imported by add, multiply
func.func @main(%x: tensor<2xi32>) -> tensor<i32> {
  %c = stablehlo.constant dense<0> : tensor<i32>
  %0 = stablehlo.reduce(%x init: %c) applies stablehlo.xor across dimensions = [0] : (tensor<2xi32>, tensor<i32>) -> tensor<i32>
  return %0 : tensor<i32>
}
// -----
// CHECK: unsupported.mlir:19:{{[0-9]+}}: error: 'stablehlo.sort' cannot be imported: its comparator is not 'less' or 'greater' of its first operands
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "stablehlo.sort"(%x) <{dimension = 0 : i64}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %2 = stablehlo.abs %a : tensor<f32>
    %3 = stablehlo.abs %b : tensor<f32>
    %1 = stablehlo.compare LT, %2, %3 : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// -----
// CHECK: unsupported.mlir:31:8: error: expected a ranked tensor type with static dimensions, got tensor<?xf32>
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = stablehlo.sine %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}
