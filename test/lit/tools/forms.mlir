// Printed forms: locations, generic operations.
// RUN: axil-opt %s --mlir-print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: axil-opt %s --mlir-print-op-generic | filecheck %s --check-prefix=GENERIC
// RUN: axil-opt %s | axil-opt | axil-opt - | filecheck %s --check-prefix=AGAIN

// LOC: loc("{{.*}}forms.mlir":{{[0-9]+}}:8)
// GENERIC: "func.func"()
// AGAIN: "axil.sin"(%arg0) : (tensor<f32>) -> tensor<f32>
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
