// IREE may write into a caller's buffer: arguments are transferred to the program first. Donated ones are not.
// RUN: axil-opt %s --pass-pipeline="axil-guard-inputs" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-guard-inputs{donate=1}" | filecheck %s --check-prefix=DONATE
// RUN: axil-opt %s --pass-pipeline="axil-guard-inputs{donate=0;1}" | filecheck %s --check-prefix=BOTH

// CHECK-LABEL: func.func @main(%arg0: tensor<f32>, %arg1: tensor<f32>, %arg2: tensor<f32>)
// CHECK-NEXT:    [[A:%.*]] = "flow.tensor.transfer"(%arg0) {target = #hal.device.promise<@__device_0>}
// CHECK-NEXT:    [[B:%.*]] = "flow.tensor.transfer"(%arg1)
// CHECK-NEXT:    stablehlo.add [[A]], [[B]]

// DONATE-LABEL: func.func @main(%arg0: tensor<f32>, %arg1: tensor<f32> {iree.abi.consume}, %arg2: tensor<f32>)
// DONATE-NEXT:    [[A:%.*]] = "flow.tensor.transfer"(%arg0)
// DONATE-NEXT:    stablehlo.add [[A]], %arg1

// BOTH-LABEL: func.func @main(
// BOTH-NEXT:    stablehlo.add %arg0, %arg1
func.func @main(%x: tensor<f32>, %y: tensor<f32>, %unused: tensor<f32>) -> tensor<f32> {
  %0 = stablehlo.add %x, %y : tensor<f32>
  return %0 : tensor<f32>
}
