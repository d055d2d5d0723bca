// Forward mode of a cond is a cond of the branches' forward modes.
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
func.func private @either.jvp(tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jvp", of = [@either], wrt = array<i64: 1>}}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[R:%.*]]:2 = call @[[COND:.*]](%arg0, %arg1, %arg2)
// CHECK-NEXT:    return [[R]]#0, [[R]]#1
// CHECK:       func.func private @[[COND]](tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "cond"
func.func @main(%i: tensor<i32>, %x: tensor<f32>, %t: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0:2 = call @either.jvp(%i, %x, %t) : (tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#0, %0#1 : tensor<f32>, tensor<f32>
}
