// Convolutions with any dimension numbers; groups become a dimension.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,axil-simplify,cse" | filecheck %s

// CHECK-LABEL: func.func @strided
// CHECK:         "axil.conv_general"
// CHECK-SAME:    dtype = f32
// CHECK-SAME:    high = array<i64: 1, 2>
// CHECK-SAME:    lhs_dilation = array<i64: 1, 1>, lhs_dims = array<i64: 3, 0, 4, 1, 2>, low = array<i64: 1, 0>
// CHECK-SAME:    out_dims = array<i64: 3, 0, 4, 1, 2>, rhs_dilation = array<i64: 1, 2>, rhs_dims = array<i64: 3, 4, 2, 0, 1>
// CHECK-SAME:    strides = array<i64: 2, 1>
func.func @strided(%x: tensor<2x8x9x3xf32>, %w: tensor<3x3x3x4xf32>) -> tensor<2x4x7x4xf32> {
  %0 = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], window = {stride = [2, 1], pad = [[1, 1], [0, 2]], rhs_dilate = [1, 2]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (tensor<2x8x9x3xf32>, tensor<3x3x3x4xf32>) -> tensor<2x4x7x4xf32>
  return %0 : tensor<2x4x7x4xf32>
}
// CHECK-LABEL: func.func @feature_groups
// CHECK:         "axil.reshape"(%arg0) {shape = array<i64: 2, 2, 3, 8>}
// CHECK:         "axil.reshape"(%arg1) {shape = array<i64: 2, 2, 3, 3>}
// CHECK:         "axil.conv_general"
// CHECK-SAME:    lhs_dims = array<i64: 1, 0, 2, 3>
// CHECK-SAME:    rhs_dims = array<i64: 0, 1, 2, 3>
// CHECK-SAME:    -> tensor<2x2x2x6xf32>
func.func @feature_groups(%x: tensor<2x6x8xf32>, %w: tensor<4x3x3xf32>) -> tensor<2x4x6xf32> {
  %0 = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0]x[o, i, 0]->[b, f, 0], window = {} {batch_group_count = 1 : i64, feature_group_count = 2 : i64} : (tensor<2x6x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x6xf32>
  return %0 : tensor<2x4x6xf32>
}
// CHECK-LABEL: func.func @batch_groups
// CHECK:         "axil.reshape"(%arg0) {shape = array<i64: 2, 2, 3, 8>}
// CHECK:         "axil.conv_general"
// CHECK-SAME:    lhs_dims = array<i64: 0, 1, 2, 3>
// CHECK-SAME:    out_dims = array<i64: 1, 0, 2, 3>
func.func @batch_groups(%x: tensor<4x3x8xf32>, %w: tensor<4x3x3xf32>) -> tensor<2x4x6xf32> {
  %0 = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0]x[o, i, 0]->[b, f, 0], window = {} {batch_group_count = 2 : i64, feature_group_count = 1 : i64} : (tensor<4x3x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x6xf32>
  return %0 : tensor<2x4x6xf32>
}
// CHECK-LABEL: func.func @reversed
// CHECK:         "axil.reverse"(%arg1) {axes = array<i64: 2>}
// CHECK:         "axil.conv_general"
// CHECK-SAME:    lhs_dilation = array<i64: 2>
func.func @reversed(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>) -> tensor<1x3x6xf32> {
  %0 = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0]x[o, i, 0]->[b, f, 0], window = {lhs_dilate = [2], reverse = [true]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>) -> tensor<1x3x6xf32>
  return %0 : tensor<1x3x6xf32>
}
// CHECK-LABEL: func.func @rounded
// CHECK-NEXT:    "axil.reduce_precision"(%arg0) {exponent_bits = 5 : i64, mantissa_bits = 10 : i64}
func.func @rounded(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = stablehlo.reduce_precision %x, format = e5m10 : tensor<3xf32>
  return %0 : tensor<3xf32>
}
