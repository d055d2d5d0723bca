// Our ops are pure: MLIR's own cse merges equal ones and drops unused ones.
// RUN: axil-opt %s --pass-pipeline="cse" | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[S:%.*]] = "axil.sin"(%arg0)
// CHECK-NEXT:    [[Y:%.*]] = "axil.add"([[S]], [[S]])
// CHECK-NEXT:    return [[Y]]
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  %1 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  %2 = "axil.exp"(%x) : (tensor<f32>) -> tensor<f32>
  %3 = "axil.add"(%0, %1) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %3 : tensor<f32>
}
