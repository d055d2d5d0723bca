// Operations that do not verify: the message is the one that users of Python see.
// RUN: not axil-opt %s --split-input-file 2>&1 | filecheck %s

func.func @main(%x: tensor<3xf32>, %y: tensor<4xf32>) -> tensor<3xf32> {
// CHECK: ops.mlir:6:8: error: 'axil.add' op 'add' takes operands of one shape, got f32[3], f32[4]
  %0 = "axil.add"(%x, %y) : (tensor<3xf32>, tensor<4xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// -----
func.func @main(%x: tensor<3xf32>, %y: tensor<3xi32>) -> tensor<3xf32> {
// CHECK: ops.mlir:12:8: error: 'axil.add' op 'add' takes operands of one dtype, got f32[3], i32[3]; convert one of them
  %0 = "axil.add"(%x, %y) : (tensor<3xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<f32> {
// CHECK: ops.mlir:18:8: error: 'axil.reduce_sum' op needs attribute 'axes' (ints)
  %0 = "axil.reduce_sum"(%x) : (tensor<3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<f32> {
// CHECK: ops.mlir:24:8: error: 'axil.reduce_sum' op 'reduce_sum': axis 1 is out of range for an array of 1 dimensions
  %0 = "axil.reduce_sum"(%x) {axes = array<i64: 1>} : (tensor<3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<f32> {
// CHECK: ops.mlir:30:8: error: 'axil.sin' op has result type tensor<f32>, its operands give tensor<3xf32>
  %0 = "axil.sin"(%x) : (tensor<3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func @main(%x: tensor<3xi32>) -> tensor<3xi32> {
// CHECK: ops.mlir:36:8: error: 'axil.sin' op 'sin' takes
  %0 = "axil.sin"(%x) : (tensor<3xi32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK: ops.mlir:42:8: error: unregistered operation 'axil.sine'
  %0 = "axil.sine"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// -----
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
// CHECK: ops.mlir:48:8: error: 'axil.sin' op expected a ranked tensor type with static dimensions, got tensor<?xf32>
  %0 = "axil.sin"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<6xf32> {
// CHECK: ops.mlir:54:8: error: 'axil.concatenate.2' op takes 2 operands, got 1
  %0 = "axil.concatenate.2"(%x) {axis = 0 : i64} : (tensor<3xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK: ops.mlir:60:8: error: 'axil.add' op takes 2 operands, got 1
  %0 = "axil.add"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// -----
func.func @main(%x: tensor<3xf32>) -> tensor<6xf32> {
// CHECK: ops.mlir:66:8: error: 'axil.reduce_sum' op needs attribute 'axes' of kind ints, got "all"
  %0 = "axil.reduce_sum"(%x) {axes = "all"} : (tensor<3xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}
