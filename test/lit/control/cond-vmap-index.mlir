// A batched index turns a cond into a select: every branch runs on the whole batch.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input 3xi32=0,1,0 --input 3xf32=2,3,4 | filecheck %s --check-prefix=VALUE

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

// CHECK-NOT:   call
// CHECK-LABEL: func.func @main
// CHECK:         [[STOPPED:%.*]] = "axil.stop_gradient"(%arg1)
// CHECK:         [[X:%.*]] = "axil.select"({{%.*}}, %arg1, [[STOPPED]])
// CHECK:         [[A:%.*]] = "axil.mul"([[X]], [[X]]) : (tensor<3xf32>, tensor<3xf32>)
// CHECK:         [[Y:%.*]] = "axil.select"({{%.*}}, %arg1, [[STOPPED]])
// CHECK:         [[B:%.*]] = "axil.neg"([[Y]]) : (tensor<3xf32>)
// CHECK:         "axil.select"({{%.*}}, [[A]], [[B]])
// CHECK-NOT:   combinator = "cond"
// VALUE: 3xf32=4 -3 16
func.func @main(%i: tensor<3xi32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = call @either.vmap(%i, %x) : (tensor<3xi32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
