// Integer division by zero is undefined in StableHLO: it is lowered to something that is defined.
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo,cse" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-to-stablehlo,cse" --run --input 3xi32=7,-7,7 --input 3xi32=2,2,0 | filecheck %s --check-prefix=VALUE

// CHECK-LABEL: func.func @main
// CHECK:         [[ZERO:%.*]] = stablehlo.compare EQ, %arg1
// CHECK:         [[SAFE:%.*]] = stablehlo.select [[ZERO]], {{.*}}, %arg1
// CHECK:         [[Q:%.*]] = stablehlo.divide %arg0, [[SAFE]]
// CHECK:         stablehlo.select [[ZERO]], {{.*}}, [[Q]]
// VALUE: 3xi32=3 -3 -1
func.func @main(%x: tensor<3xi32>, %y: tensor<3xi32>) -> tensor<3xi32> {
  %0 = "axil.div"(%x, %y) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}
