// The gradient of an axil file, twice: the second derivative of x^4 at 2 is 48.
// RUN: axil grad %s --emit axil | axil grad - --value | axil-opt - --run --input f32=2 | filecheck %s
// CHECK:      f32=32
// CHECK-NEXT: f32=48
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axil.integer_pow"(%x) {exponent = 4 : i64} : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
