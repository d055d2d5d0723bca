// Policies that do not exist, rules that were Python functions of another process, and transposes that do not fit.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-expand,axil-inline" 2>&1 | filecheck %s

// CHECK: custom-rules.mlir:{{[0-9]+}}:1: error: 'checkpoint': there is no policy 'dots'; known are dots_saveable, {{.*}}
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "checkpoint", of = [@a], policy = "dots"}}
func.func private @a(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }

// -----

// CHECK: custom-rules.mlir:{{[0-9]+}}:1: error: 'checkpoint': the policy's names must be a list of strings, as ["a"], got 'save_only_these_names[a]'
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "checkpoint", of = [@a], policy = "save_only_these_names[a]"}}
func.func private @a(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }

// -----

func.func private @a(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "checkpoint", of = [@a], policy = "python.123456789"}}
func.func private @g(%x: tensor<f32>) -> tensor<f32> {
// CHECK: custom-rules.mlir:{{[0-9]+}}:8: error: the policy of a checkpointed function is a Python function of the process that traced this program
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @g.vjp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@g], wrt = array<i64: 0>, outs = array<i64: 0>}}

// -----

func.func private @a(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "custom_vmap", of = [@a], consts = 0 : i64, rule = 123456789 : i64}}
func.func private @g(%x: tensor<f32>) -> tensor<f32> {
// CHECK: custom-rules.mlir:{{[0-9]+}}:8: error: the rule of a custom_vmap function is a Python function of the process that traced this program
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @g.vmap(tensor<3xf32>) -> tensor<3xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@g], in_axes = array<i64: 0>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}

// -----

func.func private @a(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @b(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @f(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "custom_jvp_symbolic", of = [@a], consts = 0 : i64, rule = 123456789 : i64}}
func.func private @g(%x: tensor<f32>) -> tensor<f32> {
// CHECK: custom-rules.mlir:{{[0-9]+}}:8: error: the rule of a function with symbolic zeros is a Python function of the process
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @g.jvp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jvp", of = [@g], wrt = array<i64: 0>}}

// -----

// CHECK: custom-rules.mlir:{{[0-9]+}}:1: error: 'linear_call': the transpose of a map from (f32[2],) to (f32[],) must map (f32[],) to (f32[2],), got (f32[2],) to (f32[],)
func.func private @f(tensor<2xf32>) -> tensor<f32> attributes {axil.derived = {combinator = "linear_call", of = [@a, @a], known = 0 : i64}}
func.func private @a(%x: tensor<2xf32>) -> tensor<f32> {
  %0 = "axil.reduce_sum"(%x) {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
