// Reverse mode of a cond is two conds: each branch gives the residuals of all, zeros where they are not its own.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" | filecheck %s
// RUN: axil-opt %s --run --input i32=0 --input f32=3 | filecheck %s --check-prefix=ZERO
// RUN: axil-opt %s --run --input i32=1 --input f32=3 | filecheck %s --check-prefix=ONE

func.func private @a(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.mul"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @b(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.neg"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @either(tensor<i32>, tensor<f32>) -> tensor<f32> attributes {axil.derived = {combinator = "cond", of = [@a, @b]}}
func.func private @either.vjp(tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "vjp", of = [@either], wrt = array<i64: 1>, outs = array<i64: 0>}}

// CHECK-LABEL: func.func @main
// CHECK:         call @{{.*}}(%arg0, %arg1)
// CHECK:         call @{{.*}}(%arg0, {{.*}})
// CHECK-COUNT-2: combinator = "cond"
// ZERO:      f32=9
// ZERO-NEXT: f32=6
// ONE:      f32=-3
// ONE-NEXT: f32=-1
func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %one = "axil.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0:2 = call @either.vjp(%i, %x, %one) : (tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#0, %0#1 : tensor<f32>, tensor<f32>
}
