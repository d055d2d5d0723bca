// What is wrong with a call to the host, and what cannot be derived from one.
// RUN: not axil-opt %s --split-input-file --pass-pipeline="axil-expand,axil-inline" 2>&1 | filecheck %s

// CHECK: host-call.mlir:{{[0-9]+}}:1: error: 'host_call': the kind must be one of pure, io, debug, got 'odd'
func.func private @odd(tensor<f32>)
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<f32>) -> (), kind = "odd", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}

// -----

// CHECK: host-call.mlir:{{[0-9]+}}:1: error: @f is declared as (f32[3]) -> (), but host_call of {{.*}} is (f32[]) -> ()
func.func private @f(tensor<3xf32>)
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<f32>) -> (), kind = "debug", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}

// -----

// CHECK: host-call.mlir:{{[0-9]+}}:1: error: 'host_call': 'mapped' must have an entry for each of 1 operands and 1 batches, got 0
func.func private @g(tensor<3xf32>)
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<3xf32>) -> (), kind = "debug", ordered = false, vmap_method = "", sizes = array<i64: 3>, mapped = array<i64>}}

// -----

func.func private @pure(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<f32>) -> tensor<f32>, kind = "pure", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @h(%x: tensor<f32>) -> tensor<f32> {
// CHECK: host-call.mlir:{{[0-9]+}}:8: error: vmap of a pure_callback of 'f' without a vmap_method
  %0 = call @pure(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @h.vmap(tensor<3xf32>) -> tensor<3xf32>
    attributes {axil.derived = {combinator = "vmap", of = [@h], in_axes = array<i64: 0>, out_axes = array<i64: 0>, size = 3 : i64, axis_name = ""}}

// -----

func.func private @pure(tensor<f32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "host_call", of = [], host = "0:f", type = (tensor<f32>) -> tensor<f32>, kind = "pure", ordered = false, vmap_method = "", sizes = array<i64>, mapped = array<i64>}}
func.func private @h(%x: tensor<f32>) -> tensor<f32> {
// CHECK: host-call.mlir:{{[0-9]+}}:8: error: pure_callback of 'f' has no derivative
  %0 = call @pure(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @h.jvp(tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jvp", of = [@h], wrt = array<i64: 0>}}
