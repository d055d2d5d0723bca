// A custom_vjp function has no forward mode, and says what has.
// RUN: not axil-opt %s --pass-pipeline="axil-expand" 2>&1 | filecheck %s

func.func private @of(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
func.func private @f(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "custom_vjp", of = [@of, @of, @of], of_consts = 0 : i64, forward_consts = 0 : i64, backward_consts = 0 : i64}}
func.func private @g(%x: tensor<f32>) -> tensor<f32> {
// CHECK: custom-vjp-forward-mode.mlir:9:8: error: forward-mode differentiation {{.*}} of a custom_vjp function: it has a reverse-mode rule only
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @g.jvp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {axil.derived = {combinator = "jvp", of = [@g], wrt = array<i64: 0>}}
