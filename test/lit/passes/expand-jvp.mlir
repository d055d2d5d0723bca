// Forward mode: every operation is followed by that of its tangent; constants and integers have none.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce" | filecheck %s

func.func private @f(%x: tensor<4xf32>, %n: tensor<i32>) -> (tensor<4xf32>, tensor<i32>) {
  %0 = "axil.sin"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.add"(%n, %n) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0, %1 : tensor<4xf32>, tensor<i32>
}
func.func private @f.jvp(tensor<4xf32>, tensor<i32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<i32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>}}

// CHECK-LABEL: func.func @main(%arg0: tensor<4xf32>, %arg1: tensor<i32>, %arg2: tensor<4xf32>)
// CHECK-DAG:     [[Y:%.*]] = "axil.sin"(%arg0)
// CHECK-DAG:     [[COS:%.*]] = "axil.cos"(%arg0)
// CHECK-DAG:     [[DY:%.*]] = "axil.mul"(%arg2, [[COS]])
// CHECK-DAG:     [[N:%.*]] = "axil.add"(%arg1, %arg1)
// CHECK:         return [[Y]], [[N]], [[DY]]
// CHECK-NOT:   axil.derived
func.func @main(%x: tensor<4xf32>, %n: tensor<i32>, %t: tensor<4xf32>) -> (tensor<4xf32>, tensor<i32>, tensor<4xf32>) {
  %0:3 = call @f.jvp(%x, %n, %t) : (tensor<4xf32>, tensor<i32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<i32>, tensor<4xf32>)
  return %0#0, %0#1, %0#2 : tensor<4xf32>, tensor<i32>, tensor<4xf32>
}
