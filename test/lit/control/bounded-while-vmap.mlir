// A batched condition makes a masked loop; the body of examples that stopped runs on their initial floats.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input 4xf32=2,3,200,0 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{kernels=0},cse" --run --input 4xf32=2,3,200,0 \
// RUN:   | filecheck %s --check-prefix=VALUE

func.func private @small(%s: tensor<f32>) -> tensor<i1> {
  %n = "axil.constant"() {value = dense<100.0> : tensor<f32>} : () -> tensor<f32>
  %0 = "axil.lt"(%s, %n) : (tensor<f32>, tensor<f32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%s: tensor<f32>) -> tensor<f32> {
  %1 = "axil.mul"(%s, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "bounded_while", of = [@small, @body], cond_consts = 0 : i64, body_consts = 0 : i64, max_steps = 8 : i64, checkpoints = 2 : i64}}
func.func private @loop.vmap(tensor<4xf32>) -> tensor<4xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@loop], in_axes = array<i64: 0>, out_axes = array<i64: 0>, size = 4 : i64, axis_name = ""}}

// CHECK:       "axil.reduce_or"({{.*}}) {axes = array<i64: 0>} : (tensor<4xi1>) -> tensor<i1>
// CHECK:       %[[START:.*]] = "axil.stop_gradient"(%arg0)
// CHECK:       %[[USED:.*]] = "axil.select"(%{{.*}}, %arg1, %[[START]]) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>)
// CHECK:       "axil.mul"(%[[USED]], %[[USED]])
// CHECK:       "axil.select"(%{{.*}}, %{{.*}}, %arg1) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>)
// VALUE:      4xf32=256 6561 200 0
func.func @main(%s: tensor<4xf32>) -> tensor<4xf32> {
  %0 = call @loop.vmap(%s) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
