"""The cases of `axil.numpy`'s dtypes: float8 and int4 beside the common ones, and functions of complex numbers.

JAX's compiler has no place for most types of fewer than 8 bits, so here are int4 and uint4 alone.
"""

import re

MODULE = "numpy"

_FLOATS = ("float8_e4m3fn", "float8_e5m2")
_INTS = ("int4", "uint4")


def _of(dtype: str, shape: str = "4", seed: int = 0) -> str:
    """A text that makes an array of a small dtype: of float8 both signs, of uint4 positive numbers."""
    kind = "u" if dtype.startswith("u") else "i" if dtype.startswith("int") else "f"
    return f"A({shape}, '{kind}', {seed}).astype('{dtype}')"


def _call(text: str, dtype: str) -> str:
    """A call in which the word x stands for an array of a small dtype."""
    return "J." + re.sub(r"\bx\b", _of(dtype, "(2,3)"), text)


CASES = {
    "astype": [
        f"{_of(d)}.astype('{t}')"
        for d in (*_FLOATS, *_INTS)
        for t in ("float32", "float16", "bfloat16", "int32", "int8", "uint8", "bool", "complex64", *_FLOATS, *_INTS)
    ]
    + [f"A(6, '{k}').astype('{t}')" for k in "fhgisubc" for t in (*_FLOATS, *_INTS)]
    + [f"J.array([nan, inf, -inf, 1e9, -1e9, 500., 0.]).astype('{t}')" for t in (*_FLOATS, "float16", "bfloat16")],
    "arithmetic": [
        f"{_of(d)} {op} {_of(d, '4', 1)}"
        for d in (*_FLOATS, *_INTS)
        for op in ("+", "-", "*", "==", "<", ">=", "!=")
    ]
    + [f"{_of(d)} / {_of(d, '4', 1)}" for d in _FLOATS]
    + [f"{_of(d)} {op} {_of(d, '4', 1)}" for d in _INTS for op in ("&", "|", "^")]
    + [f"{_of(d)} * 2.0" for d in _FLOATS]
    + [f"{_of(d)} + 1" for d in (*_FLOATS, *_INTS)]
    + [f"-{_of(d)}" for d in (*_FLOATS, *_INTS)]
    + [f"{_of('float8_e4m3fn')} {op} {_of('float8_e5m2')}" for op in "+*"]
    + [f"{_of(d)} + A(4, '{k}')" for d in (*_FLOATS, *_INTS) for k in "fhgisubc"]
    + [f"{_of(d)} + 1.5" for d in _INTS]
    + [f"{_of(d)} >> 1" for d in _INTS]
    + [f"{_of(d)} << 1" for d in _INTS],
    "functions": [
        _call(call, d)
        for d in _FLOATS
        for call in ("exp(x)", "tanh(x)", "sqrt(x)", "abs(x)", "isnan(x)", "max(x, axis=0)", "argmax(x)", "sort(x)",
                     "concatenate([x, x])", "where(x > 0, x, -x)", "reshape(x, -1)", "clip(x, -1, 1)", "floor(x)",
                     "round(x)", "sign(x)", "maximum(x, -x)", "zeros_like(x)", "cumsum(x)", "dot(x, x.T)",
                     "transpose(x)", "take(x, np.array([0, 3]))", "full_like(x, 2.5)", "pad(x, 1)")
    ]
    + [
        _call(call, d)
        for d in _INTS
        for call in ("max(x, axis=0)", "argmax(x)", "sort(x)", "concatenate([x, x])", "where(x > 0, x, x)",
                     "reshape(x, -1)", "floor(x)", "maximum(x, x)", "zeros_like(x)", "transpose(x)", "full_like(x, 3)",
                     "pad(x, 1)", "invert(x)", "take(x, np.array([0, 3]))")
    ],
    "creation": [
        f"J.{call.replace('T', repr(d))}"
        for d in (*_FLOATS, *_INTS)
        for call in ("array([1, 2], dtype=T)", "zeros(3, T)", "ones((2,), T)", "full((2,), 3, T)", "arange(4, dtype=T)",
                     "asarray(2, dtype=T)", "eye(2, dtype=T)", "array(A(3), T)", "empty(2, dtype=T)")
    ]
    + [f"J.{d}(1)" for d in (*_FLOATS, *_INTS, "float16", "bfloat16", "int8", "uint16", "complex64", "bool_")],
    "lax": [
        "X.lax.bitcast_convert_type(A(4, 'u'), 'float8_e4m3fn')", "X.lax.bitcast_convert_type(A(4, 'u'), 'float8_e5m2')",
        "X.lax.bitcast_convert_type(A(4).astype('float8_e4m3fn'), 'uint8')", "X.lax.convert_element_type(A(4), 'int4')",
        "X.lax.convert_element_type(A(4), 'float8_e5m2')", "X.lax.convert_element_type(A(4, 'u'), 'uint4')",
        "X.lax.add(A(4).astype('float8_e5m2'), A(4).astype('float8_e5m2'))",
        "X.lax.add(A(4).astype('float8_e5m2'), A(4))", "X.lax.add(A(4, 'i').astype('int4'), A(4, 'i'))",
        "X.lax.full((2,), 3, 'int4')",
    ],  # fmt: skip
    "types": [
        f"str(J.{call})"
        for a in (*_FLOATS, *_INTS)
        for b in ("float32", "bfloat16", "int8", "uint8", "bool", "complex64", "int32", *_FLOATS, *_INTS)
        for call in (f"promote_types('{a}', '{b}')",)
    ]
    + [f"int(J.issubdtype('{a}', J.{b}))" for a in (*_FLOATS, *_INTS, "bfloat16") for b in ("floating", "integer", "inexact", "number", "signedinteger", "unsignedinteger", "generic")]
    + [f"int(J.isdtype(np.dtype(J.{a}.dtype), '{b}'))" for a in (*_FLOATS, *_INTS) for b in ("real floating", "integral", "numeric", "bool")]
    + [f"J.finfo('{a}').bits" for a in _FLOATS] + [f"float(J.finfo('{a}').max)" for a in (*_FLOATS, "bfloat16")]
    + [f"J.iinfo('{a}').max" for a in _INTS],
    "complex": [
        f"J.{name}({x})"
        for name in ("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "exp2", "log2")
        for x in ("A((2,3), 'c')", "A(4, 'c', 1)*3", "J.array([2+0j, -2+0j, 2j, -2j, 0.5+0j, 0j])", "1j", "A((), 'c')", "A(0, 'c')")
    ]
    + [f"J.{name}(A(5, 'c'), A(5, 'c', 1))" for name in ("arctan2", "logaddexp", "logaddexp2", "maximum", "minimum")]
    + [
        f"J.{name}({x})"
        for name in ("max", "min", "ptp", "nanmax", "nanmin", "sort", "amax")
        for x in ("A((3,4), 'c')", "A((3,4), 'c'), axis=0", "A((2,3,4), 'c'), axis=-1", "J.array([1+1j, 1+2j, 1-1j, 0])")
    ]
    + ["J.max(A((2,3), 'c'), axis=1, keepdims=True)", "J.max(A(3, 'c'), initial=9.0)", "J.min(A(0, 'c'))",
       "J.max(A((2,3), 'c'), axis=(0,1))", "J.max(A((2,3), 'c'), axis=0, where=A((2,3),'b'), initial=-3)",
       "J.argmax(A(5, 'c'))"],
    "weighted": [
        f"J.{name}(A((3,4)), {q}, weights=A((3,4), 'f', 1, 0.1, 2), axis={axis}, method='inverted_cdf'{more})"
        for name in ("quantile", "nanquantile", "percentile")
        for q in ("0.3", "np.array([0.1, 0.5, 0.9], 'float32')")
        for axis, more in (("None", ""), ("1", ""), ("0", ", keepdims=True"))
    ]
    + ["J.quantile(A(5), 0.4, method='inverted_cdf')", "J.quantile(A((3,4)), 0.4, axis=1, weights=A(4, 'f', 1, 0.1, 2), method='inverted_cdf')",
       "J.quantile(A(5), 0.4, weights=A(5), method='linear')", "J.quantile(A(5), 0.4, weights=A(4), method='inverted_cdf')",
       "J.quantile(A(5), 0.4, weights=A(5, 'f', 1), method='inverted_cdf')", "J.quantile(J.array([1., nan]), 0.4, method='inverted_cdf')"],
}  # fmt: skip

EXCEPTIONS = {
    "J.arcsinh(J.array([2+0j, -2+0j, 2j, -2j, 0.5+0j, 0j]))": "the side of a branch cut: ours is NumPy's, by the sign of zero",
}
