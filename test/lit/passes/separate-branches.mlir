// What branches give from outside as different results is copied, each time with another number; what is given as one
// result only is not, nor is what a branch computes.
// RUN: axil-opt %s --pass-pipeline="axil-separate-branches" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-separate" | filecheck %s

// CHECK-LABEL: func.func @main(
// CHECK:         "stablehlo.case"
// CHECK:         [[N:%.*]] = stablehlo.negate %arg2
// CHECK:         dense<1>
// CHECK:         [[A:%.*]] = stablehlo.bitcast_convert [[X:%.*]] : (tensor<4xi32>)
// CHECK-NEXT:    stablehlo.return [[A]], %arg2, [[N]]
// CHECK:         [[V:%.*]] = stablehlo.abs %arg2
// CHECK:         dense<6>
// CHECK:         [[B:%.*]] = stablehlo.bitcast_convert [[Y:%.*]] : (tensor<4xi32>)
// CHECK-NEXT:    stablehlo.return [[V]], %arg2, [[B]]
func.func @main(%i: tensor<i32>, %a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %r:3 = "stablehlo.case"(%i) ({
    %n = stablehlo.negate %b : tensor<4xf32>
    stablehlo.return %a, %b, %n : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }, {
    %v = stablehlo.abs %b : tensor<4xf32>
    stablehlo.return %v, %b, %a : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }) : (tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %r#0, %r#1, %r#2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @single(
// CHECK-NOT:     xor
// CHECK:         return
func.func @single(%i: tensor<i32>, %a: tensor<4xf32>) -> tensor<4xf32> {
  %r = "stablehlo.case"(%i) ({
    stablehlo.return %a : tensor<4xf32>
  }, {
    %n = stablehlo.negate %a : tensor<4xf32>
    stablehlo.return %n : tensor<4xf32>
  }) : (tensor<i32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
