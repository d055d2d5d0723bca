// Running a function in the reference interpreter; results are written as inputs are.
// RUN: axil-opt %s --run --input 2x2xf32=1,2,3,4 --input i32=3 --input 2xi1=true,false | filecheck %s
// RUN: axil-opt %s --run --function other --input 3xbf16=1.5 | filecheck %s --check-prefix=OTHER
// RUN: axil-opt %s --run --function wide --input 2xui8=200,100 --input 2xcomplex<f32>=1+2j,0.5 | filecheck %s --check-prefix=WIDE
// CHECK:      2x2xf32=[3 6][9 12]
// CHECK-NEXT: 2xi1=false true
// OTHER: 3xbf16=3 3 3
// WIDE:      2xui8=144 200
// WIDE-NEXT: 2xcomplex<f32>=
func.func @main(%x: tensor<2x2xf32>, %n: tensor<i32>, %p: tensor<2xi1>) -> (tensor<2x2xf32>, tensor<2xi1>) {
  %0 = "axil.convert"(%n) {dtype = f32} : (tensor<i32>) -> tensor<f32>
  %1 = "axil.broadcast_in_dim"(%0) {shape = array<i64: 2, 2>, dims = array<i64>} : (tensor<f32>) -> tensor<2x2xf32>
  %2 = "axil.mul"(%x, %1) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = "axil.not"(%p) : (tensor<2xi1>) -> tensor<2xi1>
  return %2, %3 : tensor<2x2xf32>, tensor<2xi1>
}
func.func @other(%x: tensor<3xbf16>) -> tensor<3xbf16> {
  %0 = "axil.add"(%x, %x) : (tensor<3xbf16>, tensor<3xbf16>) -> tensor<3xbf16>
  return %0 : tensor<3xbf16>
}
func.func @wide(%x: tensor<2xui8>, %z: tensor<2xcomplex<f32>>) -> (tensor<2xui8>, tensor<2xcomplex<f32>>) {
  %0 = "axil.add"(%x, %x) : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  return %0, %z : tensor<2xui8>, tensor<2xcomplex<f32>>
}
