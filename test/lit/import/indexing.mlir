// Gather clamps and scatter drops, as StableHLO says they do. Index vectors move to the last dimension.
// RUN: axil-opt %s --pass-pipeline="axil-import-stablehlo,cse" | filecheck %s

// CHECK-LABEL: func.func @gather
// CHECK-NEXT:    [[I:%.*]] = "axil.reshape"(%arg1) {shape = array<i64: 2, 1>}
// CHECK-NEXT:    "axil.gather"(%arg0, [[I]]) {{.*}}mode = "clip"
func.func @gather(%x: tensor<5x3xf32>, %i: tensor<2xi32>) -> tensor<2x3xf32> {
  %0 = "stablehlo.gather"(%x, %i) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 3>}>
    : (tensor<5x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
// CHECK-LABEL: func.func @scatter
// CHECK-NEXT:    [[I:%.*]] = "axil.transpose"(%arg1) {permutation = array<i64: 1, 0>}
// CHECK-NEXT:    "axil.scatter_set"(%arg0, [[I]], %arg2) {{.*}}mode = "drop"{{.*}}unique = true
func.func @scatter(%x: tensor<5xf32>, %i: tensor<1x2xi32>, %u: tensor<2xf32>) -> tensor<5xf32> {
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 0>, unique_indices = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<5xf32>, tensor<1x2xi32>, tensor<2xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}
// CHECK-LABEL: func.func @slices
// CHECK:         [[S:%.*]] = "axil.concatenate.2"
// CHECK-NEXT:    [[Y:%.*]] = "axil.dynamic_slice"(%arg0, [[S]]) {sizes = array<i64: 1, 3>}
// CHECK-NEXT:    "axil.dynamic_update_slice"(%arg0, [[Y]], [[S]])
func.func @slices(%x: tensor<5x3xf32>, %i: tensor<i32>, %j: tensor<i32>) -> tensor<5x3xf32> {
  %0 = stablehlo.dynamic_slice %x, %i, %j, sizes = [1, 3] : (tensor<5x3xf32>, tensor<i32>, tensor<i32>) -> tensor<1x3xf32>
  %1 = stablehlo.dynamic_update_slice %x, %0, %i, %j : (tensor<5x3xf32>, tensor<1x3xf32>, tensor<i32>, tensor<i32>) -> tensor<5x3xf32>
  return %1 : tensor<5x3xf32>
}
