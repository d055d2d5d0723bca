// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[A:%.*]] = "axil.reshape"(%arg0) {shape = array<i64: 3, 2>}
// CHECK-NEXT:    [[B:%.*]] = "axil.transpose"([[A]]) {permutation = array<i64: 1, 0>}
// CHECK-NEXT:    [[C:%.*]] = "axil.slice"([[B]]) {limits = array<i64: 2, 3>, starts = array<i64: 0, 1>, strides = array<i64: 1, 2>}
// CHECK-NEXT:    [[P:%.*]] = "axil.pad"([[C]], %arg1) {high = array<i64: 0, 1>, interior = array<i64: 0, 0>, low = array<i64: 0, 0>}
// CHECK-NEXT:    [[R:%.*]] = "axil.reverse"([[P]]) {axes = array<i64: 1>}
// CHECK-NEXT:    [[N:%.*]] = "axil.concatenate.2"([[R]], [[P]]) {axis = 0 : i64}
// CHECK-NEXT:    [[I:%.*]] = "axil.iota"() {axis = 0 : i64, dtype = f32, shape = array<i64: 4, 2>}
// CHECK-NEXT:    "axil.add"([[N]], [[I]])
func.func @main(%x: tensor<2x3xf32>, %z: tensor<f32>) -> tensor<4x2xf32> {
  %0 = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = stablehlo.transpose %0, dims = [1, 0] : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %2 = stablehlo.slice %1 [0:2, 1:3:2] : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %3 = stablehlo.pad %2, %z, low = [0, 0], high = [0, 1], interior = [0, 0] : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x2xf32>
  %4 = stablehlo.reverse %3, dims = [1] : tensor<2x2xf32>
  %5 = stablehlo.concatenate %4, %3, dim = 0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %6 = stablehlo.iota dim = 0 : tensor<4x2xf32>
  %7 = stablehlo.add %5, %6 : tensor<4x2xf32>
  return %7 : tensor<4x2xf32>
}

// Dims of a broadcast that do not ascend take a transpose.
// CHECK-LABEL: func.func @broadcast
// CHECK-NEXT:    [[T:%.*]] = "axil.transpose"(%arg0) {permutation = array<i64: 1, 0>}
// CHECK-NEXT:    "axil.broadcast_in_dim"([[T]]) {dims = array<i64: 0, 2>, shape = array<i64: 3, 5, 2>}
func.func @broadcast(%x: tensor<2x3xf32>) -> tensor<3x5x2xf32> {
  %0 = stablehlo.broadcast_in_dim %x, dims = [2, 0] : (tensor<2x3xf32>) -> tensor<3x5x2xf32>
  return %0 : tensor<3x5x2xf32>
}
