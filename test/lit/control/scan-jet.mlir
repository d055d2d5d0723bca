// Taylor mode of a scan: one scan that carries the coefficients of its state besides; those of a counter are not there.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input f32=2 --input f32=1 --input f32=0 | filecheck %s --check-prefix=VALUE

func.func private @body(%w: tensor<f32>, %s: tensor<f32>, %n: tensor<i32>) -> (tensor<f32>, tensor<i32>) {
  %0 = "axil.mul"(%s, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.add"(%n, %n) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0, %1 : tensor<f32>, tensor<i32>
}
func.func private @loop(tensor<f32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 2 : i64, length = 2 : i64, reverse = false, unroll = 1 : i64}}
func.func private @loop.jet(tensor<f32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jet", of = [@loop], wrt = array<i64: 0>, order = 2 : i64}}

// CHECK-LABEL: func.func @main
// CHECK:         call @[[LOOP:[a-z_.]*]](%arg0, %arg1, %arg2, {{.*}}) : (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>)
// CHECK:       func.func private @[[LOOP]]({{.*}}) attributes {axil.derived = {carry = 4 : i64, combinator = "scan", consts = 3 : i64
// w^2 at 2, along w = 2 + t: 4 + 4 t + t^2.
// VALUE:      f32=4
// VALUE-NEXT: f32=4
// VALUE-NEXT: f32=1
func.func @main(%w: tensor<f32>, %w1: tensor<f32>, %w2: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %n = "axil.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
  %0:4 = call @loop.jet(%w, %one, %n, %w1, %w2) : (tensor<f32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>)
  return %0#0, %0#2, %0#3 : tensor<f32>, tensor<f32>, tensor<f32>
}
