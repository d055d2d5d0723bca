// A descending sort is an ascending one between reversals.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,cse,symbol-dce" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" --run --input 4xf32=2,3,1,3 --input 4xi32=0,1,2,3 | filecheck %s --check-prefix=VALUE

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[K:%.*]] = "axil.reverse"(%arg0) {axes = array<i64: 0>}
// CHECK-NEXT:    [[V:%.*]] = "axil.reverse"(%arg1)
// CHECK-NEXT:    [[S:%.*]]:2 = "axil.sort.2"([[K]], [[V]]) {axis = 0 : i64, num_keys = 1 : i64, stable = true}
// CHECK-NEXT:    "axil.reverse"([[S]]#0)
// CHECK-NOT:   @comparator
// VALUE:      4xf32=3 3 2 1
// VALUE-NEXT: 4xi32=1 3 0 2
func.func @main(%k: tensor<4xf32>, %v: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xi32>) {
  %0:2 = "stablehlo.sort"(%k, %v) <{dimension = 0 : i64, is_stable = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<i32>, %d: tensor<i32>):
    %1 = stablehlo.compare GT, %a, %b, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  }) : (tensor<4xf32>, tensor<4xi32>) -> (tensor<4xf32>, tensor<4xi32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xi32>
}
