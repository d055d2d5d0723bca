// The report says which form each loop takes, why, and where it is in the user's code.
// RUN: axil-opt %s --report=loops | filecheck %s

func.func private @body(%s: tensor<40xf32>, %x: tensor<40xf32>) -> (tensor<40xf32>, tensor<40xf32>) {
  %0 = "axil.add"(%s, %x) : (tensor<40xf32>, tensor<40xf32>) -> tensor<40xf32>
  %1 = "axil.tanh"(%0) : (tensor<40xf32>) -> tensor<40xf32>
  return %1, %1 : tensor<40xf32>, tensor<40xf32>
}
func.func private @loop(tensor<40xf32>, tensor<1000x40xf32>) -> (tensor<40xf32>, tensor<1000x40xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 1000 : i64, reverse = false, unroll = 1 : i64}}
func.func private @backward(tensor<40xf32>, tensor<2x40xf32>) -> (tensor<40xf32>, tensor<2x40xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 2 : i64, reverse = true, unroll = 2 : i64}}
func.func private @once(tensor<40xf32>, tensor<1x40xf32>) -> (tensor<40xf32>, tensor<1x40xf32>)
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 1 : i64, reverse = false, unroll = 1 : i64}}

// CHECK:      train.py:12: scan of 1000 steps: one dispatch (body 2 ops, 160 bytes of state)
// CHECK-NEXT: train.py:14: reversed scan of 2 steps: unrolled, because unroll=2 (body 2 ops, 160 bytes of state)
// CHECK-NEXT: train.py:15: scan of 1 step: unrolled, because it has 1 step (body 2 ops, 160 bytes of state)
func.func @main(%s: tensor<40xf32>, %x: tensor<1000x40xf32>, %y: tensor<2x40xf32>, %z: tensor<1x40xf32>) -> (tensor<40xf32>, tensor<2x40xf32>, tensor<1x40xf32>) {
  %0:2 = call @loop(%s, %x) : (tensor<40xf32>, tensor<1000x40xf32>) -> (tensor<40xf32>, tensor<1000x40xf32>) loc("train.py":12:5)
  %1:2 = call @backward(%0#0, %y) : (tensor<40xf32>, tensor<2x40xf32>) -> (tensor<40xf32>, tensor<2x40xf32>) loc("train.py":14:5)
  %2:2 = call @once(%1#0, %z) : (tensor<40xf32>, tensor<1x40xf32>) -> (tensor<40xf32>, tensor<1x40xf32>) loc("train.py":15:5)
  return %2#0, %1#1, %2#1 : tensor<40xf32>, tensor<2x40xf32>, tensor<1x40xf32>
}
