// Passes and options that do not exist.
// RUN: not axil-opt %s --pass-pipeline="axil-nosuch" 2>&1 | filecheck %s --check-prefix=OURS
// RUN: not axil-opt %s --pass-pipeline="cse,nosuch" 2>&1 | filecheck %s --check-prefix=BUILTIN
// RUN: not axil-opt %s --pass-pipeline="axil-simplify{size=3}" 2>&1 | filecheck %s --check-prefix=OPTION
// RUN: not axil-opt %s --pass-pipeline="axil-simplify{limit=many}" 2>&1 | filecheck %s --check-prefix=VALUE
// RUN: not axil-opt %s --pass-pipeline="axil-guard-inputs{donate=a;b}" 2>&1 | filecheck %s --check-prefix=LIST
// RUN: not axil-opt %s --pass-pipeline="axil-to-stablehlo{kernels=maybe}" 2>&1 | filecheck %s --check-prefix=BOOL
// RUN: not axil-opt %s --pass-pipeline="func.func(axil-simplify)" 2>&1 | filecheck %s --check-prefix=NESTED
// RUN: not axil-opt %s --pass-pipeline="func.func(cse" 2>&1 | filecheck %s --check-prefix=PARENTHESES
// RUN: not axil-opt %s --pass-pipeline="canonicalize{nosuch=1}" 2>&1 | filecheck %s --check-prefix=THEIRS

// OURS: pipeline.mlir: error: there is no pass 'axil-nosuch'; known are axil-carry-small-types, axil-expand,
// BUILTIN: pipeline.mlir: error: 'nosuch' does not refer to a registered pass
// OPTION: pipeline.mlir: error: pass 'axil-simplify' has no option 'size'; it has limit
// VALUE: pipeline.mlir: error: pass 'axil-simplify': option 'limit' takes an integer, got 'many'
// LIST: pipeline.mlir: error: pass 'axil-guard-inputs': option 'donate' takes integers separated by ';', got 'a;b'
// BOOL: pipeline.mlir: error: pass 'axil-to-stablehlo': option 'kernels' takes true or false, got 'maybe'
// NESTED: pipeline.mlir: error: 'axil-simplify' does not refer to a registered pass
// PARENTHESES: pipeline.mlir: error: encountered unbalanced parentheses
// THEIRS: pipeline.mlir: error: {{.*}}no such option nosuch
func.func @main() { return }
