// RUN: not axil-opt %s 2>&1 | filecheck %s
// CHECK: syntax.mlir:4:17: error: expected
// CHECK-NOT: Traceback
func.func @main( {
