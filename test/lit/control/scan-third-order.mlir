// vjp of vjp of vjp of a scan that computes w^4 * s: derivatives 4w^3, 12w^2, 24w.
// RUN: axil-opt %s --run --input f32=2 --input f32=1 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{kernels=0},cse" --run --input f32=2 --input f32=1 \
// RUN:   | filecheck %s --check-prefix=VALUE

func.func private @body(%w: tensor<f32>, %s: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%s, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 1 : i64, length = 4 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0>, outs = array<i64: 0>}}
func.func private @first(%w: tensor<f32>, %s: tensor<f32>) -> tensor<f32> {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @loop.vjp(%w, %s, %one) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @first.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@first], wrt = array<i64: 0>, outs = array<i64: 0>}}
func.func private @second(%w: tensor<f32>, %s: tensor<f32>) -> tensor<f32> {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @first.vjp(%w, %s, %one) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @second.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@second], wrt = array<i64: 0>, outs = array<i64: 0>}}

// VALUE:      f32=32
// VALUE-NEXT: f32=48
// VALUE-NEXT: f32=48
func.func @main(%w: tensor<f32>, %s: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0 = call @first(%w, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = call @second(%w, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2:2 = call @second.vjp(%w, %s, %one) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0, %1, %2#1 : tensor<f32>, tensor<f32>, tensor<f32>
}
