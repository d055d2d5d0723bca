// A policy keeps what has a name: the product is a further result of the first run, and is not computed again.
// (For Vulkan a sine is one op; for CPUs it is a formula.)
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo{platform=vulkan},cse" | filecheck %s

func.func private @f(%x: tensor<4xf32>, %w: tensor<4x4xf32>) -> tensor<4xf32> {
  %0 = "axil.dot_general"(%x, %w) {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 0>, rhs_contract = array<i64: 0>, dtype = f32} : (tensor<4xf32>, tensor<4x4xf32>) -> tensor<4xf32>
  %1 = "axil.checkpoint_name"(%0) {name = "product"} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = "axil.exp"(%1) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = "axil.sin"(%2) : (tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}
func.func private @kept(tensor<4xf32>, tensor<4x4xf32>) -> tensor<4xf32>
    attributes {axil.derived = {combinator = "checkpoint", of = [@f], policy = "save_only_these_names[\"product\"]"}}
func.func private @kept.vjp(tensor<4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@kept], wrt = array<i64: 0>, outs = array<i64: 0>}}

// The first run: product, exp, sine. The second starts from the product, behind a barrier. The last product is the
// cotangent's.
// CHECK-LABEL: func.func @main
// CHECK:         [[P:%.*]] = stablehlo.dot_general %arg0
// CHECK:         stablehlo.exponential [[P]]
// CHECK:         stablehlo.sine
// CHECK:         [[AGAIN:%.*]] = stablehlo.optimization_barrier [[P]]
// CHECK-NOT:     stablehlo.dot_general
// CHECK:         stablehlo.exponential [[AGAIN]]
// CHECK-NOT:     stablehlo.sine
// CHECK:         stablehlo.cosine
// CHECK:         stablehlo.dot_general
// CHECK-NOT:     stablehlo.dot_general
func.func @main(%x: tensor<4xf32>, %w: tensor<4x4xf32>, %ct: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = call @kept.vjp(%x, %w, %ct) : (tensor<4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32>
}
