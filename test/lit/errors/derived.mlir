// Derived functions whose attribute is wrong.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-expand" 2>&1 | filecheck %s

// CHECK: derived.mlir:{{[0-9]+}}:1: error: there is no combinator 'grad'; known are {{.*}}checkpoint, cond,
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "grad", of = [@f]}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: a derived function needs the attributes 'combinator' and 'of'
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "jvp"}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: combinator 'vjp' needs the parameter 'outs'
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: combinator 'jvp' has no parameter 'argnums'
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>, argnums = 0}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: combinator 'jvp': parameter 'wrt' must be of kind ints, got 0 : i64
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = 0 : i64}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: combinator 'jvp' takes 1 (of) in 'of', got 2
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@f, @f], wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: combinator 'jvp': 'of' must be a list of functions, got "f"
func.func private @g(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "jvp", of = "f", wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: there is no function @nope in the module
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@nope], wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: @g is declared as (f32[]) -> (f32[]), but jvp of @f is (f32[], f32[]) -> (f32[], f32[])
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: 'jvp': wrt = 1, but the function has 1 operands
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 1>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: 'jvp' differentiates with respect to floating point operands, but operand 0 is i32[]
func.func private @f(%x: tensor<i32>) -> tensor<i32> { return %x : tensor<i32> }
func.func private @g(tensor<i32>, tensor<i32>) -> tensor<i32> attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: 'vmap': in_axes and out_axes must have one entry for each operand and result
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<3xf32>) -> tensor<3xf32> attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 0, 0>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: 'vmap': axis 1 is out of range for f32[] with a batch dimension
func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<3xf32>) -> tensor<3xf32> attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 1>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: function @f is derived from itself
func.func private @f(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "transpose", of = [@g], linear = array<i64: 0, 1>}}
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "transpose", of = [@f], linear = array<i64: 0, 1>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: function @f has no body, and nothing can be derived from it
func.func private @f(tensor<f32>) -> tensor<f32>
func.func private @g(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@f], wrt = array<i64: 0>}}
// -----
// CHECK: derived.mlir:{{[0-9]+}}:1: error: 'vjp': wrt = [0, 0] names an operand twice
func.func private @f(%x: tensor<f32>, %y: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @g(tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0, 0>, outs = array<i64: 0>}}
