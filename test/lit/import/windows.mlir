// Reductions of windows, and the gradient of pooling.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,cse" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,axil-to-stablehlo{platform=portable},cse" | filecheck %s --check-prefix=BACK

// CHECK-LABEL: func.func @max_pool
// CHECK:         [[Y:%.*]] = "axil.reduce_window_max"(%arg0) {base_dilation = array<i64: 1, 1, 1, 1>, high = array<i64: 0, 1, 1, 0>, low = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 2, 2, 1>, window = array<i64: 1, 3, 3, 1>, window_dilation = array<i64: 1, 1, 1, 1>}
// CHECK-NEXT:    return [[Y]]
func.func @max_pool(%x: tensor<2x8x8x3xf32>) -> tensor<2x4x4x3xf32> {
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %0 = "stablehlo.reduce_window"(%x, %low) <{padding = dense<[[0, 0], [0, 1], [0, 1], [0, 0]]> : tensor<4x2xi64>, window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 2, 2, 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %1 = stablehlo.maximum %a, %b : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }) : (tensor<2x8x8x3xf32>, tensor<f32>) -> tensor<2x4x4x3xf32>
  return %0 : tensor<2x4x4x3xf32>
}
// An initial value that is not neutral fills padding and gaps too.
// CHECK-LABEL: func.func @sums_from
// CHECK:         [[P:%.*]] = "axil.pad"(%arg0, %arg1) {high = array<i64: 0>, interior = array<i64: 1>, low = array<i64: 1>}
// CHECK:         [[Y:%.*]] = "axil.reduce_window_sum"([[P]])
// CHECK-SAME:    window_dilation = array<i64: 2>
// CHECK:         [[I:%.*]] = "axil.broadcast_in_dim"(%arg1)
// CHECK:         "axil.add"([[I]], [[Y]])
func.func @sums_from(%x: tensor<4xi32>, %init: tensor<i32>) -> tensor<6xi32> {
  %0 = "stablehlo.reduce_window"(%x, %init) <{padding = dense<[[1, 0]]> : tensor<1x2xi64>, window_dimensions = array<i64: 2>, base_dilations = array<i64: 2>, window_dilations = array<i64: 2>}> ({
  ^bb0(%a: tensor<i32>, %b: tensor<i32>):
    %1 = stablehlo.add %a, %b : tensor<i32>
    stablehlo.return %1 : tensor<i32>
  }) : (tensor<4xi32>, tensor<i32>) -> tensor<6xi32>
  return %0 : tensor<6xi32>
}
// BACK-LABEL:  func.func @max_pool_gradient
// BACK:          [[Y:%.*]] = "stablehlo.select_and_scatter"(%arg0, %arg1, {{.*}}) <{padding = dense<0> : tensor<2x2xi64>, window_dimensions = array<i64: 2, 2>, window_strides = array<i64: 2, 2>}> ({
// BACK:            stablehlo.compare GE
// BACK:            stablehlo.add
// BACK:          return [[Y]]
// CHECK-LABEL: func.func @max_pool_gradient
// CHECK:         [[Y:%.*]] = "axil.select_and_scatter_add"(%arg1, %arg0)
// CHECK-SAME:    largest = true
// CHECK-SAME:    window = array<i64: 2, 2>
// CHECK:         return [[Y]]
func.func @max_pool_gradient(%x: tensor<4x4xf32>, %ct: tensor<2x2xf32>) -> tensor<4x4xf32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = "stablehlo.select_and_scatter"(%x, %ct, %zero) <{window_dimensions = array<i64: 2, 2>, window_strides = array<i64: 2, 2>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %1 = stablehlo.compare GE, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  }, {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %1 = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }) : (tensor<4x4xf32>, tensor<2x2xf32>, tensor<f32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
