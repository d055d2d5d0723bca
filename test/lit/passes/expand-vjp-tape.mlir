// The linear part of a function without control flow is kept on a tape: reverse mode writes its transpose and not the
// function itself, which `linearize` does. A function that calls control flow has its linear part written in both.
// RUN: axil-opt %s --pass-pipeline="axil-expand" | filecheck %s
// RUN: axil-opt %s --run --input 2xf32=1,2 --input 2xf32=1,1 | filecheck %s --check-prefix=VALUE

func.func private @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axil.sin"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "axil.mul"(%0, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
func.func private @g(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axil.mul"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func private @f.vjp(tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0>, outs = array<i64: 0>}}
func.func private @g.linearize(tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
    attributes {axil.derived = {combinator = "linearize", of = [@g], wrt = array<i64: 0>}}

// The sine is a residual, and so is its derivative; the operand is passed again.
// CHECK-LABEL: func.func private @f.vjp(
// CHECK:         [[F:%.*]]:3 = call @f.forward(%arg0)
// CHECK:         call @f.linear.transposed(
// CHECK-LABEL: func.func private @g.linearize(
// CHECK-DAG:   func.func private @f.forward(
// CHECK-DAG:   func.func private @f.linear.transposed(
// CHECK-NOT:   func.func private @f.linear(
// CHECK-DAG:   func.func private @g.linear(
// VALUE: 2xf32=0.84147
// VALUE-NEXT: 2xf32=1.38177{{.*}} 0.07700
// VALUE-NEXT: 2xf32=2 4
func.func @main(%x: tensor<2xf32>, %t: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0:2 = call @f.vjp(%x, %t) : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  %1:2 = call @g.linearize(%x, %t) : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return %0#0, %0#1, %1#1 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}
