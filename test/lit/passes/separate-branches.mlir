// The results of a branch are waited for one by one, and a value from outside that is read after the branches is copied;
// so is the second view of a value. One that is not read afterwards is given as it is, and so is a single result.
// RUN: axil-opt %s --pass-pipeline="axil-separate-branches" | filecheck %s

// CHECK-LABEL: func.func @main(
// CHECK:         "stablehlo.case"
// CHECK:         [[N:%.*]] = stablehlo.negate %arg1
// CHECK-NEXT:    [[NB:%.*]] = stablehlo.optimization_barrier [[N]]
// CHECK-NEXT:    [[S:%.*]] = stablehlo.sine [[NB]]
// CHECK-NEXT:    [[SB:%.*]] = stablehlo.optimization_barrier [[S]]
// CHECK:         stablehlo.xor
// CHECK-NEXT:    [[C:%.*]] = stablehlo.bitcast_convert
// CHECK-NEXT:    [[CB:%.*]] = stablehlo.optimization_barrier [[C]]
// CHECK-NEXT:    stablehlo.return [[NB]], [[SB]], [[CB]]
// CHECK:         [[V:%.*]] = stablehlo.abs
// CHECK-NEXT:    [[R:%.*]] = stablehlo.reshape [[V]]
// CHECK-NEXT:    [[RB:%.*]] = stablehlo.optimization_barrier [[R]]
// CHECK:         stablehlo.xor
// CHECK-NEXT:    [[D:%.*]] = stablehlo.bitcast_convert
// CHECK-NEXT:    stablehlo.return [[D]], %arg2, [[RB]]
func.func @main(%i: tensor<i32>, %a: tensor<4xf32>, %b: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %r:3 = "stablehlo.case"(%i) ({
    %n = stablehlo.negate %a : tensor<4xf32>
    %s = stablehlo.sine %n : tensor<4xf32>
    stablehlo.return %n, %s, %n : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }, {
    %v = stablehlo.reshape %b : (tensor<4xf32>) -> tensor<2x2xf32>
    %w = stablehlo.abs %v : tensor<2x2xf32>
    %x = stablehlo.reshape %w : (tensor<2x2xf32>) -> tensor<4xf32>
    stablehlo.return %a, %b, %x : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }) : (tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %r#0, %r#1, %r#2, %a : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @single(
// CHECK-NOT:     optimization_barrier
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
