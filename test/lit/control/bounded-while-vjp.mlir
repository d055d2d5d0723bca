// Reverse mode counts the steps, and goes back through them with a stack of checkpoints, which is a loop again.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input f32=2 --input f32=1 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{kernels=0},cse" --run --input f32=2 --input f32=1 \
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
func.func private @loop.vjp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0>, outs = array<i64: 0>}}

// The counted loop first; then the one that goes back over segments. It carries the segments that are left, the top of
// the stack, its positions and states, and the cotangent.
// CHECK-LABEL: func.func @main
// CHECK:         %[[FORWARD:.*]]:2 = call @{{.*}}(%{{.*}}, %arg0) : (tensor<i32>, tensor<f32>) -> (tensor<i32>, tensor<f32>)
// CHECK:         call @{{.*}}(%[[FORWARD]]#0, {{.*}}) : (tensor<i32>, tensor<i32>, tensor<i32>, tensor<2xi32>, tensor<2xf32>, tensor<f32>) -> (tensor<i32>, tensor<i32>, tensor<2xi32>, tensor<2xf32>, tensor<f32>)
// CHECK-NOT:   tensor<8x
// CHECK-NOT:   "replay"
// VALUE:      f32=256
// VALUE-NEXT: f32=1024
func.func @main(%s: tensor<f32>, %ct: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0:2 = call @loop.vjp(%s, %ct) : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#0, %0#1 : tensor<f32>, tensor<f32>
}
