"""The cases of `axil.nn.initializers`: the same numbers as JAX's for the same key."""

from __future__ import annotations

MODULE = "nn.initializers"

_K = "X.random.PRNGKey(3)"


def _drawn(function: str, arguments: str = "") -> list[str]:
    """An initializer on shapes and dtypes."""
    calls = [
        "(2,3)", "(3,2,4)", "(2,3), 'float16'", "(2,3), J.bfloat16", "(2,3), 'complex64'", "(1,5)", "(4,)", "()", "(0,3)",
        "(2,3), 'int32'", "(2,3), out_sharding=None",
    ]  # fmt: skip
    return [f"M.{function}({arguments})({_K}, {call})" for call in calls]


_FANS = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "kaiming_normal", "kaiming_uniform",
         "lecun_normal", "lecun_uniform", "xavier_normal", "xavier_uniform"]  # fmt: skip

CASES = {
    "Initializer": [f"isinstance(M.{name}(), M.Initializer)" for name in _FANS],
    "zeros": [f"M.zeros({_K}, {s})" for s in ["(2,3)", "()", "(0,)", "(2,), 'int32'", "[2, 3], J.bfloat16"]],
    "ones": [f"M.ones({_K}, {s})" for s in ["(2,3)", "()", "(0,)", "(2,), 'int32'", "[2, 3], 'complex64'"]],
    "constant": [
        *_drawn("constant", "2.5"), f"M.constant(A((3,)))({_K}, (2,3))", f"M.constant(1, 'int32')({_K}, (2,))",
        f"M.constant(A((4,)))({_K}, (2,3))",
    ],
    "uniform": [*_drawn("uniform"), f"M.uniform(2.0, 'float16')({_K}, (3,))"],
    "normal": [*_drawn("normal"), f"M.normal(2.0, 'complex64')({_K}, (3,))"],
    "truncated_normal": [*_drawn("truncated_normal"), f"M.truncated_normal(2.0, lower=-1.0, upper=0.5)({_K}, (9,))"],
    **{name: [*_drawn(name), f"M.{name}(in_axis=0, out_axis=1)({_K}, (3,2,2))",
              f"M.{name}(in_axis=(0,1), out_axis=2, batch_axis=3)({_K}, (3,2,2,2))"] for name in _FANS},
    "variance_scaling": [
        f"M.variance_scaling({text})({_K}, (3,4,2))"
        for text in [
            "1.0, 'fan_in', 'normal'", "2.0, 'fan_out', 'uniform'", "1.0, 'fan_avg', 'truncated_normal'",
            "1.0, 'fan_geo_avg', 'normal'", "1.0, 'fan_none', 'normal'", "1.0, 'fan_in', 'cauchy'",
            "1.0, 'fan_in', 'uniform', dtype='complex64'", "1.0, 'fan_in', 'truncated_normal', dtype='complex64'",
            "1.0, 'fan_in', 'normal', in_axis=(0,1)", "1.0, 'fan_in', 'normal', batch_axis=0",
            "1.0, 'fan_in', 'uniform', dtype='float16'",
        ]
    ],
    "orthogonal": [
        *_drawn("orthogonal"), f"M.orthogonal(2.0)({_K}, (4,4))", f"M.orthogonal(1.0, 0)({_K}, (3,2,2))",
        f"M.orthogonal(column_axis=1)({_K}, (2,3,2))",
    ],
    "delta_orthogonal": [
        f"M.delta_orthogonal({text})"
        for text in [
            f")({_K}, (3,2,4)", f")({_K}, (3,3,2,2)", f")({_K}, (2,3,4,2,3)", f"2.0)({_K}, (3,2,2)",
            f")({_K}, (3,4,2)", f")({_K}, (3,2)", f")({_K}, (1,1,1,1,1,1)", f"1.0, 0)({_K}, (3,2,2)",
            f")({_K}, (4,2,2)", f")({_K}, (3,2,4), 'float32'",
        ]
    ],
}  # fmt: skip
TOLERANCE = {"orthogonal": 1e-4, "delta_orthogonal": 1e-4}
EXCEPTIONS: dict[str, str] = {}
