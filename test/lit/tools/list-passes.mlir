// RUN: axil-opt --list-passes | filecheck %s
// CHECK:      axil-expand
// CHECK-NEXT:   Write the bodies of all derived functions
// CHECK:      axil-guard-inputs
// CHECK:        option donate=
// CHECK:      axil-import-stablehlo
// CHECK:        option scans=True
// CHECK:      axil-inline
// CHECK:      axil-simplify
// CHECK:        option limit=64
// CHECK:      axil-to-stablehlo
// CHECK:        option platform=cpu
