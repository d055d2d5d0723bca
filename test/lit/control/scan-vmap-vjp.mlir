// vmap of vjp of scan: shared weights stay unbatched, their gradient has the batch dimension.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input f32=2 --input 2xf32=1,10 --input 2xf32=1,1 | filecheck %s --check-prefix=VALUE

func.func private @body(%w: tensor<f32>, %s: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%s, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.vjp(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0>, outs = array<i64: 0>}}
func.func private @loop.vjp.vmap(tensor<f32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
    attributes {axil.derived = {combinator = "vmap", of = [@loop.vjp], in_axes = array<i64: -1, 0, 0>, out_axes = array<i64: 0, 0>, size = 2 : i64, axis_name = ""}}

// CHECK-LABEL: func.func @main
// CHECK:         call @{{.*}}(%arg0, %arg1) : (tensor<f32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>)
// VALUE:      2xf32=8 80
// VALUE-NEXT: 2xf32=12 120
func.func @main(%w: tensor<f32>, %s: tensor<2xf32>, %ct: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0:2 = call @loop.vjp.vmap(%w, %s, %ct) : (tensor<f32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<2xf32>
}
