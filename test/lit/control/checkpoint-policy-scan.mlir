// A policy reaches into a checkpointed loop: the first loop stacks the sine of each step, the second reads it back.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @step(%s: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axil.sin"(%s) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.checkpoint_name"(%0) {name = "sine"} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = "axil.exp"(%1) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = "axil.tanh"(%2) : (tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}
func.func private @loop(tensor<4xf32>) -> tensor<4xf32>
    attributes {axil.derived = {combinator = "scan", of = [@step], consts = 0 : i64, carry = 1 : i64, length = 9 : i64, reverse = false, unroll = 0 : i64}}
func.func private @kept(tensor<4xf32>) -> tensor<4xf32>
    attributes {axil.derived = {combinator = "checkpoint", of = [@loop], policy = "save_only_these_names[\"sine\"]", prevent_cse = false}}
func.func private @kept.vjp(tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@kept], wrt = array<i64: 0>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main
// CHECK:         [[FIRST:%.*]]:2 = call @{{.*}}(%arg0) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<9x4xf32>)
// CHECK:         call @{{.*}}(%arg0, [[FIRST]]#1, %arg1) : (tensor<4xf32>, tensor<9x4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @main(%s: tensor<4xf32>, %ct: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = call @kept.vjp(%s, %ct) : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32>
}
