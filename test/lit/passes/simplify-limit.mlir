// Folding stops at the limit: a program must not grow by its constants.
// RUN: axil-opt %s --pass-pipeline="axil-simplify{limit=4},cse" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-simplify{limit=8},cse" | filecheck %s --check-prefix=LARGE

// CHECK: "axil.exp"
// LARGE-NOT: "axil.exp"
func.func @main() -> tensor<8xf32> {
  %0 = "axil.constant"() {value = dense<[1., 2., 3., 4., 5., 6., 7., 8.]> : tensor<8xf32>} : () -> tensor<8xf32>
  %1 = "axil.exp"(%0) : (tensor<8xf32>) -> tensor<8xf32>
  %2 = "axil.iota"() {shape = array<i64: 8>, axis = 0 : i64, dtype = f32} : () -> tensor<8xf32>
  %3 = "axil.add"(%1, %2) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %3 : tensor<8xf32>
}
