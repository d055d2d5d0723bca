// Linearization makes two functions: outputs with residuals, and the linear map of residuals and tangents.
// RUN: axil-opt %s --pass-pipeline="axil-expand" | filecheck %s

func.func private @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axil.sin"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axil.mul"(%0, %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// What the linear part needs is what the forward part gives besides the output: y and cos(x).
// CHECK:       func.func private @f.lin.forward(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
// CHECK:       func.func private @f.lin.linear([[A:%.*]]: tensor<4xf32>, [[B:%.*]]: tensor<4xf32>, [[T:%.*]]: tensor<4xf32>) -> tensor<4xf32>
// CHECK-NOT:     "axil.sin"
// CHECK-NOT:     "axil.cos"
// CHECK:         "axil.mul"
// CHECK:         "axil.mul"
// CHECK-NEXT:    return
func.func private @f.lin(tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {axil.derived = {combinator = "linearize", of = [@f], wrt = array<i64: 0>}}
