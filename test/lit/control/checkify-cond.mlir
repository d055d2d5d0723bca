// Branches of a checkified cond give the slots of all: zeros where they have no such payload.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input i32=0 --input f32=-2 | filecheck %s --check-prefix=FIRST
// RUN: axil-opt %s --run --input i32=1 --input f32=-2 | filecheck %s --check-prefix=SECOND

func.func private @log(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.log"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @checked(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
  "axil.check.2"(%0, %x) {messages = array<i64: -1>} : (tensor<i32>, tensor<f32>) -> ()
  return %x : tensor<f32>
}
func.func private @cond(tensor<i32>, tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "cond", of = [@log, @checked]}}
func.func private @f(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = call @cond(%i, %x) : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f.checkify(tensor<i32>, tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>)
    attributes {axil.derived = {combinator = "checkify", of = [@f], errors = "nan,user", payload = () -> tensor<f32>}}

// CHECK-LABEL: func.func @main
// CHECK:         [[C:%.*]]:3 = call @[[COND:.*]](%arg0, %arg1)
// CHECK-NEXT:    return [[C]]#0, [[C]]#1, [[C]]#2
// CHECK-NOT:     axil.check
// FIRST: i32=1
// FIRST: f32=0
// SECOND: f32=-2
// SECOND: i32=2
// SECOND: f32=-2
func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>) {
  %0:3 = call @f.checkify(%i, %x) : (tensor<i32>, tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>)
  return %0#0, %0#1, %0#2 : tensor<f32>, tensor<i32>, tensor<f32>
}
