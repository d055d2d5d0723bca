// A scan of which an index may be out of bounds is one that carries the error: a code, and the index for the message.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input 3xf32=1,2,4 --input 3x1xi32=2,7,-1 | filecheck %s --check-prefix=GIVES

func.func private @body(%table: tensor<3xf32>, %s: tensor<f32>, %i: tensor<1xi32>) -> (tensor<f32>, tensor<1xf32>) {
  %0 = "axil.dynamic_slice"(%table, %i) {sizes = array<i64: 1>} : (tensor<3xf32>, tensor<1xi32>) -> tensor<1xf32>
  %1 = "axil.reshape"(%0) {shape = array<i64>} : (tensor<1xf32>) -> tensor<f32>
  %2 = "axil.add"(%s, %1) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2, %0 : tensor<f32>, tensor<1xf32>
}
func.func private @loop(tensor<3xf32>, tensor<f32>, tensor<3x1xi32>) -> (tensor<f32>, tensor<3x1xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func private @f(%t: tensor<3xf32>, %i: tensor<3x1xi32>) -> tensor<f32> {
  %0 = "axil.constant"() {value = dense<0.> : tensor<f32>} : () -> tensor<f32>
  %1:2 = call @loop(%t, %0, %i) : (tensor<3xf32>, tensor<f32>, tensor<3x1xi32>) -> (tensor<f32>, tensor<3x1xf32>)
  return %1#0 : tensor<f32>
}
func.func private @f.checkify(tensor<3xf32>, tensor<3x1xi32>) -> (tensor<f32>, tensor<i32>, tensor<i32>)
    attributes {axil.derived = {combinator = "checkify", of = [@f], errors = "index", payload = () -> tensor<i32>}}

// CHECK-LABEL: func.func @main
// CHECK:         [[NONE:%.*]] = "axil.constant"() {value = dense<0> : tensor<i32>}
// CHECK:         [[LOOP:%.*]]:4 = call @[[SCAN:.*]](%arg0, [[NONE]], [[NONE]], {{%.*}}, %arg1)
// CHECK-NEXT:    return [[LOOP]]#2, [[LOOP]]#0, [[LOOP]]#1
// CHECK:       func.func private @[[SCAN]]
// CHECK-SAME:    {axil.derived = {carry = 3 : i64, combinator = "scan", consts = 1 : i64, length = 3 : i64
// GIVES: f32=9
// GIVES: i32=1
// GIVES: i32=7
func.func @main(%t: tensor<3xf32>, %i: tensor<3x1xi32>) -> (tensor<f32>, tensor<i32>, tensor<i32>) {
  %0:3 = call @f.checkify(%t, %i) : (tensor<3xf32>, tensor<3x1xi32>) -> (tensor<f32>, tensor<i32>, tensor<i32>)
  return %0#0, %0#1, %0#2 : tensor<f32>, tensor<i32>, tensor<i32>
}
