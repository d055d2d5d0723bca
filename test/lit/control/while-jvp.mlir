// Forward mode goes through while: the tangent is carried along, and the condition does not see it.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input i32=3 --input f32=2 --input f32=1 | filecheck %s --check-prefix=VALUE

func.func private @below(%n: tensor<i32>, %i: tensor<i32>, %s: tensor<f32>) -> tensor<i1> {
  %0 = "axil.lt"(%i, %n) : (tensor<i32>, tensor<i32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%i: tensor<i32>, %s: tensor<f32>) -> (tensor<i32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
  %0 = "axil.add"(%i, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  %1 = "axil.mul"(%s, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %1 : tensor<i32>, tensor<f32>
}
func.func private @loop(tensor<i32>, tensor<i32>, tensor<f32>) -> (tensor<i32>, tensor<f32>)
    attributes {axil.derived = {combinator = "while", of = [@below, @body], cond_consts = 1 : i64, body_consts = 0 : i64}}
func.func private @loop.jvp(tensor<i32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<i32>, tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jvp", of = [@loop], wrt = array<i64: 2>}}

// CHECK-LABEL: func.func @main
// CHECK:         call @{{.*}}(%arg0, {{%.*}}, %arg1, %arg2) : (tensor<i32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<i32>, tensor<f32>, tensor<f32>)
// s^8 at 2, and 8 s^7.
// VALUE:      f32=256
// VALUE-NEXT: f32=1024
func.func @main(%n: tensor<i32>, %s: tensor<f32>, %t: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %zero = "axil.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
  %0:3 = call @loop.jvp(%n, %zero, %s, %t) : (tensor<i32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<i32>, tensor<f32>, tensor<f32>)
  return %0#1, %0#2 : tensor<f32>, tensor<f32>
}
