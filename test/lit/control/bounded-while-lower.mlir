// The compiled loop counts its steps.
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
    attributes {axil.derived = {combinator = "bounded_while", of = [@below, @body], cond_consts = 1 : i64, body_consts = 1 : i64, max_steps = 9 : i64, checkpoints = 1 : i64}}

// CHECK-LABEL: func.func @main
// CHECK:         stablehlo.while(%[[COUNT:.*]] = %{{.*}}, %[[STATE:.*]] = %arg2) : tensor<i32>, tensor<i32>
// CHECK:           %[[GOES_ON:.*]] = stablehlo.compare LT, %[[STATE]], %arg0
// CHECK:           %[[MOST:.*]] = stablehlo.constant dense<9>
// CHECK:           stablehlo.compare LT, %[[COUNT]], %[[MOST]]
// CHECK:           stablehlo.and %[[GOES_ON]]
// CHECK:         do
// CHECK-DAG:       stablehlo.add %[[COUNT]]
// CHECK-DAG:       stablehlo.add %[[STATE]], %arg1
func.func @main(%n: tensor<i32>, %by: tensor<i32>, %i: tensor<i32>) -> tensor<i32> {
  %0 = call @loop(%n, %by, %i) : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0 : tensor<i32>
}
