"""The cases of `axil.image` and `axil.ops`, and of the small modules beside them."""

from __future__ import annotations

MODULE = "image"

_METHODS = ["nearest", "linear", "bilinear", "cubic", "lanczos3", "lanczos5", "cubic-pytorch", "area", "tricubic", "triangle"]


def _segments(name: str) -> list[str]:
    arguments = [
        "A((6,)), J.array([0,0,1,2,2,1])", "A((6,2)), J.array([0,0,1,2,2,1])", "A((6,)), J.array([0,0,1,2,2,1]), 5",
        "A((6,)), J.array([0,0,1,2,2,1]), 2", "A((6,)), J.array([0,-1,1,9,2,1]), 3", "A((6,)), J.array([0,-1,1,9,2,1]), 3, mode='clip'",
        "A((6,)), J.array([0,0,1,1,2,2]), 3, True, mode='promise_in_bounds'", "A((4,)), J.array([3,1,0,2]), 4, unique_indices=True",
        "A((6,)), J.array([0,0,1,2,2,1]), 3, bucket_size=2", "A((6,3)), J.array([0,0,1,2,2,1]), 3, bucket_size=4",
        "A((6,),'i'), J.array([0,0,1,2,2,1]), 4", "A((6,),'h'), J.array([0,0,1,2,2,1]), 4", "A((6,),'u'), J.array([0,0,1,2,2,1],'uint8'), 4",
        "A((0,)), J.zeros((0,),int), 2", "A((6,)), J.array([0,0,1,2,2,1]), -1", "A((6,)), J.array([0,0,1,2,2,1]), 0",
        "A((2,3,2)), J.array([[0,1,0],[1,1,2]]), 3", "A((6,)), J.array([0.,0.,1.,2.,2.,1.]), 3", "A((6,),'i'), J.array([0,0,1,2,2,1]), 4, bucket_size=3",
        "A((5,)), J.array([0,0,1]), 2", "A((6,),'c'), J.array([0,0,1,2,2,1]), 3", "A((6,)), J.array([0,-1,1,9,2,1]), 3, mode='drop'",
    ]  # fmt: skip
    return [f"X.ops.{name}({text})" for text in arguments]


CASES = {
    "resize": [
        *(f"M.resize(A((4,5)), (3,7), '{m}')" for m in _METHODS), *(f"M.resize(A((4,5)), (7,3), '{m}', False)" for m in _METHODS),
        "M.resize(A((4,5),'u'), (2,2), 'nearest')", "M.resize(A((4,5),'u'), (2,2), 'linear')", "M.resize(A((4,5),'h'), (2,9), 'cubic')",
        "M.resize(A((2,4,4,3)), (2,8,2,3), 'bilinear')", "M.resize(A((4,5)), (4,5), 'cubic')", "M.resize(A((4,)), (4,1), 'cubic')",
        "M.resize(A((4,5)), (2,2), 'best')", "M.resize(A((4,5)), (0,2), 'linear')", "M.resize(A((4,5),'g'), (2,2), M.ResizeMethod.LINEAR)",
        "M.resize(A((1,5)), (3,3), 'cubic-pytorch', False)", "M.resize(A((5,)), (12,), M.ResizeMethod.LANCZOS3)", "M.resize(A((2,3),'c'), (4,4), 'linear')",
        "M.resize(A((4,5)), (3,7), 'linear', precision='default')", "M.resize(A((2,5)), (2,-1), 'linear')",
    ],
    "scale_and_translate": [
        *(f"M.scale_and_translate(A((4,5)), (3,6), (0,1), J.array([0.7,1.2]), J.array([0.5,-1.0]), '{m}')" for m in _METHODS),
        *(f"M.scale_and_translate(A((4,5)), (6,5), (0,), J.array([1.5]), J.array([-0.5]), '{m}', False)" for m in _METHODS),
        "M.scale_and_translate(A((4,5)), (3,6), (-1,-2), J.array([0.7,1.2]), J.array([0.5,-1.0]), 'linear')",
        "M.scale_and_translate(A((4,5),'i'), (4,5), (), J.array([]), J.array([]), 'linear')",
        "M.scale_and_translate(A((4,5),'h'), (4,6), (1,), J.array([2.0],'float16'), J.array([0.0],'float16'), 'cubic')",
        "M.scale_and_translate(A((4,5)), (4,), (1,), J.array([2.0]), J.array([0.0]), 'cubic')",
        "M.scale_and_translate(A((4,)), (8,), (0,), J.array([2]), J.array([1]), 'linear')",
    ],
    "ResizeMethod": [
        *(f"M.ResizeMethod.from_string('{m}').name" for m in _METHODS), "M.ResizeMethod.from_string('best')",
        *(f"M.ResizeMethod.{m}.value" for m in ("NEAREST", "LINEAR", "LANCZOS3", "LANCZOS5", "CUBIC", "CUBIC_PYTORCH", "AREA")),
    ],
    "segment_sum": [*_segments("segment_sum"), "X.ops.segment_sum(A(4,'b'), J.array([0,0,1,1]))"],
    "segment_prod": _segments("segment_prod"),
    "segment_max": [c for c in _segments("segment_max") if "'c'" not in c] + ["X.ops.segment_max(A(4,'b'), J.array([0,0,1,1]), 3)"],
    "segment_min": [c for c in _segments("segment_min") if "'c'" not in c] + ["X.ops.segment_min(A(4,'b'), J.array([0,0,1,1]), 3)"],
    "is_supported_dtype": [f"X.dlpack.is_supported_dtype({t})" for t in
                           ("'float32'", "'bfloat16'", "J.bfloat16", "'int4'", "'float8_e4m3fn'", "bool", "'complex64'", "None", "int", "'U'")],
    "from_dlpack": [f"X.dlpack.from_dlpack({t})" for t in
                    ("np.arange(3)", "np.arange(6.0).reshape(2,3).T", "A((2,3))", "np.float32(2)", "[1,2]", "A(3,'b')", "A(3,'c')", "A(3,'h')",
                     "A(3), copy=True", "A((0,2))", "A(())", "A(3,'g')")],
}  # fmt: skip
GRAD = {
    "resize": ("lambda x: M.resize(x, (3,7), 'cubic')**2", "A((4,5))"),
    "scale_and_translate": (
        "lambda x, s, t: M.scale_and_translate(x, (3,6), (0,1), s, t, 'linear', False)**2",
        "A((4,5)), A(2,'f',1,0.6,1.5), A(2,'f',2,-1,1)",
    ),
    "segment_sum": ("lambda x: X.ops.segment_sum(x, J.array([0,0,2]), 3)**2", "A(3)"),
    "segment_prod": ("lambda x: X.ops.segment_prod(x, J.array([0,1,2]), 3, unique_indices=True)**2", "A(3,'f',0,1,2)"),
    "segment_max": ("lambda x: X.ops.segment_max(x, J.array([0,0,1]), 2)**2", "A(3)"),
}
NOT_TRACEABLE = {"segment_sum", "segment_prod", "segment_max", "segment_min", "from_dlpack"}
EXCEPTIONS = {"M.resize(A((2,5)), (2,-1), 'linear')": "JAX takes a negative size for 0"}
