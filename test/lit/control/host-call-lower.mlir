// Calls to the host are imports, numbered by place; a loop that makes them is no kernel; results are copied before
// anything is done to them in place.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse,axil-to-stablehlo{kernels=false},cse,axil-guard-inputs" | filecheck %s
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse,axil-to-stablehlo,cse" | filecheck %s --check-prefix=KERNELS

func.func private @look(tensor<f32>)
    attributes {axil.derived = {combinator = "host_call", of = [], host = "41:print", type = (tensor<f32>) -> (), kind = "debug", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @make() -> tensor<3xf32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "7:make", type = () -> tensor<3xf32>, kind = "pure", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @body(%c: tensor<f32>) -> tensor<f32> {
  call @look(%c) : (tensor<f32>) -> ()
  %0 = "axil.add"(%c, %c) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}

// CHECK-LABEL: func.func @main
// CHECK:         [[MADE:%.*]] = call @axil_host.call0()
// CHECK:         stablehlo.bitcast_convert [[MADE]]
// CHECK:         stablehlo.xor
// CHECK:         stablehlo.sort
// CHECK:         stablehlo.while
// CHECK:           func.call @axil_host.call1({{.*}}) {axil.effects} : (tensor<f32>) -> ()
// KERNELS:       stablehlo.while
// KERNELS:         func.call @axil_host.call1
// CHECK-DAG:   func.func private @axil_host.call0() -> tensor<3xf32> attributes {nosideeffects}
// CHECK-DAG:   func.func private @axil_host.call1(tensor<f32>) attributes {axil.effects}
func.func @main(%x: tensor<f32>) -> (tensor<f32>, tensor<3xf32>, tensor<3xf32>) {
  %0 = call @make() : () -> tensor<3xf32>
  %1 = "axil.sort.1"(%0) {axis = 0 : i64, descending = false, num_keys = 1 : i64, stable = true} : (tensor<3xf32>) -> tensor<3xf32>
  %2 = call @loop(%x) : (tensor<f32>) -> tensor<f32>
  return %2, %0, %1 : tensor<f32>, tensor<3xf32>, tensor<3xf32>
}
