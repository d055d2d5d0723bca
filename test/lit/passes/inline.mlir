// All calls are inlined but those to control, whose bodies are inlined into in their turn.
// RUN: axil-opt %s --pass-pipeline="axil-inline,symbol-dce" | filecheck %s

func.func private @g(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @g(%x) : (tensor<f32>) -> tensor<f32>
  %1 = call @g(%0) : (tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @f.loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@f], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}

// CHECK-NOT:   @g
// CHECK:       func.func private @f(%arg0: tensor<f32>)
// CHECK-NEXT:    [[A:%.*]] = "axil.sin"(%arg0)
// CHECK-NEXT:    [[B:%.*]] = "axil.sin"([[A]])
// CHECK-NEXT:    return [[B]]
// CHECK:       func.func private @f.loop(tensor<f32>)
// CHECK:       func.func @main(%arg0: tensor<f32>)
// CHECK-NEXT:    [[C:%.*]] = "axil.sin"(%arg0)
// CHECK-NEXT:    [[D:%.*]] = "axil.sin"([[C]])
// CHECK-NEXT:    [[E:%.*]] = call @f.loop([[D]])
// CHECK-NEXT:    return [[E]]
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  %1 = call @f.loop(%0) : (tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
