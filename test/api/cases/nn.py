"""The cases of `axil.nn`."""

from __future__ import annotations

from api import elementwise

MODULE = "nn"

_PLAIN = [
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "identity", "leaky_relu",
    "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_sign", "softplus", "sparse_plus",
    "sparse_sigmoid", "squareplus", "swish", "tanh",
]  # fmt: skip
_EDGES = "A((5,), 'f', 0, -100, 100)", "J.array([0.0, -0.0, inf, -inf, nan, 1.0, -1.0, 3.0, -3.0, 6.0, 1e-8, 1e30])"


def _along_axis(function: str) -> list[str]:
    arguments = [
        "A((2,3))", "A((2,3)), axis=0", "A((2,3,4)), axis=(0,-1)", "A((2,3)), axis=None", "A(3,'h')", "A((2,2),'g')",
        "A((2,0))", "A((0,3))", "A((2,3)), where=A((2,3),'b')", "A((2,3)), where=J.array([True,False,True])",
        "A((2,3)), where=J.zeros((2,3), bool)", "J.array([inf, 1.0])", "J.array([-inf, -inf])", "J.array([nan, 1.0])",
        "J.array([1e4, -1e4, 0.0])", "A((2,3)), axis=2", "[1.0, 2.0]",
    ]  # fmt: skip
    return [f"{function}({text})" for text in arguments]


_QKV = "A((2,4,2,3)), A((2,5,2,3),'f',1), A((2,5,2,3),'f',2)"
_ATTENTION = [
    _QKV,
    "A((4,2,3)), A((5,2,3),'f',1), A((5,2,3),'f',2)",
    _QKV + ", A((2,2,4,5),'f',3)",
    _QKV + ", A((1,1,4,5),'f',3), A((2,1,4,5),'b')",
    _QKV + ", mask=A((2,2,4,5),'b')",
    _QKV + ", mask=J.zeros((2,2,4,5),bool)",
    _QKV + ", is_causal=True",
    _QKV + ", is_causal=True, scale=0.3",
    _QKV + ", query_seq_lengths=J.array([2,4]), key_value_seq_lengths=J.array([5,1])",
    _QKV + ", query_seq_lengths=J.array([0,3])",
    _QKV + ", local_window_size=1",
    _QKV + ", local_window_size=(2,0), is_causal=True",
    _QKV + ", implementation='xla'",
    _QKV + ", implementation='abc'",
    _QKV + ", return_residual=True",
    "A((2,4,4,3)), A((2,5,2,3),'f',1), A((2,5,2,3),'f',2), A((2,4,4,5),'f',3), A((2,4,4,5),'b')",
    "A((2,4,6,3)), A((2,5,2,3),'f',1), A((2,5,2,3),'f',2), A((2,1,4,5),'f',3), return_residual=True",
    "A((2,4,4,3),'h'), A((2,5,2,3),'h',1), A((2,5,2,3),'h',2)",
    "A((2,4,4,3),'g'), A((2,5,2,3),'g',1), A((2,5,2,3),'g',2), is_causal=True",
    "A((2,4,3,3)), A((2,5,2,3),'f',1), A((2,5,2,3),'f',2)",
    "A((2,4,2,3)), A((2,5,2,3),'f',1), A((2,5,2,4),'f',2)",
    "A((2,4,2,3)), A((2,5,2,3),'h',1), A((2,5,2,3),'h',2)",
    _QKV + ", mask=A((2,2,4,5))",
]

CASES = {
    **{name: [*elementwise(f"M.{name}"), *(f"M.{name}({edge})" for edge in _EDGES)] for name in _PLAIN},
    "log1mexp": [*elementwise("M.log1mexp", 1, 0.1, 5), "M.log1mexp(J.array([0.0, 1e-8, 0.69, 0.7, 90.0, inf, nan]))"],
    "glu": [
        f"M.glu({text})"
        for text in [
            "A((2,4))", "A((4,3)), axis=0", "A((2,4,3)), axis=1", "A(6)", "A((2,0))", "A(4,'h')", "A(4,'g')", "A(3)",
            "A(4,'i')", "A((2,4)), axis=2", "A((2,4)), -2",
        ]
    ],
    "softmax": _along_axis("M.softmax"),
    "log_softmax": _along_axis("M.log_softmax"),
    "logsumexp": [
        *_along_axis("M.logsumexp"), "M.logsumexp(A((2,3)), b=A((2,3),'f',1))", "M.logsumexp(A((2,3),'i'))",
        "M.logsumexp(A((2,3)), b=A((2,3),'f',1), axis=1, return_sign=True)", "M.logsumexp(A((2,3)), keepdims=True)",
        "M.logsumexp(A((2,3),'c'))", "M.logsumexp(A((2,3),'c'), axis=0, return_sign=True)", "M.logsumexp(2.0)",
        "M.logsumexp(A((2,3)), b=A(3,'i'), axis=1, keepdims=True, where=A((2,3),'b'))", "M.logsumexp(A((2,3)), b=0)",
        "M.logsumexp(A((2,0)), axis=1, b=A((2,0)))",
    ],
    "logmeanexp": [
        *_along_axis("M.logmeanexp"), "M.logmeanexp(A((2,3)), keepdims=True)", "M.logmeanexp(A((2,3),'i'), axis=1)",
        "M.logmeanexp(A((2,3)), axis=1, keepdims=True, where=A((2,3),'b'))",
    ],
    "standardize": [
        *_along_axis("M.standardize"), "M.standardize(A((2,3)), algorithm='stable')", "M.standardize(A((2,3),'i'))",
        "M.standardize(A((2,3)), mean=1.0)", "M.standardize(A((2,3)), variance=J.ones((2,1)), epsilon=0.0)",
        "M.standardize(A((2,3)), algorithm='slow')", "M.standardize(A((2,3)), 0, 0.5, 2.0, 1e-3)",
        "M.standardize(A((2,3,4)), (0,1), algorithm='stable', where=A((2,3,4),'b'))",
    ],
    "one_hot": [
        f"M.one_hot({text})"
        for text in [
            "A((2,3),'u'), 4", "A((2,3),'i'), 4", "2, 3", "J.array([]), 3", "J.zeros((0,),int), 3", "[0, 2], 3",
            "A(3,'u'), 4, dtype='int32'", "A(3,'u'), 4, dtype=bool", "A((2,3),'u'), 4, axis=0",
            "A((2,3),'u'), 4, axis=1", "A((2,3),'u'), 4, axis=-2", "A((2,3),'u'), 4, axis=3", "A(3,'u'), 0",
            "A(3,'u'), 4, dtype='bfloat16'", "A(3,'f'), 4", "A(3,'u'), 2.5",
        ]
    ],
    "dot_product_attention": [f"M.dot_product_attention({text})" for text in _ATTENTION],
    "scaled_matmul": [
        "M.scaled_matmul(A((1,2,64)), A((1,3,32)), A((1,2,2)), A((1,3,2)))",
        "M.scaled_matmul(A((1,2,64)), A((1,3,64)), A((1,2,2)), A((1,3,1)))",
        "M.scaled_matmul(A((2,64)), A((3,64)), A((2,2)), A((3,2)))",
        "M.scaled_matmul(A((2,2,64)), A((1,3,64)), A((2,2,2)), A((1,3,2)))",
        "M.scaled_matmul(A((1,2,64)), A((1,3,64)), A((1,1,2)), A((1,3,2)))",
    ],
    "get_scaled_dot_general_config": [
        "M.get_scaled_dot_general_config('nvfp4').global_scale",
        "M.get_scaled_dot_general_config('nvfp4', J.full((1,), 2.0)).global_scale",
        "M.get_scaled_dot_general_config('mxfp8').block_size", "M.get_scaled_dot_general_config('nvfp4').block_size",
        "M.get_scaled_dot_general_config('mxfp8').mode", "M.get_scaled_dot_general_config('mxfp4')",
        "np.dtype(M.get_scaled_dot_general_config('mxfp8').data_type).name",
        "np.dtype(M.get_scaled_dot_general_config('mxfp8').scale_type).name",
        "np.dtype(M.get_scaled_dot_general_config('nvfp4').data_type).name",
        "np.dtype(M.get_scaled_dot_general_config('nvfp4').scale_type).name",
        "M.get_scaled_dot_general_config('nvfp4').infer_only",
    ],
    "scaled_dot_general": [
        f"M.scaled_dot_general({text})"
        for text in [
            "A((2,3)), A((3,4)), (((1,),(0,)),((),()))", "A((2,3)), A((4,3)), (((1,),(1,)),((),()))",
            "A((2,3,4)), A((2,4,5)), (((2,),(1,)),((0,),(0,)))", "A(3), A(3), (((0,),(0,)),((),()))",
            "A((2,3)), A((3,4)), (((1,),(0,)),((),())), 'float16'", "A((2,0)), A((0,4)), (((1,),(0,)),((),()))",
            "A((2,3)), A((3,4)), (((1,),(1,)),((),()))", "A((2,3),'h'), A((3,4),'h'), (((1,),(0,)),((),()))",
            "A((2,3),'g'), A((3,4),'g'), (((1,),(0,)),((),())), J.bfloat16", "A((2,3)), A((3,4)), (((),()),((),()))",
        ]
    ],
}  # fmt: skip
EXCEPTIONS = {
    "M.log1mexp(A(3, 'u', 0, 0.1, 5))": "JAX negates unsigned integers, and gets NaN",
    "M.log1mexp(A(3, 'b', 0, 0.1, 5))": "JAX cannot negate booleans; we convert them first",
}
GRAD = {
    **{name: (f"lambda x: M.{name}(x)", "A((9,), 'f', 0, -8, 8)") for name in _PLAIN},
    "log1mexp": ("lambda x: M.log1mexp(x)", "A((6,), 'f', 0, 0.01, 20)"),
    "glu": ("lambda x: M.glu(x)", "A((2,4))"),
    "gelu": ("lambda x: M.gelu(x, approximate=False)", "A((7,))"),
    "softmax": ("lambda x: M.softmax(x)**2", "A((2,3))"),
    "log_softmax": ("lambda x: M.log_softmax(x, where=J.array([True,False,True]))[:, ::2]", "A((2,3))"),
    "logsumexp": ("lambda x, b: M.logsumexp(x, axis=1, b=b)", "A((2,3)), A((2,3),'f',1,0.1,2)"),
    "logmeanexp": ("lambda x: M.logmeanexp(x, axis=1)", "A((2,3))"),
    "standardize": ("lambda x: M.standardize(x)**3", "A((2,3))"),
    "dot_product_attention": (
        "lambda q, k, v, b: M.dot_product_attention(q, k, v, b, is_causal=True)",
        _QKV + ", A((2,2,4,5),'f',3)",
    ),
    "scaled_dot_general": ("lambda x, y: M.scaled_dot_general(x, y, (((1,),(0,)),((),())))", "A((2,3)), A((3,4))"),
}
X64 = ["M.gelu(A((3,), 'd'))", "M.softmax(A((2,3), 'd'))", "M.selu(A(4, 'd'))", "M.one_hot(A(3, 'l'), 4)",
       "M.logsumexp(A((2,3),'d'))", "M.softplus(A(4,'d'))"]  # fmt: skip
