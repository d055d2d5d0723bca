// A scan becomes a loop over a counter that slices rows and writes rows; short ones are unrolled.
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo{kernels=0},cse" | filecheck %s

func.func private @body(%s: tensor<f32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axil.add"(%s, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %0 : tensor<f32>, tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 5 : i64, reverse = true, unroll = 0 : i64}}
func.func private @short(tensor<f32>, tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 2 : i64, reverse = false, unroll = 4 : i64}}
func.func private @never(tensor<f32>, tensor<0xf32>) -> (tensor<f32>, tensor<0xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 0 : i64, reverse = false, unroll = 0 : i64}}

// CHECK-LABEL: func.func @loops
// CHECK:         stablehlo.while
// CHECK:           stablehlo.compare LT
// CHECK:         do
// CHECK:           [[AT:%.*]] = stablehlo.subtract %{{.*}}, %iterArg
// CHECK:           stablehlo.dynamic_slice %arg1, [[AT]], sizes = [1]
// CHECK:           stablehlo.dynamic_update_slice
func.func @loops(%s: tensor<f32>, %x: tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>) {
  %0:2 = call @loop(%s, %x) : (tensor<f32>, tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>)
  return %0#0, %0#1 : tensor<f32>, tensor<5xf32>
}
// CHECK-LABEL: func.func @unrolls
// CHECK-NOT:     stablehlo.while
// CHECK:         stablehlo.concatenate
func.func @unrolls(%s: tensor<f32>, %x: tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>) {
  %0:2 = call @short(%s, %x) : (tensor<f32>, tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>)
  return %0#0, %0#1 : tensor<f32>, tensor<2xf32>
}
// CHECK-LABEL: func.func @runs_never
// CHECK-NOT:     stablehlo.while
// CHECK:         return %arg0
func.func @runs_never(%s: tensor<f32>, %x: tensor<0xf32>) -> (tensor<f32>, tensor<0xf32>) {
  %0:2 = call @never(%s, %x) : (tensor<f32>, tensor<0xf32>) -> (tensor<f32>, tensor<0xf32>)
  return %0#0, %0#1 : tensor<f32>, tensor<0xf32>
}
