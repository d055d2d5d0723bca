// RUN: not axil-opt %s 2>&1 | filecheck %s
// CHECK: syntax.mlir:4:16: error: expected {{.*}}
// CHECK-NOT: Traceback
func.func @main( {
