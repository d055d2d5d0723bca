"""Cases of `axil.lax`: associative scans, ragged and scaled products, the largest few, staging."""

MODULE = "lax"
_DIMS = "((([1], [1]), ([], [])), [0], [0])"


def _scans(fn: str) -> list[str]:
    arguments = ["A(7)", "A((4,3))", "A((2,5)), axis=1", "A((2,5)), axis=-1, reverse=True", "A(1)", "A(0)", "A(16)",
                 "A(9), reverse=True", "A(6,'i')", "A((3,2),'h')", "(A(5), A(5,'f',1))[0]"]  # fmt: skip
    return [f"M.associative_scan({fn}, {text})" for text in arguments]


def _largest(name: str) -> list[str]:
    arguments = ["A(9), 3", "A((2,8)), 8", "A((3,40)), 2", "A(5,'i'), 2", "A((4,9),'h'), 3", "A(6,'u'), 1",
                 "J.array([1., nan, 3., nan, inf]), 3", "J.array([2., 1., 2., 3., 1.]), 4", "A(5), 0", "A(4), 5",
                 "A((2,3,7)), 4", "A(50), 40"]  # fmt: skip
    return [f"M.{name}({text})" for text in arguments]


CASES = {
    "associative_scan": [
        *_scans("M.add"), *_scans("M.mul"),
        "M.associative_scan(lambda a, b: (a[0] * b[0], b[0] * a[1] + b[1]), (A((6,2)), A((6,2),'f',1)))",
        "M.associative_scan(M.add, (A(3), A(4)))", "M.associative_scan(M.add, A(()))",
    ],
    "top_k": [*_largest("top_k"), "M.top_k(A((5,3)), 2, axis=0)", "M.top_k(A(3,'c'), 1)"],
    "approx_max_k": _largest("approx_max_k"),
    "approx_min_k": [c for c in _largest("approx_min_k") if "nan" not in c and "'i'" not in c and "'u'" not in c],
    "ragged_dot": [
        f"M.ragged_dot({text})" for text in (
            "A((5,3)), A((2,3,4)), J.array([2, 3])", "A((5,3)), A((2,3,4)), J.array([2, 2])",
            "A((5,3)), A((3,3,1)), J.array([0, 5, 0])", "A((4,2)), A((1,2,2)), J.array([4])",
            "A((6,3)), A((2,3,4)), J.array([6, 0])", "A((5,3),'h'), A((2,3,4),'h'), J.array([1, 4])",
            "A((5,3)), A((2,4,4)), J.array([2, 3])", "A((2,3)), A((2,3,4)), J.array([1, 1])",
            "A((5,3)), A((2,3,4)), J.array([2, 3]), preferred_element_type=J.float32",
            "A((1,1)), A((1,1,1)), J.array([1])",
        )
    ],
    "ragged_dot_general": [
        "M.ragged_dot_general(A((5,3)), A((2,3,4)), J.array([2, 3]), "
        "M.RaggedDotDimensionNumbers((([1],[1]),([],[])), [0], [0]))",
        "M.ragged_dot_general(A((5,3)), A((5,4)), J.array([2, 3]), "
        "M.RaggedDotDimensionNumbers((([0],[0]),([],[])), [0], []))",
        "M.ragged_dot_general(A((5,3)), A((5,4)), J.array([2, 1]), "
        "M.RaggedDotDimensionNumbers((([0],[0]),([],[])), [0], []))",
    ],
    "RaggedDotDimensionNumbers": [],
    "scatter_apply": [
        "M.scatter_apply(A(5), J.array([[1], [3]]), J.sin, "
        "M.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(2,))",
        "M.scatter_apply(A(5), J.array([[1], [1]]), lambda x: 2 * x, "
        "M.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(2,))",
        "M.scatter_apply(A((3,2)), J.array([[2]]), J.exp, "
        "M.ScatterDimensionNumbers((1,), (0,), (0,)), update_shape=(1,2))",
        "M.scatter_apply(A(5), J.array([[9], [0]]), J.negative, "
        "M.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(2,), mode='drop')",
    ],
    "composite": ["M.composite(lambda x: x + 1, 'a.b')(A(3))", "M.composite(lambda x, *, n: x * n, 'a.b')(A(3), n=2)"],
    "platform_dependent": [
        "M.platform_dependent(A(3), cpu=lambda x: x + 1, default=lambda x: x)",
        "M.platform_dependent(A(3), tpu=lambda x: x + 1, default=lambda x: x * 2)",
        "M.platform_dependent(A(3), tpu=lambda x: x + 1)",
    ],
    "stage": ["M.stage(3.0)", "M.stage(A(3))", "M.stage(np.arange(3))"],
    **{
        name: [f"M.{name}(A((2,3),'f',0,0.1,0.9), accuracy=M.Tolerance(rtol=1e-3))",
               f"M.{name}(A(3,'h',0,0.1,0.9), accuracy=M.AccuracyMode.DEFAULT)", f"M.{name}(A(2,'f',0,0.1,0.9))"]
        for name in ("sin", "cos", "tan", "tanh", "exp", "exp2", "log", "log1p", "expm1", "logistic", "sqrt", "rsqrt", "cbrt")
    },
    "dot": [
        "M.dot(A((2,3)), A((3,2)), precision=M.DotAlgorithmPreset.F32_F32_F32)",
        "M.dot(A((2,3)), A(3), precision='highest')", "M.dot(A((2,3)), A((3,2)), precision=M.Precision.HIGH)",
        "M.dot(A((2,3)), A((3,2)), precision=3)",
    ],
}  # fmt: skip
EXCEPTIONS = {
    "M.associative_scan(M.add, A((2,5)), axis=-1, reverse=True)": "JAX refuses a negative axis together with reverse",
    "M.associative_scan(M.mul, A((2,5)), axis=-1, reverse=True)": "JAX refuses a negative axis together with reverse",
    "M.approx_max_k(A(5,'i'), 2)": "integers are ordered too; JAX refuses them",
    "M.approx_max_k(A(6,'u'), 1)": "integers are ordered too; JAX refuses them",
    "M.approx_max_k(A(5), 0)": "none of the elements are the largest 0; JAX refuses it",
    "M.approx_min_k(A(5), 0)": "none of the elements are the smallest 0; JAX refuses it",
    "M.approx_min_k(A(50), 40)": "of equals the first comes first; JAX promises no order",
}
NOT_TRACEABLE = {"platform_dependent"}
GRAD = {
    "associative_scan": "lambda x: M.associative_scan(J.multiply, x)",
    "top_k": ("lambda x: M.top_k(x, 2)[0]", "A((3,8))"),
    "ragged_dot": ("lambda a, b: M.ragged_dot(a, b, J.array([2, 3]))", "A((5,3)), A((2,3,4))"),
}
