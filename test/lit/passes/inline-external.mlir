// A function without a body, such as a callback to the host, stays a call.
// RUN: axil-opt %s --pass-pipeline="axil-inline,axil-to-stablehlo" | filecheck %s

// CHECK: func.func private @host(tensor<f32>) -> tensor<f32>
func.func private @host(tensor<f32>) -> tensor<f32>
// CHECK:      func.func @main
// CHECK-NEXT:   [[Y:%.*]] = call @host(%arg0)
// CHECK-NEXT:   stablehlo.tanh [[Y]]
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @host(%x) : (tensor<f32>) -> tensor<f32>
  %1 = "axil.tanh"(%0) : (tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
