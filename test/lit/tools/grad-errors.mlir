// What has no gradient says why, at the function's line.
// RUN: not axil grad %s --wrt 3 2>&1 | filecheck %s --check-prefix=INDEX
// RUN: not axil grad %s --wrt 1 2>&1 | filecheck %s --check-prefix=INTEGER
// RUN: not axil grad %s --wrt 0,0 2>&1 | filecheck %s --check-prefix=TWICE
// RUN: not axil grad %s --wrt x 2>&1 | filecheck %s --check-prefix=WORD
// RUN: not axil grad %s --function vector 2>&1 | filecheck %s --check-prefix=VECTOR
// RUN: not axil grad %s --function count 2>&1 | filecheck %s --check-prefix=COUNT
// RUN: not axil grad %s --function nosuch 2>&1 | filecheck %s --check-prefix=NAME
// RUN: not axil grad %s --function call 2>&1 | filecheck %s --check-prefix=FOREIGN
// RUN: not axil grad %s --function loop 2>&1 | filecheck %s --check-prefix=LOOP

// INDEX: grad-errors.mlir:21:1: error: --wrt 3: @main has 2 inputs, counted from 0
// INTEGER: grad-errors.mlir:21:1: error: --wrt 1: input 1 of @main is i32[]; gradients are of floats
// TWICE: grad-errors.mlir: error: --wrt names an input twice: 0,0
// WORD: grad-errors.mlir: error: --wrt takes positions such as 0 or 0,2, got 'x'
// VECTOR: grad-errors.mlir:24:1: error: @vector gives f32[2]; a gradient is of one floating point scalar, such as a loss
// COUNT: grad-errors.mlir:27:1: error: @count gives i32[]; a gradient is of one floating point scalar, such as a loss
// NAME: grad-errors.mlir: error: there is no function @nosuch; the file has @main, @vector, @count, @call, @loop
// FOREIGN: grad-errors.mlir:32:8: error: operation 'stablehlo.custom_call' cannot be imported
// LOOP: grad-errors.mlir:37:8: error: reverse-mode differentiation does not go through a 'while' loop
func.func @main(%x: tensor<f32>, %n: tensor<i32>) -> tensor<f32> {
  return %x : tensor<f32>
}
func.func @vector(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
func.func @count(%x: tensor<f32>) -> tensor<i32> {
  %0 = "axil.convert"(%x) {dtype = i32} : (tensor<f32>) -> tensor<i32>
  return %0 : tensor<i32>
}
func.func @call(%x: tensor<f32>) -> tensor<f32> {
  %0 = stablehlo.custom_call @foo(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @loop(%x: tensor<f32>) -> tensor<f32> {
  %c = stablehlo.constant dense<9.0> : tensor<f32>
  %0 = stablehlo.while(%s = %x) : tensor<f32>
  cond {
    %1 = stablehlo.compare LT, %s, %c, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  } do {
    %1 = stablehlo.add %s, %s : tensor<f32>
    stablehlo.return %1 : tensor<f32>
  }
  return %0 : tensor<f32>
}
