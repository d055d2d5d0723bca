// IREE may write into a caller's buffer: arguments that may get to an update in place are copied, by an xor with a zero
// that IREE cannot know. Donated ones are not, nor are those that are only read.
// RUN: axil-opt %s --pass-pipeline="axil-guard-inputs" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-guard-inputs{donate=1}" | filecheck %s --check-prefix=DONATE
// RUN: axil-opt %s --pass-pipeline="axil-guard-inputs{donate=0;1}" | filecheck %s --check-prefix=BOTH

// CHECK-LABEL: func.func @main(%arg0: tensor<i32>, %arg1: tensor<1x4xi32>, %arg2: tensor<i32>)
// CHECK:         [[ZERO:%.*]] = stablehlo.optimization_barrier
// CHECK-NEXT:    [[ZEROS:%.*]] = stablehlo.broadcast_in_dim [[ZERO]]
// CHECK-NEXT:    [[A:%.*]] = stablehlo.xor %arg1, [[ZEROS]]
// CHECK-NEXT:    [[B:%.*]] = stablehlo.reshape [[A]]
// CHECK-NOT:     xor

// DONATE-LABEL: func.func @main(
// DONATE-SAME:    tensor<1x4xi32> {iree.abi.consume}
// DONATE-NEXT:    stablehlo.reshape %arg1

// BOTH-LABEL: func.func @main(
// BOTH-NEXT:    stablehlo.reshape %arg1
func.func @main(%x: tensor<i32>, %y: tensor<1x4xi32>, %unused: tensor<i32>) -> tensor<4xi32> {
  %0 = stablehlo.reshape %y : (tensor<1x4xi32>) -> tensor<4xi32>
  %1 = stablehlo.reshape %x : (tensor<i32>) -> tensor<1xi32>
  %2 = stablehlo.dynamic_update_slice %0, %1, %x : (tensor<4xi32>, tensor<1xi32>, tensor<i32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// What a program gives back is not overwritten, donated or not.
// CHECK-LABEL: func.func @back(
// CHECK:         stablehlo.xor
// DONATE-LABEL: func.func @back(
// DONATE-SAME:    %arg1: tensor<4xi32>) ->
// BOTH-LABEL: func.func @back(
// BOTH-SAME:    %arg0: tensor<i32> {iree.abi.consume}, %arg1: tensor<4xi32>) ->
// BOTH:         stablehlo.xor %arg1
func.func @back(%i: tensor<i32>, %y: tensor<4xi32>) -> (tensor<4xi32>, tensor<2x2xi32>) {
  %0 = stablehlo.reshape %i : (tensor<i32>) -> tensor<1xi32>
  %1 = stablehlo.dynamic_update_slice %y, %0, %i : (tensor<4xi32>, tensor<1xi32>, tensor<i32>) -> tensor<4xi32>
  %2 = stablehlo.reshape %y : (tensor<4xi32>) -> tensor<2x2xi32>
  return %1, %2 : tensor<4xi32>, tensor<2x2xi32>
}

// What a step of a loop takes from outside and updates, and what a branch in it gives on, is copied in each step: IREE
// forgets that the next step reads it. What is only read is not.
// CHECK-LABEL: func.func @captured(
// CHECK:         [[W:%.*]] = stablehlo.negate %arg0
// CHECK:         } do {
// CHECK:           [[C:%.*]] = stablehlo.xor %arg1, {{.*}} : tensor<4xi32>
// CHECK:           [[U:%.*]] = stablehlo.xor [[W]], {{.*}} : tensor<4xi32>
// CHECK-NOT:       stablehlo.xor
// CHECK:           stablehlo.dynamic_update_slice [[U]],
// CHECK:           stablehlo.return [[C]]
// CHECK:           stablehlo.add {{.*}}, %arg2
func.func @captured(%x: tensor<4xi32>, %y: tensor<4xi32>, %z: tensor<4xi32>) -> tensor<4xi32> {
  %w = stablehlo.negate %x : tensor<4xi32>
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %0:2 = stablehlo.while(%i = %zero, %sum = %x) : tensor<i32>, tensor<4xi32>
  cond {
    %three = stablehlo.constant dense<3> : tensor<i32>
    %1 = stablehlo.compare LT, %i, %three : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  } do {
    %one = stablehlo.constant dense<1> : tensor<i32>
    %1 = stablehlo.add %i, %one : tensor<i32>
    %2 = stablehlo.reshape %i : (tensor<i32>) -> tensor<1xi32>
    %3 = stablehlo.dynamic_update_slice %w, %2, %i : (tensor<4xi32>, tensor<1xi32>, tensor<i32>) -> tensor<4xi32>
    %4 = "stablehlo.case"(%i) ({
      stablehlo.return %y : tensor<4xi32>
    }, {
      stablehlo.return %3 : tensor<4xi32>
    }) : (tensor<i32>) -> tensor<4xi32>
    %5 = stablehlo.add %4, %z : tensor<4xi32>
    stablehlo.return %1, %5 : tensor<i32>, tensor<4xi32>
  }
  return %0#1 : tensor<4xi32>
}

// Behind a barrier stands another value for IREE, which then may update one of the two where the other lies.
// CHECK-LABEL: func.func @barrier(
// CHECK:         [[W:%.*]] = stablehlo.negate
// CHECK:         [[C:%.*]] = stablehlo.xor [[W]],
// CHECK:         [[B:%.*]] = stablehlo.optimization_barrier [[C]]
// CHECK:         stablehlo.dynamic_update_slice [[B]],
// CHECK:         return {{.*}}, [[W]]
func.func @barrier(%x: tensor<4xi32>, %i: tensor<i32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %w = stablehlo.negate %x : tensor<4xi32>
  %0 = stablehlo.optimization_barrier %w : tensor<4xi32>
  %1 = stablehlo.reshape %i : (tensor<i32>) -> tensor<1xi32>
  %2 = stablehlo.dynamic_update_slice %0, %1, %i : (tensor<4xi32>, tensor<1xi32>, tensor<i32>) -> tensor<4xi32>
  return %2, %w : tensor<4xi32>, tensor<4xi32>
}
