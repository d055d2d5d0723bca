// The backward pass runs the function again behind barriers, which keep cse from merging the two runs.
// (For Vulkan a sine is one op; for CPUs it is a formula.)
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{platform=vulkan},cse" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{platform=vulkan},cse" | filecheck %s --check-prefix=BARRIER

func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axil.sin"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.exp"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func private @kept(tensor<4xf32>) -> tensor<4xf32> attributes {axil.derived = {combinator = "checkpoint", of = [@f]}}
func.func private @kept.vjp(tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@kept], wrt = array<i64: 0>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: stablehlo.sine
// CHECK-NOT:     stablehlo.sine
// BARRIER:       [[X:%.*]] = stablehlo.optimization_barrier %arg0
// BARRIER:       stablehlo.sine [[X]]
// BARRIER:       stablehlo.cosine [[X]]
func.func @main(%x: tensor<4xf32>, %ct: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = call @kept.vjp(%x, %ct) : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32>
}
