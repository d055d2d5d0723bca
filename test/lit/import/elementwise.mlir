// One-to-one ops are read backwards from the declarations.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo" | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    [[A:%.*]] = "axil.sin"(%arg0)
// CHECK-NEXT:    [[B:%.*]] = "axil.max"([[A]], %arg1)
// CHECK-NEXT:    [[C:%.*]] = "axil.gt"([[B]], %arg0)
// CHECK-NEXT:    [[D:%.*]] = "axil.select"([[C]], [[A]], [[B]])
// CHECK-NEXT:    [[E:%.*]] = "axil.convert"([[D]]) {dtype = i32}
// CHECK-NEXT:    [[F:%.*]] = "axil.bitcast"([[D]]) {dtype = ui32}
// CHECK-NEXT:    return [[E]], [[F]]
func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xi32>, tensor<2xui32>) {
  %0 = stablehlo.sine %x : tensor<2xf32>
  %1 = stablehlo.maximum %0, %y : tensor<2xf32>
  %2 = stablehlo.compare GT, %1, %x, FLOAT : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  %3 = stablehlo.select %2, %0, %1 : tensor<2xi1>, tensor<2xf32>
  %4 = stablehlo.convert %3 : (tensor<2xf32>) -> tensor<2xi32>
  %5 = stablehlo.bitcast_convert %3 : (tensor<2xf32>) -> tensor<2xui32>
  return %4, %5 : tensor<2xi32>, tensor<2xui32>
}

// Limits of a clamp may be scalars in StableHLO.
// CHECK-LABEL: func.func @clamp
// CHECK:         "axil.broadcast_in_dim"(%arg1)
// CHECK:         "axil.clamp"
func.func @clamp(%x: tensor<2xf32>, %low: tensor<f32>, %high: tensor<f32>) -> tensor<2xf32> {
  %0 = stablehlo.clamp %low, %x, %high : (tensor<f32>, tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// A scalar predicate of a select stays one.
// CHECK-LABEL: func.func @select
// CHECK-NEXT:    "axil.select"(%arg0, %arg1, %arg1) : (tensor<i1>, tensor<2xf32>, tensor<2xf32>)
func.func @select(%p: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.select %p, %x, %x : tensor<i1>, tensor<2xf32>
  return %0 : tensor<2xf32>
}
