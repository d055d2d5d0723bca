// Checks as results: each operation is followed by the checks of the categories asked for, the first error wins.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input 2xf32=4,1 --input 2xf32=2,1 | filecheck %s --check-prefix=FINE
// RUN: axil-opt %s --run --input 2xf32=4,1 --input 2xf32=2,0 | filecheck %s --check-prefix=ZERO
// RUN: axil-opt %s --run --input 2xf32=-4,1 --input 2xf32=2,1 | filecheck %s --check-prefix=NAN

func.func private @f(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axil.div"(%x, %y) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = "axil.reverse"(%0) {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "axil.log"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}
func.func private @f.checkify(tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<i32>)
    attributes {axil.derived = {combinator = "checkify", of = [@f], errors = "div,nan", payload = () -> ()}}

// The divisor, then the quotient; what moves values is not asked; then the logarithm.
// CHECK-LABEL: func.func @main
// CHECK:         %0 = "axil.div"(%arg0, %arg1)
// CHECK:         [[IS0:%.*]] = "axil.eq"(%arg1, {{.*}}) : (tensor<2xf32>
// CHECK:         "axil.reduce_or"([[IS0]])
// CHECK:         "axil.ne"(%0, %0)
// CHECK-NOT:     "axil.ne"
// CHECK:         [[R:%.*]] = "axil.reverse"(%0)
// CHECK-NEXT:    [[L:%.*]] = "axil.log"([[R]])
// CHECK:         "axil.ne"([[L]], [[L]])
// CHECK:         return [[L]], {{%.*}} : tensor<2xf32>, tensor<i32>
// FINE: i32=0
// ZERO: i32=1
// NAN: i32=3
func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xf32>, tensor<i32>) {
  %0:2 = call @f.checkify(%x, %y) : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<i32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<i32>
}
