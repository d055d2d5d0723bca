// A loop whose end is not known beforehand stays a while; what its regions capture becomes constants.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --input i32=3 --input f32=2 | filecheck %s --check-prefix=VALUE

// CHECK-LABEL: func.func @main(%arg0: tensor<i32>, %arg1: tensor<f32>)
// CHECK:         [[R:%.*]]:2 = call @[[LOOP:.*]](%arg0, %arg1, {{%.*}}, %arg1)
// CHECK:       func.func private @[[LOOP]](tensor<i32>, tensor<f32>, tensor<i32>, tensor<f32>)
// CHECK-SAME:    {axil.derived = {body_consts = 1 : i64, combinator = "while", cond_consts = 1 : i64
// VALUE: f32=16
func.func @main(%n: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %0:2 = stablehlo.while(%i = %zero, %s = %x) : tensor<i32>, tensor<f32>
  cond {
    %1 = stablehlo.compare LT, %i, %n, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  } do {
    %1 = stablehlo.add %i, %one : tensor<i32>
    %2 = stablehlo.multiply %s, %x : tensor<f32>
    stablehlo.return %1, %2 : tensor<i32>, tensor<f32>
  }
  return %0#1 : tensor<f32>
}
