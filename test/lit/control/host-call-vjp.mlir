// A call that only looks stays in the forward pass, once, on the primal; the backward pass does not make it.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @look(tensor<f32>)
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:print", type = (tensor<f32>) -> (), kind = "debug", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @body(%c: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  call @look(%c) : (tensor<f32>) -> ()
  %0 = "axil.mul"(%c, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<3xf32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.vjp(tensor<f32>, tensor<3xf32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main
// CHECK:         [[FORWARD:@[^(]*]](%arg0, %arg1) {axil.effects}
// CHECK:         [[BACKWARD:@[^(]*]](%arg2, %arg1) : (tensor<f32>, tensor<3xf32>)
// CHECK:       func.func private @body.forward({{.*}} attributes {axil.effects}
// CHECK:         call @{{.*}}(%arg0) {axil.effects} : (tensor<f32>) -> ()
// CHECK-NOT:     {axil.effects} : (tensor<f32>) -> ()
func.func @main(%c: tensor<f32>, %x: tensor<3xf32>, %ct: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0:2 = call @loop.vjp(%c, %x, %ct) : (tensor<f32>, tensor<3xf32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#0, %0#1 : tensor<f32>, tensor<f32>
}
