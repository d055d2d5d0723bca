// RUN: not axil-opt %s --run 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not axil-opt %s --run --input 3xf32=1 2>&1 | filecheck %s --check-prefix=SHAPE
// RUN: not axil-opt %s --run --input 2xf32=1,2,3 2>&1 | filecheck %s --check-prefix=COUNT
// RUN: not axil-opt %s --run --input 2xfoo=1 2>&1 | filecheck %s --check-prefix=TYPE
// RUN: not axil-opt %s --run --input hello 2>&1 | filecheck %s --check-prefix=FORM
// RUN: not axil-opt %s --run --input nosuch.npy 2>&1 | filecheck %s --check-prefix=FILE
// RUN: not axil-opt %s --run --function nosuch 2>&1 | filecheck %s --check-prefix=NAME
// RUN: not axil-opt %s.nosuch 2>&1 | filecheck %s --check-prefix=INPUT

// NONE: run-errors.mlir: error: @main takes 1 inputs (f32[2]), got 0
// SHAPE: run-errors.mlir: error: input 0 of @main is f32[2], got f32[3]
// COUNT: run-errors.mlir: error: input '2xf32' needs 2 values, or one for all, got 3
// TYPE: run-errors.mlir: error: '2xfoo' is no array type
// FORM: run-errors.mlir: error: an input is written '2xf32=1,2' or names an .npy file, got 'hello'
// FILE: run-errors.mlir: error: cannot read nosuch.npy
// NAME: run-errors.mlir: error: there is no function @nosuch in the module
// INPUT: run-errors.mlir.nosuch: error: No such file or directory
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
