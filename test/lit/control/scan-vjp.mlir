// Reverse mode of a scan: one scan forwards that stacks residuals, one backwards that reads them.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input f32=2 --input f32=1 --input 3xf32=1,1,1 --input f32=1 | filecheck %s --check-prefix=VALUE

func.func private @body(%w: tensor<f32>, %s: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%s, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axil.mul"(%0, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @loop(tensor<f32>, tensor<f32>, tensor<3xf32>) -> tensor<f32>
    attributes {axil.derived = {combinator = "scan", of = [@body], consts = 1 : i64, carry = 1 : i64, length = 3 : i64, reverse = false, unroll = 0 : i64}}
func.func private @loop.vjp(tensor<f32>, tensor<f32>, tensor<3xf32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<3xf32>)
    attributes {axil.derived = {combinator = "vjp", of = [@loop], wrt = array<i64: 0, 1, 2>, outs = array<i64: 0>}}

// The forward scan gives the state of each step besides; w and x are read again, not stacked.
// CHECK-LABEL: func.func @main
// CHECK:         call @[[FORWARD:[a-z.]*]](%arg0, %arg1, %arg2)
// CHECK:         call @[[BACKWARD:[a-z_.]*]](%arg0, {{.*}}, %arg3, {{.*}})
// CHECK-DAG:   func.func private @[[FORWARD]](tensor<f32>, tensor<f32>, tensor<3xf32>) -> (tensor<f32>, tensor<3xf32>{{.*}}) attributes {axil.derived = {carry = 1 : i64, combinator = "scan", consts = 1 : i64, length = 3 : i64, of = [@{{.*}}], reverse = false
// CHECK-DAG:   func.func private @[[BACKWARD]]({{.*}}reverse = true
// s = (2*1)^3 = 8; d/dw = 3*4 = 12; d/ds = 8; d/dx = 8 each.
// VALUE:      f32=8
// VALUE-NEXT: f32=12
// VALUE-NEXT: f32=8
// VALUE-NEXT: 3xf32=8 8 8
func.func @main(%w: tensor<f32>, %s: tensor<f32>, %x: tensor<3xf32>, %ct: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<3xf32>) {
  %0:4 = call @loop.vjp(%w, %s, %x, %ct) : (tensor<f32>, tensor<f32>, tensor<3xf32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<3xf32>)
  return %0#0, %0#1, %0#2, %0#3 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<3xf32>
}
