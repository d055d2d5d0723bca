"""The cases of `axil.lax` that no other table has: scaled products, tokens, enumerations, names of types."""

MODULE = "lax"

_FLAT = "dimension_numbers=(((1,), (0,)), ((), ()))"
_DOTS = [
    "A((2,3,4)), A((2,4,5))", "A((2,3,4)), A((2,4,5)), preferred_element_type=J.float32", "A((1,2,8)), A((1,8,2)), lhs_scale=A((1,2,2),'f',1)",
    "A((1,2,8)), A((1,8,2)), lhs_scale=A((1,2,2),'f',1), rhs_scale=A((1,4,2),'f',2), preferred_element_type=J.float32",
    "A((1,2,8)), A((1,8,2)), rhs_scale=A((1,1,2),'f',2), preferred_element_type=J.float32", f"A((3,4)), A((4,2)), {_FLAT}",
    f"A((3,4)), A((4,2)), lhs_scale=A((3,2),'f',1), rhs_scale=A((2,2),'f',2), {_FLAT}, preferred_element_type=J.float32",
    f"A((3,4),'h'), A((4,2),'h'), lhs_scale=A((3,1),'h',1), {_FLAT}, preferred_element_type=J.float16",
    f"A((3,4)).astype(J.float8_e4m3fn), A((4,2)).astype(J.float8_e4m3fn), {_FLAT}, preferred_element_type=J.float32",
    f"A((3,64)), A((64,2),'f',1), lhs_scale=J.abs(A((3,2))).astype(J.float8_e8m0fnu), rhs_scale=J.ones((2,2)).astype(J.float8_e8m0fnu), {_FLAT}, preferred_element_type=J.float32",
    f"A((3,4)), A((4,2)), lhs_scale=A((3,3)), {_FLAT}", f"A((3,4)), A((4,2)), lhs_scale=A(3), {_FLAT}", "A((3,4)), A((4,2))", "A((2,1,3,4)), A((2,1,4,2))", "A(3), A(3)", f"A((3,4)), A((5,2)), {_FLAT}",
    f"A((3,0)), A((0,2)), {_FLAT}", "A((2,3,4),'i'), A((2,4,5),'i')",
]  # fmt: skip
_PRECISIONS = ["None", "'highest'", "'default'", "M.Precision.HIGH", "(M.Precision.HIGH, 'default')", "('float32', 'float32')",
               "M.DotAlgorithmPreset.F32_F32_F32", "M.DotAlgorithm(J.float32, J.float32, J.float32)", "'nothing'", "3"]  # fmt: skip
_TAKEN = "M.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,)), (1,)"
_MODES = ["CLIP", "FILL_OR_DROP", "PROMISE_IN_BOUNDS"]

CASES = {
    "scaled_dot": [f"M.scaled_dot({text})" for text in _DOTS],
    "shape_as_value": [f"M.shape_as_value({text})" for text in (
        "(2, 3)", "()", "(0,)", "[4, 5]", "A((2,3)).shape", "(J.int32(2), 3)", "(1,) * 9", "(2**31 - 1,)", "np.array([2, 3])", "('a',)", "(2.5,)", "3")],
    "after_all": ["len([M.after_all(M.create_token())])", "len([M.after_all(M.create_token(), M.create_token())])", "len([M.after_all()])",
                  "X.jit(lambda x: (M.after_all(M.create_token(x)), x + 1)[1])(A(3))"],
    "create_token": ["len([M.create_token()])", "len([M.create_token(None)])", "X.jit(lambda x: (M.create_token(), x * 2)[1])(A(3))"],
    "GatherScatterMode": [
        *(f"M.GatherScatterMode.{mode}.name" for mode in _MODES),
        *(f"M.GatherScatterMode.from_any({text}).name" for text in ("'clip'", "'fill'", "'drop'", "'promise_in_bounds'", "None", "M.GatherScatterMode.CLIP", "'nothing'", "3")),
        *(f"M.gather(A(5), J.array([[1], [3]]), {_TAKEN}, mode=M.GatherScatterMode.{mode})" for mode in _MODES),
        *(f"M.gather(A(5), J.array([[9], [-7], [2]]), {_TAKEN}, mode=M.GatherScatterMode.{mode})" for mode in _MODES[:2]),
        *(f"M.scatter_add(A(5), J.array([[9], [2]]), A(2,'f',1), M.ScatterDimensionNumbers((), (0,), (0,)), mode=M.GatherScatterMode.{mode})" for mode in _MODES[:2]),
        "M.GatherScatterMode.CLIP == M.GatherScatterMode.from_any('clip')", "len({M.GatherScatterMode.CLIP, M.GatherScatterMode.from_any('clip')})",
    ],
    "DotAlgorithm": [
        *(f"str(M.DotAlgorithm('float32', 'float32', 'float32').{field})" for field in (
            "lhs_precision_type", "accumulation_type", "lhs_component_count", "num_primitive_operations", "allow_imprecise_accumulation")),
        "M.DotAlgorithm('bfloat16', 'bfloat16', 'float32', 1, 1, 3, True).num_primitive_operations", "M.DotAlgorithm()", "len(M.DotAlgorithm('a', 'b', 'c'))",
        "M.DotAlgorithm('a', 'b', 'c') == M.DotAlgorithm('a', 'b', 'c')", "M.dot(A((2,3)), A((3,2)), precision=M.DotAlgorithm(J.float32, J.float32, J.float32))",
    ],
    "PrecisionLike": [f"M.dot(A((2,3)), A((3,2)), precision={text})" for text in _PRECISIONS],
    "DotDimensionNumbers": [f"M.dot_general({text})" for text in (
        "A((2,3)), A((3,4)), (((1,), (0,)), ((), ()))", "A((2,3)), A((3,4)), [[[1], [0]], [[], []]]", "A((5,2,3)), A((5,3,4)), (((2,), (1,)), ((0,), (0,)))",
        "A((2,3)), A((2,3)), (((0, 1), (0, 1)), ((), ()))", "A((2,3)), A((4,3)), dimension_numbers=(((1,), (1,)), ((), ()))", "A(3), A(3), (((0,), (0,)), ((), ()))",
        "A((2,3)), A((3,4)), (((), ()), ((), ()))", "A((2,3)), A((3,4)), (((1,), (1,)), ((), ()))", "A((2,3)), A((3,4)), ((1,), (0,))", "A((2,3)), A((2,3)), (((1,), (1,)), ((0,), (0,)))")],
}  # fmt: skip

_ALGORITHM = "M.dot(A((2,3)), A((3,2)), precision=M.DotAlgorithm(J.float32, J.float32, J.float32))"
EXCEPTIONS = {
    f"M.scaled_dot(A((3,0)), A((0,2)), {_FLAT})": "JAX refuses contracted dimensions of no elements; the sum of nothing is 0",
    "M.shape_as_value(3)": "an integer is a shape of one dimension, as everywhere in Axil",
    _ALGORITHM: "XLA's CPU backend cannot do this algorithm; Axil's results are as exact as it asks for",
    "M.dot(A((2,3)), A((3,2)), precision=(M.Precision.HIGH, 'default'))": "JAX takes a pair of one kind only; both are precisions",
}
TOLERANCE = {"scaled_dot": 2e-2}  # JAX rounds operands to bfloat16; Axil computes in the preferred type
X64 = ["M.shape_as_value((2, 3))"]
