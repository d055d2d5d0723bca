// Constants are folded, and each op's own rule is applied: x*1 is x, reshapes of reshapes are one.
// RUN: axil-opt %s --pass-pipeline="axil-simplify,cse" | filecheck %s

// CHECK-LABEL: func.func @fold
// CHECK-NEXT:    [[C:%.*]] = "axil.constant"() {value = dense<5.000000e+00> : tensor<2xf32>}
// CHECK-NEXT:    return [[C]]
func.func @fold() -> tensor<2xf32> {
  %0 = "axil.constant"() {value = dense<2.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "axil.constant"() {value = dense<3.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %2 = "axil.add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// CHECK-LABEL: func.func @times_one
// CHECK-NEXT:    return %arg0
func.func @times_one(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axil.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "axil.mul"(%0, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// Zero times infinity is not zero.
// CHECK-LABEL: func.func @times_zero
// CHECK:         "axil.mul"
func.func @times_zero(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axil.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "axil.mul"(%0, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func.func @reshapes
// CHECK-NEXT:    [[Y:%.*]] = "axil.reshape"(%arg0) {shape = array<i64: 3, 2>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
// CHECK-NEXT:    return [[Y]], %arg0
func.func @reshapes(%x: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<2x3xf32>) {
  %0 = "axil.reshape"(%x) {shape = array<i64: 6>} : (tensor<2x3xf32>) -> tensor<6xf32>
  %1 = "axil.reshape"(%0) {shape = array<i64: 3, 2>} : (tensor<6xf32>) -> tensor<3x2xf32>
  %2 = "axil.reshape"(%0) {shape = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  return %1, %2 : tensor<3x2xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @transposes
// CHECK-NEXT:    return %arg0
func.func @transposes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "axil.transpose"(%x) {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "axil.transpose"(%0) {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
