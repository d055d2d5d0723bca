// Reductions by their region; an initial value that is not neutral is combined with the result.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,cse" | filecheck %s

// CHECK-LABEL: func.func @sum
// CHECK-NEXT:    [[Y:%.*]] = "axil.reduce_sum"(%arg0) {axes = array<i64: 0>}
// CHECK-NEXT:    return [[Y]]
func.func @sum(%x: tensor<2x3xf32>) -> tensor<3xf32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// CHECK-LABEL: func.func @sum_from
// CHECK:         [[Y:%.*]] = "axil.reduce_sum"(%arg0)
// CHECK:         [[I:%.*]] = "axil.broadcast_in_dim"(%arg1)
// CHECK:         "axil.add"([[I]], [[Y]])
func.func @sum_from(%x: tensor<2x3xf32>, %init: tensor<f32>) -> tensor<3xf32> {
  %0 = stablehlo.reduce(%x init: %init) applies stablehlo.add across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// CHECK-LABEL: func.func @extrema
// CHECK:         "axil.reduce_max"
// CHECK:         "axil.reduce_min"
// CHECK-NOT:     "axil.max"
// CHECK:         return
func.func @extrema(%x: tensor<2x3xf32>) -> (tensor<f32>, tensor<f32>) {
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %high = stablehlo.constant dense<0x7F800000> : tensor<f32>
  %0 = stablehlo.reduce(%x init: %low) applies stablehlo.maximum across dimensions = [1, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
  %1 = stablehlo.reduce(%x init: %high) applies stablehlo.minimum across dimensions = [0, 1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
// CHECK-LABEL: func.func @any
// CHECK-NEXT:    "axil.reduce_or"
func.func @any(%x: tensor<3xi1>) -> tensor<i1> {
  %no = stablehlo.constant dense<false> : tensor<i1>
  %0 = stablehlo.reduce(%x init: %no) applies stablehlo.or across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
  return %0 : tensor<i1>
}
// What a region of several operations computes is found out by trying it.
// CHECK-LABEL: func.func @argmin
// CHECK:         [[Y:%.*]] = "axil.argmin"(%arg0) {axis = 0 : i64, dtype = i32}
// CHECK:         return [[Y]]
func.func @argmin(%x: tensor<9xf32>) -> tensor<i32> {
  %i = stablehlo.iota dim = 0 : tensor<9xi32>
  %high = stablehlo.constant dense<0x7F800000> : tensor<f32>
  %c = stablehlo.constant dense<0> : tensor<i32>
  %0:2 = stablehlo.reduce(%x init: %high), (%i init: %c) across dimensions = [0] : (tensor<9xf32>, tensor<9xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
   reducer(%a: tensor<f32>, %b: tensor<f32>) (%j: tensor<i32>, %k: tensor<i32>) {
    %1 = stablehlo.compare LE, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %2 = stablehlo.select %1, %a, %b : tensor<i1>, tensor<f32>
    %3 = stablehlo.compare EQ, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %4 = stablehlo.minimum %j, %k : tensor<i32>
    %5 = stablehlo.select %1, %j, %k : tensor<i1>, tensor<i32>
    %6 = stablehlo.select %3, %4, %5 : tensor<i1>, tensor<i32>
    stablehlo.return %2, %6 : tensor<f32>, tensor<i32>
  }
  return %0#1 : tensor<i32>
}
// CHECK-LABEL: func.func @running_product
// CHECK:         "axil.cumprod"(%arg0) {axis = 0 : i64, reverse = true}
func.func @running_product(%x: tensor<9xf32>) -> tensor<9xf32> {
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  %0 = "stablehlo.reduce_window"(%x, %one) <{padding = dense<[[0, 8]]> : tensor<1x2xi64>, window_dimensions = array<i64: 9>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %1 = stablehlo.multiply %a, %b : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }) : (tensor<9xf32>, tensor<f32>) -> tensor<9xf32>
  return %0 : tensor<9xf32>
}
