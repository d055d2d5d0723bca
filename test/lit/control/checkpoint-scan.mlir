// A checkpointed scan body keeps the state of each step, and no intermediate value of it.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @step(%s: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axil.sin"(%s) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.exp"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = "axil.tanh"(%1) : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
func.func private @body(tensor<4xf32>) -> tensor<4xf32> attributes {axil.derived = {combinator = "checkpoint", of = [@step]}}
func.func private @loop(tensor<4xf32>) -> tensor<4xf32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 9 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.vjp(tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main
// CHECK:         call @{{.*}}(%arg0) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<9x4xf32>)
func.func @main(%s: tensor<4xf32>, %ct: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = call @loop.vjp(%s, %ct) : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32>
}
