// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo{kernels=0}" | filecheck %s

func.func private @below(%n: tensor<i32>, %i: tensor<i32>) -> tensor<i1> {
  %0 = "axil.lt"(%i, %n) : (tensor<i32>, tensor<i32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @body(%by: tensor<i32>, %i: tensor<i32>) -> tensor<i32> {
  %0 = "axil.add"(%i, %by) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0 : tensor<i32>
}
func.func private @loop(tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<i32>
    attributes {axil.derived = {combinator = "while", of = [@below, @body], cond_consts = 1 : i64, body_consts = 1 : i64}}

// Constants of condition and body are read from outside; only the state is carried.
// CHECK-LABEL: func.func @main
// CHECK:         stablehlo.while(%iterArg = %arg2) : tensor<i32>
// CHECK:           stablehlo.compare LT, %iterArg, %arg0
// CHECK:         do
// CHECK:           stablehlo.add %iterArg, %arg1
// CHECK-NOT:   @body
func.func @main(%n: tensor<i32>, %by: tensor<i32>, %i: tensor<i32>) -> tensor<i32> {
  %0 = call @loop(%n, %by, %i) : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0 : tensor<i32>
}
