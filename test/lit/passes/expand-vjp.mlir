// Reverse mode: the forward part, then the transposed linear part. Results without a cotangent count as zero.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input 2xf32=1,2 --input 2xf32=3,4 --input f32=1 | filecheck %s --check-prefix=VALUE

func.func private @f(%x: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>) {
  %0 = "axil.mul"(%x, %w) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = "axil.mul"(%0, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = "axil.reduce_sum"(%1) {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  return %2, %0 : tensor<f32>, tensor<2xf32>
}
func.func private @f.vjp(tensor<2xf32>, tensor<2xf32>, tensor<f32>) -> (tensor<f32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 1, 0>, outs = array<i64: 0>}}

// The order of the gradients is that of `wrt`: first that of w, which is x*x, then that of x, which is 2*x*w.
// CHECK-LABEL: func.func @main(%arg0: tensor<2xf32>, %arg1: tensor<2xf32>, %arg2: tensor<f32>)
// CHECK:         "axil.broadcast_in_dim"(%arg2)
// CHECK-NOT:     call
// CHECK:         return
// CHECK-NOT:   func.func
// VALUE: f32=19
// VALUE-NEXT: 2xf32=1 4
// VALUE-NEXT: 2xf32=6 16
func.func @main(%x: tensor<2xf32>, %w: tensor<2xf32>, %ct: tensor<f32>) -> (tensor<f32>, tensor<2xf32>, tensor<2xf32>) {
  %0:4 = call @f.vjp(%x, %w, %ct) : (tensor<2xf32>, tensor<2xf32>, tensor<f32>) -> (tensor<f32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return %0#0, %0#2, %0#3 : tensor<f32>, tensor<2xf32>, tensor<2xf32>
}
