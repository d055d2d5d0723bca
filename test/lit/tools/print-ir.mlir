// Printing between passes, and timing.
// RUN: axil-opt %s --pass-pipeline="axil-simplify,cse,axil-to-stablehlo" --mlir-print-ir-after-all 2>&1 | filecheck %s --check-prefix=ALL
// RUN: axil-opt %s --pass-pipeline="axil-simplify,cse,axil-to-stablehlo" --mlir-print-ir-after-change 2>&1 | filecheck %s --check-prefix=CHANGE
// RUN: axil-opt %s --pass-pipeline="axil-simplify,cse" --mlir-timing 2>&1 | filecheck %s --check-prefix=TIMING

// ALL:      // -----// IR after axil-simplify //----- //
// ALL:      "axil.tanh"
// ALL:      // -----// IR after cse //----- //
// ALL:      "axil.tanh"
// ALL:      // -----// IR after axil-to-stablehlo //----- //
// ALL:      stablehlo.tanh
// CHANGE:   // -----// axil-simplify changed nothing //----- //
// CHANGE:   // -----// cse changed nothing //----- //
// CHANGE:   // -----// IR after axil-to-stablehlo //----- //
// TIMING:   ms {{.*}} axil-simplify
// TIMING:   ms {{.*}} cse
// TIMING:   total
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.tanh"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
