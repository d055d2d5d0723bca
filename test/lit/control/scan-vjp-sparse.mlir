// Zeros stay symbolic: where only the last state is differentiated, the backward loop has no cotangents of the rows, and
// nothing is stacked for them (the cosine); the only zero is none at all.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,axil-prune,symbol-dce,axil-simplify,cse" | filecheck %s

func.func private @body(%s: tensor<4xf32>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = "axil.mul"(%s, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.sin"(%s) : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
func.func private @loop(tensor<4xf32>, tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 1 : i64}}
func.func private @loop.vjp(tensor<4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[CT:%.*]] = call @[[BACKWARD:[a-z_.]*]](%arg2, %arg1) : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    return [[CT]]
// CHECK-NOT:     axil.cos
// CHECK-NOT:     dense<0
// CHECK:       func.func private @[[BACKWARD]]({{.*}}reverse = true
func.func @main(%s: tensor<4xf32>, %x: tensor<3x4xf32>, %ct: tensor<4xf32>) -> tensor<4xf32> {
  %0:3 = call @loop.vjp(%s, %x, %ct) : (tensor<4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>, tensor<4xf32>)
  return %0#2 : tensor<4xf32>
}
