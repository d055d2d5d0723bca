// vjp of vmap of a cond whose index is batched: gradients of the select.
// RUN: axil-opt %s --run --input 3xi32=0,1,0 --input 3xf32=2,3,4 --input 3xf32=1,1,10 | filecheck %s --check-prefix=VALUE
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo,cse" --run --input 3xi32=0,1,0 --input 3xf32=2,3,4 --input 3xf32=1,1,10 \
// RUN:   | filecheck %s --check-prefix=VALUE

func.func private @a(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @b(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.neg"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @either(tensor<i32>, tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "cond", of = [@a, @b]}}
func.func private @either.vmap(tensor<3xi32>, tensor<3xf32>) -> tensor<3xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@either], in_axes = array<i64: 0, 0>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}
func.func private @either.vmap.vjp(tensor<3xi32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@either.vmap], wrt = array<i64: 1>, outs = array<i64: 0>}}

// VALUE:      3xf32=4 -3 16
// VALUE-NEXT: 3xf32=4 -1 80
func.func @main(%i: tensor<3xi32>, %x: tensor<3xf32>, %ct: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0:2 = call @either.vmap.vjp(%i, %x, %ct) : (tensor<3xi32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %0#0, %0#1 : tensor<3xf32>, tensor<3xf32>
}
