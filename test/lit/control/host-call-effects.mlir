// Calls with effects are neither dropped nor merged, nor are calls of control flow that makes them; pure ones are.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse" | filecheck %s

func.func private @io(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:io", type = (tensor<f32>) -> tensor<f32>, kind = "io", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @pure(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "1:pure", type = (tensor<f32>) -> tensor<f32>, kind = "pure", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @body(%c: tensor<f32>) -> tensor<f32> {
  %0 = call @io(%c) : (tensor<f32>) -> tensor<f32>
  return %c : tensor<f32>
}
func.func private @loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[A:%.*]] = call @io(%arg0) {axil.effects}
// CHECK-NEXT:    [[B:%.*]] = call @io(%arg0) {axil.effects}
// CHECK-NEXT:    call @loop(%arg0) {axil.effects}
// CHECK-NEXT:    call @loop(%arg0) {axil.effects}
// CHECK-NEXT:    [[C:%.*]] = call @pure(%arg0) : (tensor<f32>)
// CHECK-NEXT:    return [[A]], [[B]], [[C]], [[C]]
func.func @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
  %0 = call @io(%x) : (tensor<f32>) -> tensor<f32>
  %1 = call @io(%x) : (tensor<f32>) -> tensor<f32>
  %2 = call @loop(%x) : (tensor<f32>) -> tensor<f32>
  %3 = call @loop(%x) : (tensor<f32>) -> tensor<f32>
  %4 = call @pure(%x) : (tensor<f32>) -> tensor<f32>
  %5 = call @pure(%x) : (tensor<f32>) -> tensor<f32>
  %6 = call @pure(%0) : (tensor<f32>) -> tensor<f32>
  return %0, %1, %4, %5 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}
