// A result that is computed element by element from a donated argument becomes a dispatch that is tied to it: it takes
// over its memory. Not where the argument is given back, where it is small, or where the result is no such function.
// RUN: axil-opt %s --pass-pipeline="axil-update-in-place{donate=0;1 smallest=16}" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-update-in-place{donate=0;1 smallest=64}" | filecheck %s --check-prefix=SMALL
// RUN: axil-opt %s --pass-pipeline="axil-update-in-place{donate=1 smallest=16}" | filecheck %s --check-prefix=OTHER

// CHECK-LABEL: func.func @main(
// CHECK:         [[G:%.*]] = stablehlo.dot_general
// CHECK:         [[R:%.*]] = "flow.dispatch.workgroups"(%arg2, [[G]], %arg0)
// CHECK:           readwrite:tensor<2x2xf32>
// CHECK:           stablehlo.multiply
// CHECK-NEXT:      stablehlo.subtract
// CHECK-NEXT:      dispatch.tensor.store
// CHECK:         tied_operands = [2 : index]
// CHECK:         return [[R]], %arg1, [[G]]

// SMALL-NOT: flow.dispatch

// OTHER-NOT: flow.dispatch
func.func @main(%p: tensor<2x2xf32>, %q: tensor<2x2xf32>, %rate: tensor<f32>)
    -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %g = stablehlo.dot_general %p, %q, contracting_dims = [1] x [0] : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %r = stablehlo.broadcast_in_dim %rate, dims = [] : (tensor<f32>) -> tensor<2x2xf32>
  %0 = stablehlo.multiply %r, %g : tensor<2x2xf32>
  %1 = stablehlo.subtract %p, %0 : tensor<2x2xf32>
  return %1, %q, %g : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}
