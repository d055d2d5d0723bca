// A formula is emitted once for each kind of operands, and called. A barrier follows where a chain of operations has
// become too long for IREE to fuse: after each sine in f64, but not after these in f32.
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo" | filecheck %s

// CHECK-LABEL: func.func @main(
// CHECK:         [[A:%.*]] = call @formula.sin(%arg0)
// CHECK-NEXT:    [[B:%.*]] = call @formula.sin([[A]])
// CHECK-NEXT:    [[C:%.*]] = call @formula.sin.1(%arg1)
// CHECK-NEXT:    [[D:%.*]] = stablehlo.optimization_barrier [[C]]
// CHECK-NEXT:    [[E:%.*]] = call @formula.sin.1([[D]])
// CHECK-NEXT:    [[F:%.*]] = stablehlo.optimization_barrier [[E]]
// CHECK-NEXT:    return [[B]], [[F]]
// CHECK:       func.func private @formula.sin(
// CHECK:       func.func private @formula.sin.1(
// CHECK-NOT:   func.func private
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf64>) -> (tensor<4xf32>, tensor<4xf64>) {
  %a = "axil.sin"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = "axil.sin"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  %c = "axil.sin"(%y) : (tensor<4xf64>) -> tensor<4xf64>
  %d = "axil.sin"(%c) : (tensor<4xf64>) -> tensor<4xf64>
  return %b, %d : tensor<4xf32>, tensor<4xf64>
}
