// An index out of range takes the last branch of a case; `if` takes its first region for true.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --function pick --input i32=0 --input f32=2 | filecheck %s --check-prefix=ZERO
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --function pick --input i32=7 --input f32=2 | filecheck %s --check-prefix=LAST
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --function pick --input i32=-1 --input f32=2 | filecheck %s --check-prefix=LAST
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --function decide --input i1=true --input f32=2 | filecheck %s --check-prefix=TRUE
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,symbol-dce" | filecheck %s

// ZERO: f32=-2
// LAST: f32=4
// TRUE: f32=-2
// CHECK: combinator = "cond", of = [@branch0, @branch1]
func.func @pick(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "stablehlo.case"(%i) ({
    %1 = stablehlo.negate %x : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }, {
    %1 = stablehlo.add %x, %x : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }) : (tensor<i32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @decide(%p: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "stablehlo.if"(%p) ({
    %1 = stablehlo.negate %x : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }, {
    stablehlo.return %x : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  return %0 : tensor<f32>
}
