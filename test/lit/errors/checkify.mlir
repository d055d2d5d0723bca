// What is wrong with a declaration of checkify, and with a check that nobody made a result.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse,axil-to-stablehlo" 2>&1 | filecheck %s

func.func private @f(%x: tensor<f32>, %i: tensor<1xi32>, %t: tensor<3xf32>) -> tensor<1xf32> {
  %0 = "axil.dynamic_slice"(%t, %i) {sizes = array<i64: 1>} : (tensor<3xf32>, tensor<1xi32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}
// CHECK: checkify.mlir:{{[0-9]+}}:1: error: 'checkify' of @f has the payload (i32[]), and is declared with ()
func.func private @f.checkify(tensor<f32>, tensor<1xi32>, tensor<3xf32>) -> (tensor<1xf32>, tensor<i32>)
    attributes {axil.derived = {combinator = "checkify", of = [@f], errors = "index", payload = () -> ()}}

// -----

func.func private @body(%c: tensor<i32>) -> tensor<i32> {
// CHECK: checkify.mlir:{{[0-9]+}}:3: error: a `check` that is not functionalized is in a compiled program (jit)
  "axil.check.1"(%c) {messages = array<i64: -1>} : (tensor<i32>) -> ()
  return %c : tensor<i32>
}
func.func private @loop(tensor<i32>) -> tensor<i32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func @main(%c: tensor<i32>) -> tensor<i32> {
  %0 = call @loop(%c) : (tensor<i32>) -> tensor<i32>
  return %c : tensor<i32>
}
