// Taylor mode: each operation is followed by those of its coefficients; sin y' = cos x x', cos x' = -sin x x'.
// RUN: axil-opt %s --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify,cse" | filecheck %s
// RUN: axil-opt %s --run --input f32=0.5 --input f32=1 --input f32=0 --input i32=3 | filecheck %s --check-prefix=VALUE

func.func private @f(%x: tensor<f32>, %n: tensor<i32>) -> (tensor<f32>, tensor<i32>) {
  %0 = "axil.sin"(%x) : (tensor<f32>) -> tensor<f32>
  %1 = "axil.add"(%n, %n) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0, %1 : tensor<f32>, tensor<i32>
}
func.func private @f.jet(tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>)
    attributes {axil.derived = {combinator = "jet", of = [@f], wrt = array<i64: 0>, order = 2 : i64}}

// CHECK-LABEL: func.func @main(%arg0: tensor<f32>, %arg1: tensor<f32>, %arg2: tensor<f32>, %arg3: tensor<i32>)
// CHECK:         [[Y:%.*]] = "axil.sin"(%arg0)
// CHECK-NEXT:    [[COS:%.*]] = "axil.cos"(%arg0)
// CHECK-NEXT:    [[Y1:%.*]] = "axil.mul"(%arg1, [[COS]])
// CHECK:         return [[Y]], {{%.*}}, [[Y1]], {{%.*}} : tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>
// sin 0.5, cos 0.5, and -sin 0.5 / 2.
// VALUE:      f32=0.4794255
// VALUE-NEXT: i32=6
// VALUE-NEXT: f32=0.8775825
// VALUE-NEXT: f32=-0.2397127
func.func @main(%x: tensor<f32>, %x1: tensor<f32>, %x2: tensor<f32>, %n: tensor<i32>) -> (tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>) {
  %0:4 = call @f.jet(%x, %n, %x1, %x2) : (tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>)
  return %0#0, %0#1, %0#2, %0#3 : tensor<f32>, tensor<i32>, tensor<f32>, tensor<f32>
}
