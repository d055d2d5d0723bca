// A result that differs from example to example needs an output axis.
// RUN: not axil-opt %s --pass-pipeline="axil-expand" 2>&1 | filecheck %s

func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// CHECK: out-axes.mlir:8:1: error: vmap: out_axes is None for result 0, which depends on the mapped operands
func.func private @f.vmap(tensor<8x4xf32>) -> tensor<4xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@f], in_axes = array<i64: 0>, out_axes = array<i64: -1>, size = 8 : i64, axis_name = ""}}
