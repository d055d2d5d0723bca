// A batched condition makes a masked loop: it runs while any example goes on, and holds those that stopped.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input 3xi32=0,1,3 --input 3xf32=2,2,2 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{kernels=0},cse" --run --input 3xi32=0,1,3 --input 3xf32=2,2,2 \
// RUN:   | filecheck %s --check-prefix=VALUE

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
func.func private @loop.vmap(tensor<3xi32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xi32>, tensor<3xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@loop], in_axes = array<i64: 0, -1, 0>, out_axes = array<i64: 0, 0>, size = 3 : i64, axis_name = ""}}

// CHECK:       "axil.reduce_or"({{.*}}) {axes = array<i64: 0>} : (tensor<3xi1>) -> tensor<i1>
// CHECK:       "axil.select"({{.*}}) : (tensor<3xi1>, tensor<3xi32>, tensor<3xi32>)
// CHECK:       "axil.select"({{.*}}) : (tensor<3xi1>, tensor<3xf32>, tensor<3xf32>)
// VALUE:      3xi32=0 1 3
// VALUE-NEXT: 3xf32=2 4 256
func.func @main(%n: tensor<3xi32>, %s: tensor<3xf32>) -> (tensor<3xi32>, tensor<3xf32>) {
  %zero = "axil.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
  %0:2 = call @loop.vmap(%n, %zero, %s) : (tensor<3xi32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xi32>, tensor<3xf32>)
  return %0#0, %0#1 : tensor<3xi32>, tensor<3xf32>
}
