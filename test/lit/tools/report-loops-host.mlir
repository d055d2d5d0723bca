// A loop whose body no kernel can hold runs on the host: the report names the operation and its line. A loop inside
// another one's kernel is part of that dispatch.
// RUN: axil-opt %s --report=loops | filecheck %s

func.func private @sorting(%s: tensor<3x5000xf32>) -> tensor<3x5000xf32> {
  %0 = "axil.sin"(%s) : (tensor<3x5000xf32>) -> tensor<3x5000xf32>
  %1 = "axil.sort.1"(%0) {axis = 1 : i64, num_keys = 1 : i64, stable = true} : (tensor<3x5000xf32>) -> tensor<3x5000xf32> loc("model.py":33:9)
  return %1 : tensor<3x5000xf32>
}
func.func private @sorts(tensor<3x5000xf32>) -> tensor<3x5000xf32>
    attributes {axil.derived = {combinator = "scan", of = [@sorting], consts = 0 : i64, carry = 1 : i64, length = 50 : i64, reverse = false, unroll = 1 : i64}}

func.func private @goes_on(%s: tensor<f32>) -> tensor<i1> {
  %0 = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %1 = "axil.lt"(%s, %0) : (tensor<f32>, tensor<f32>) -> tensor<i1>
  return %1 : tensor<i1>
}
func.func private @grow(%s: tensor<f32>) -> tensor<f32> {
  %0 = "axil.add"(%s, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @inner(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "while", of = [@goes_on, @grow], cond_consts = 0 : i64, body_consts = 0 : i64}}
func.func private @step(%s: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.add"(%s, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = call @inner(%0) : (tensor<f32>) -> tensor<f32> loc("model.py":40:5)
  return %1 : tensor<f32>
}
func.func private @outer(tensor<f32>, tensor<9xf32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@step], consts = 0 : i64, carry = 1 : i64, length = 9 : i64, reverse = false, unroll = 1 : i64}}

// CHECK:      model.py:31: scan of 50 steps: a host loop, because its body has the op sort, which is a dispatch of its own at model.py:33 (body 2 ops, 60.0 KB of state)
// CHECK-NEXT: model.py:40: while: inside the dispatch of a loop at model.py:42 (body 2 ops, 4 bytes of state)
// CHECK-NEXT: model.py:42: scan of 9 steps: one dispatch (body 2 ops, 4 bytes of state)
func.func @main(%s: tensor<3x5000xf32>, %t: tensor<f32>, %x: tensor<9xf32>) -> (tensor<3x5000xf32>, tensor<f32>) {
  %0 = call @sorts(%s) : (tensor<3x5000xf32>) -> tensor<3x5000xf32> loc("model.py":31:5)
  %1 = call @outer(%t, %x) : (tensor<f32>, tensor<9xf32>) -> tensor<f32> loc("model.py":42:5)
  return %0, %1 : tensor<3x5000xf32>, tensor<f32>
}
