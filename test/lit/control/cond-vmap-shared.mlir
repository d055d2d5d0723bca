// An index that all examples share keeps the cond: only the branch that is taken runs.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s

func.func private @a(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @b(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.neg"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @either(tensor<i32>, tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "cond", of = [@a, @b]}}
func.func private @either.vmap(tensor<i32>, tensor<3xf32>) -> tensor<3xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@either], in_axes = array<i64: -1, 0>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}

// CHECK-NOT:   "axil.select"
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[Y:%.*]] = call @{{.*}}(%arg0, %arg1) : (tensor<i32>, tensor<3xf32>) -> tensor<3xf32>
// CHECK-NEXT:    return [[Y]]
func.func @main(%i: tensor<i32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = call @either.vmap(%i, %x) : (tensor<i32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
