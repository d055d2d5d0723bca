// Regions in regions: an inner loop reads what the outer one captures.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --input f32=2 | filecheck %s
// RUN: axil grad %s --value | axil-opt - --run --input f32=2 | filecheck %s --check-prefix=GRAD

// w to the power of 2 * 3, and 6 w^5.
// CHECK: f32=64
// GRAD:      f32=64
// GRAD-NEXT: f32=192
func.func @main(%w: tensor<f32>) -> tensor<f32> {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %by = stablehlo.constant dense<1> : tensor<i32>
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  %0:2 = stablehlo.while(%i = %zero, %s = %one) : tensor<i32>, tensor<f32>
  cond {
    %n = stablehlo.constant dense<2> : tensor<i32>
    %1 = stablehlo.compare LT, %i, %n, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  } do {
    %1:2 = stablehlo.while(%j = %zero, %t = %s) : tensor<i32>, tensor<f32>
    cond {
      %m = stablehlo.constant dense<3> : tensor<i32>
      %2 = stablehlo.compare LT, %j, %m, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %2 : tensor<i1>
    } do {
      %2 = stablehlo.add %j, %by : tensor<i32>
      %3 = stablehlo.multiply %t, %w : tensor<f32>
      stablehlo.return %2, %3 : tensor<i32>, tensor<f32>
    }
    %4 = stablehlo.add %i, %by : tensor<i32>
    stablehlo.return %4, %1#1 : tensor<i32>, tensor<f32>
  }
  return %0#1 : tensor<f32>
}
