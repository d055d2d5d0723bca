// What is imported computes what it did: a grouped convolution, then windows of it.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --input 1x2x4xf32=1,2,3,4,5,6,8,9 --input 2x1x2xf32=1,1,1,-1 | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,axil-to-stablehlo,cse" --run --input 1x2x4xf32=1,2,3,4,5,6,8,9 --input 2x1x2xf32=1,1,1,-1 | filecheck %s

// CHECK:      1x2x3xf32=
// CHECK-SAME: 3
// CHECK-SAME: 5
// CHECK-SAME: 7
// CHECK-SAME: -1
// CHECK-SAME: -2
// CHECK-SAME: -1
// CHECK:      1x2x2xf32=
// CHECK-SAME: 8
// CHECK-SAME: 12
// CHECK-SAME: -3
// CHECK-SAME: -3
func.func @main(%x: tensor<1x2x4xf32>, %w: tensor<2x1x2xf32>) -> (tensor<1x2x3xf32>, tensor<1x2x2xf32>) {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0]x[o, i, 0]->[b, f, 0], window = {} {batch_group_count = 1 : i64, feature_group_count = 2 : i64} : (tensor<1x2x4xf32>, tensor<2x1x2xf32>) -> tensor<1x2x3xf32>
  %1 = "stablehlo.reduce_window"(%0, %zero) <{window_dimensions = array<i64: 1, 1, 2>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %2 = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %2 : tensor<f32>
  }) : (tensor<1x2x3xf32>, tensor<f32>) -> tensor<1x2x2xf32>
  return %0, %1 : tensor<1x2x3xf32>, tensor<1x2x2xf32>
}
