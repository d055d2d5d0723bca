// A counted while becomes a scan, and state that never changes a constant of it. `scans=0` leaves it alone.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo{scans=0},axil-inline,symbol-dce,cse" | filecheck %s --check-prefix=WHILE
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --input f32=2 | filecheck %s --check-prefix=VALUE

// From 2 to 9 by 3 are three steps.
// CHECK: axil.derived = {carry = 2 : i64, combinator = "scan", consts = 1 : i64, length = 3 : i64
// WHILE: combinator = "while"
// VALUE: f32=8
func.func @main(%w: tensor<f32>) -> tensor<f32> {
  %two = stablehlo.constant dense<2> : tensor<i32>
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  %0:3 = stablehlo.while(%i = %two, %s = %one, %v = %w) : tensor<i32>, tensor<f32>, tensor<f32>
  cond {
    %n = stablehlo.constant dense<9> : tensor<i32>
    %1 = stablehlo.compare LT, %i, %n, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  } do {
    %by = stablehlo.constant dense<3> : tensor<i32>
    %1 = stablehlo.add %i, %by : tensor<i32>
    %2 = stablehlo.multiply %s, %v : tensor<f32>
    stablehlo.return %1, %2, %v : tensor<i32>, tensor<f32>, tensor<f32>
  }
  return %0#1 : tensor<f32>
}
