// What differentiation adds has the location of the operation that it is for, under a name that says so; what the
// backward pass runs has one more. Scopes of the user's stay in place.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce" --mlir-print-debuginfo | filecheck %s

// CHECK-DAG: #[[SQRT:.+]] = loc("layer"(#[[LINE:.+]]))
// CHECK-DAG: #[[LINE]] = loc("model.py":12:9)
// CHECK-DAG: #[[SLOPE:.+]] = loc("@derivative of sqrt"(#[[SQRT]]))
// CHECK-DAG: = loc("@backward"(#[[SLOPE]]))
func.func @main(%x: tensor<3xf32>, %ct: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0:2 = call @f.vjp(%x, %ct) : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %0#0, %0#1 : tensor<3xf32>, tensor<3xf32>
}
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axil.sqrt"(%x) : (tensor<3xf32>) -> tensor<3xf32> loc("layer"("model.py":12:9))
  return %0 : tensor<3xf32>
}
func.func private @f.vjp(tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  attributes {axil.derived = {combinator = "vjp", of = [@f], wrt = array<i64: 0>, outs = array<i64: 0>}}
