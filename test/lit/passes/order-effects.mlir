// Calls with effects take a token of the call before them and give one; loops and branches carry it. Pure ones do not.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse,axil-to-stablehlo,cse,axil-order-effects" | filecheck %s

func.func private @look(tensor<f32>)
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:print", type = (tensor<f32>) -> (), kind = "debug", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @read(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "1:read", type = (tensor<f32>) -> tensor<f32>, kind = "io", ordered = true, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @pure(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "2:pure", type = (tensor<f32>) -> tensor<f32>, kind = "pure", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @body(%c: tensor<f32>) -> tensor<f32> {
  %0 = call @read(%c) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @loop(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 0 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func private @yes(%x: tensor<f32>) {
  call @look(%x) : (tensor<f32>) -> ()
  return
}
func.func private @no(%x: tensor<f32>) {
  return
}
func.func private @cond(tensor<i32>, tensor<f32>) attributes {axil.derived = {combinator = "cond", of = [@no, @yes]}}

// CHECK-LABEL: func.func @main
// CHECK:         [[T0:%.*]] = stablehlo.optimization_barrier
// CHECK:         [[T1:%.*]] = call @axil_host.call0(%arg1, [[T0]]) {axil.effects} : (tensor<f32>, tensor<i32>) -> tensor<i32>
// CHECK:         [[P:%.*]] = call @axil_host.call1(%arg1) : (tensor<f32>) -> tensor<f32>
// CHECK:         [[L:%.*]]:3 = stablehlo.while([[I:%.*]] = {{.*}}, [[C:%.*]] = [[P]], [[T:%.*]] = [[T1]])
// CHECK:           [[R:%.*]]:2 = func.call @axil_host.call2([[C]], [[T]])
// CHECK:           stablehlo.return {{.*}}, [[R]]#0, [[R]]#1
// CHECK:         "stablehlo.case"(%arg0)
// CHECK:           stablehlo.return {{.*}}, [[L]]#2 : tensor<i32>, tensor<i32>
// CHECK:           [[T2:%.*]] = func.call @axil_host.call0(%arg1, [[L]]#2)
// CHECK:           stablehlo.return {{.*}}, [[T2]] : tensor<i32>, tensor<i32>
// CHECK:       func.func private @axil_host.call0(tensor<f32>, tensor<i32>) -> tensor<i32>
// CHECK:       func.func private @axil_host.call1(tensor<f32>) -> tensor<f32> attributes {nosideeffects}
func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  call @look(%x) : (tensor<f32>) -> ()
  %0 = call @pure(%x) : (tensor<f32>) -> tensor<f32>
  %1 = call @loop(%0) : (tensor<f32>) -> tensor<f32>
  call @cond(%i, %x) : (tensor<i32>, tensor<f32>) -> ()
  return %1 : tensor<f32>
}
