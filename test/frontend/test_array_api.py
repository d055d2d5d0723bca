"""The Python array API standard (2024.12): names, signatures, values and dtypes, against array-api-strict."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as anp

strict = pytest.importorskip("array_api_strict", reason="the partner of this test is array-api-strict")

NOT_OF_THE_STANDARD = {
    "ArrayAPIStrictFlags", "Device", "get_array_api_strict_flags", "reset_array_api_strict_flags",
    "set_array_api_strict_flags", "__version__",
}  # fmt: skip
NAMESPACES = {"": (anp, strict), "linalg": (anp.linalg, strict.linalg), "fft": (getattr(anp, "fft", None), strict.fft)}
NARROW = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


@pytest.fixture(autouse=True, scope="module")
def version() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strict.set_array_api_strict_flags(api_version="2024.12")
        yield
        strict.reset_array_api_strict_flags()


def names(module: Any) -> list[str]:
    return sorted(n for n in module.__all__ if n not in NOT_OF_THE_STANDARD and n not in ("linalg", "fft"))


# ---- names and signatures ------------------------------------------------------------------------------


@pytest.mark.parametrize("space", NAMESPACES)
def test_every_name_of_the_standard_is_there(space: str) -> None:
    ours, theirs = NAMESPACES[space]
    assert [n for n in names(theirs) if not hasattr(ours, n)] == []


def misfits(theirs: Any, ours: Any) -> list[str]:
    """Parameters of the standard's function that ours does not take in the same way."""
    wanted, given = inspect.signature(theirs).parameters, inspect.signature(ours).parameters
    order = list(given.values())
    any_positional = any(p.kind is p.VAR_POSITIONAL for p in order)
    found = []
    for i, p in enumerate(wanted.values()):
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if p.kind is p.POSITIONAL_ONLY:
            if not any_positional and (i >= len(order) or order[i].kind is p.KEYWORD_ONLY):
                found.append(f"{p.name}, by position")
        elif p.name not in given or given[p.name].kind is p.POSITIONAL_ONLY:
            found.append(f"{p.name}, by keyword")
    return found


@pytest.mark.parametrize("space", NAMESPACES)
def test_functions_take_the_arguments_of_the_standard(space: str) -> None:
    ours, theirs = NAMESPACES[space]
    found = {}
    for name in names(theirs):
        function = getattr(theirs, name)
        if callable(function) and not isinstance(function, type):
            problems = misfits(function, getattr(ours, name))
            if problems:
                found[name] = problems
    assert found == {}


def test_arrays_have_the_attributes_of_the_standard() -> None:
    wanted = """
        dtype device mT ndim shape size T to_device __abs__ __add__ __and__ __array_namespace__ __bool__ __complex__
        __dlpack__ __dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__
        __invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__
        __rshift__ __setitem__ __sub__ __truediv__ __xor__ __radd__ __rsub__ __rmul__ __rtruediv__ __rfloordiv__
        __rpow__ __rmod__ __rmatmul__ __rand__ __ror__ __rxor__ __rlshift__ __rrshift__
    """.split()
    assert [n for n in wanted if n not in dir(anp.ones((1, 1)))] == []


# ---- values --------------------------------------------------------------------------------------------

DATA = {
    "f": np.array([[-1.5, 0.0, 2.25], [3.5, -0.5, 1.0]], np.float32),
    "u": np.array([[0.25, 0.5, -0.75], [0.0, -0.25, 0.9]], np.float32),  # in [-1, 1]
    "p": np.array([[1.5, 1.0, 2.25], [3.5, 4.5, 1.25]], np.float32),  # at least 1
    "i": np.array([[3, -1, 2], [0, 5, -4]], np.int32),
    "n": np.array([[1, 2, 1], [2, 1, 3]], np.int32),  # small and positive
    "b": np.array([[True, False, True], [False, False, True]]),
    "c": np.array([[1 + 2j, -1j, 0.5], [2, -1 - 1j, 3j]], np.complex64),
    "v": np.array([3.0, 1.0, 2.0, 1.0], np.float32),
    "s": np.array([1, 3, 5, 7], np.int32),  # sorted
    "m": np.array([[2.0, 1.0], [1.0, 3.0]], np.float32),
}

UNARY = {
    "abs": "fi", "acos": "u", "acosh": "p", "asin": "u", "asinh": "f", "atan": "f", "atanh": "u",
    "bitwise_invert": "ib", "ceil": "fi", "conj": "cf", "cos": "f", "cosh": "f", "exp": "f", "expm1": "f",
    "floor": "fi", "imag": "c", "isfinite": "fi", "isinf": "fi", "isnan": "fi", "log": "p", "log1p": "p", "log2": "p",
    "log10": "p",
    "logical_not": "b", "negative": "fic", "positive": "fi", "real": "cf", "reciprocal": "p", "round": "fi",
    "sign": "fi", "signbit": "f", "sin": "f", "sinh": "f", "square": "fi", "sqrt": "p", "tan": "f", "tanh": "f",
    "trunc": "fi",
}  # fmt: skip
BINARY = {
    "add": "fi", "atan2": "f", "bitwise_and": "ib", "bitwise_or": "ib", "bitwise_xor": "ib", "bitwise_left_shift": "n",
    "bitwise_right_shift": "n", "copysign": "f", "divide": "p", "equal": "fib", "floor_divide": "pn", "greater": "fi",
    "greater_equal": "fi", "hypot": "f", "less": "fi", "less_equal": "fi", "logaddexp": "f", "logical_and": "b",
    "logical_or": "b", "logical_xor": "b", "maximum": "fi", "minimum": "fi", "multiply": "fi", "nextafter": "f",
    "not_equal": "fib", "pow": "pn", "remainder": "pn", "subtract": "fi",
}  # fmt: skip
REDUCTIONS = {"all": "bf", "any": "bf", "max": "fi", "mean": "f", "min": "fi", "prod": "fin", "std": "f", "sum": "fi",
              "var": "f", "count_nonzero": "fib", "argmax": "fi", "argmin": "fi"}  # fmt: skip

CASES = """
X.arange(5) | X.arange(1, 7, 2) | X.arange(0.0, 1.0, 0.25) | X.asarray([1, 2, 3]) | X.asarray(f, copy=True)
X.empty((0,)) | X.eye(3) | X.eye(2, 3, k=1) | X.full((2,), 3) | X.full((2,), 2.5) | X.full_like(i, 7)
X.linspace(0, 1, 5) | X.linspace(0.0, 1.0, 4, endpoint=False) | X.meshgrid(v, v[:2], indexing='ij')
X.meshgrid(v, v[:2]) | X.ones((2, 3)) | X.ones_like(b) | X.tril(f) | X.triu(f, k=1) | X.zeros((2,), dtype=X.int32)
X.zeros_like(f) | X.astype(f, X.int32) | X.astype(i, X.float32) | X.broadcast_to(v, (2, 4))
X.broadcast_arrays(v, X.ones((3, 1))) | X.concat([f, p]) | X.concat([f, p], axis=1) | X.concat([f, p], axis=None)
X.expand_dims(f, axis=1) | X.flip(f) | X.flip(f, axis=1) | X.moveaxis(f, 0, 1) | X.permute_dims(f, (1, 0))
X.repeat(v, 2) | X.repeat(f, 2, axis=1) | X.reshape(f, (3, 2)) | X.roll(f, 1) | X.roll(f, (1, 2), axis=(0, 1))
X.squeeze(X.ones((1, 3)), axis=0) | X.stack([v, v]) | X.stack([f, p], axis=-1) | X.tile(v, (2, 1)) | X.unstack(f)
X.unstack(f, axis=1) | X.searchsorted(s, s) | X.searchsorted(s, s, side='right') | X.where(b, f, p) | X.nonzero(b)
X.sort(f) | X.sort(f, axis=0, descending=True) | X.argsort(v) | X.argsort(v, descending=True) | X.take(v, s[:2])
X.take(f, X.asarray([1, 0]), axis=1) | X.take_along_axis(f, X.argsort(f), axis=1) | X.unique_all(v)
X.unique_counts(v) | X.unique_inverse(v) | X.unique_values(v) | X.matmul(f, f.T) | X.matrix_transpose(f)
X.tensordot(f, p, axes=2) | X.tensordot(f, p.T, axes=1) | X.vecdot(f, p) | X.vecdot(c, c) | X.cumulative_sum(v)
X.cumulative_sum(i, axis=1) | X.cumulative_sum(v, include_initial=True) | X.cumulative_prod(v) | X.diff(v)
X.diff(f, axis=0, n=1) | X.diff(v, prepend=v[:1]) | X.clip(f, -1.0, 1.0) | X.clip(i, min=0) | X.clip(i, max=2)
X.isdtype(f.dtype, 'real floating') | X.isdtype(i.dtype, ('bool', 'integral')) | X.can_cast(X.int32, X.int64)
X.can_cast(X.int32, X.int16) | X.empty_like(f).shape | X.finfo(X.float32).bits | X.finfo(X.float32).eps
X.iinfo(X.int32).max | X.result_type(f, X.float32) | X.result_type(X.int8, X.int16) | X.result_type(X.int32, X.uint8)
f.mT | f[0, 1] | f[:, -1] | f[..., 0] | f[1, ::-1] | f[b] | (f + 1) | (2 - i) | (f * 2.5) | (i // 2) | (i % 3)
(p ** 2) | (f @ f.T) | (-f) | (~b) | (i & 3) | (i << 1) | (f < 0) | float(f[0, 0]) | int(i[0, 0]) | bool(b[0, 0])
complex(c[0, 0]) | f.shape | f.ndim | f.size | X.pi | X.e | X.inf | X.newaxis
"""

SPACE_CASES = """
X.linalg.matmul(f, f.T) | X.linalg.matrix_transpose(f) | X.linalg.tensordot(f, p, axes=2) | X.linalg.vecdot(f, p)
X.linalg.outer(v, v) | X.linalg.cross(f, p) | X.linalg.diagonal(m) | X.linalg.trace(m) | X.linalg.vector_norm(f)
X.linalg.vector_norm(f, axis=1, ord=1) | X.linalg.matrix_norm(f) | X.linalg.matrix_power(m, 3) | X.linalg.det(m)
X.linalg.inv(m) | X.linalg.solve(m, m[0, :]) | X.linalg.cholesky(m) | X.linalg.eigvalsh(m) | X.linalg.svdvals(m)
X.linalg.matrix_rank(m) | X.linalg.slogdet(m) | X.linalg.pinv(f) | X.fft.fft(c) | X.fft.ifft(c) | X.fft.rfft(f)
X.fft.fftn(c) | X.fft.fftfreq(5) | X.fft.rfftfreq(5) | X.fft.fftshift(v) | X.fft.hfft(c) | X.fft.ihfft(f)
"""


def sweep() -> list[str]:
    cases = [f"X.{n}({k})" for n, kinds in UNARY.items() for k in kinds]
    cases += [f"X.{n}({k}, {k}[::-1, :])" for n, kinds in BINARY.items() for k in kinds]
    cases += [f"X.{n}({k}, axis={a})" for n, kinds in REDUCTIONS.items() for k in kinds for a in (None, 1, -2)]
    cases += [f"X.{n}({k}, axis=0, keepdims=True)" for n, kinds in REDUCTIONS.items() for k in kinds]
    return cases + [case.strip() for line in CASES.strip().splitlines() for case in line.split(" | ")]


def evaluated(case: str, module: Any) -> list[Any]:
    scope = {name: module.asarray(value) for name, value in DATA.items()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = eval(case, {"X": module, **scope})
    return list(result) if isinstance(result, (tuple, list)) else [result]


def dtype_name(x: Any) -> str:
    """The dtype's name, where the standard's default is 64 bits, that of our default."""
    name = np.dtype(getattr(x.dtype, "_np_dtype", x.dtype)).name
    return NARROW.get(name, name)


def check(case: str) -> None:
    ours, theirs = evaluated(case, anp), evaluated(case, strict)
    assert len(ours) == len(theirs)
    for x, y in zip(ours, theirs):
        if y is None or isinstance(y, (strict._dtypes.DType, np.dtype)):
            assert str(NARROW.get(str(x), x)) == str(NARROW.get(str(y).split(".")[-1], str(y).split(".")[-1]))
            continue
        if hasattr(y, "dtype"):
            assert dtype_name(x) == dtype_name(y)
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=2e-5, atol=2e-5)


def failures(cases: list[str]) -> str:
    found = []
    for case in cases:
        try:
            check(case)
        except Exception as error:
            found.append(f"{case}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return "\n".join(found)


def test_values_and_dtypes_agree() -> None:
    found = failures(sweep())
    assert not found, found


def test_values_of_the_extensions_agree() -> None:
    found = failures([case.strip() for line in SPACE_CASES.strip().splitlines() for case in line.split(" | ")])
    assert not found, found


def test_the_sweep_covers_the_standard() -> None:
    """Every function of the standard's main namespace is in some case."""
    text = " ".join(sweep())
    exempt = {"__array_namespace_info__", "from_dlpack", "broadcast_shapes", "isin"}  # below; of 2025
    functions = [n for n in names(strict) if callable(getattr(strict, n)) and n not in exempt]
    types = ("int", "uint", "float", "complex", "bool")
    assert [n for n in functions if f"X.{n}(" not in text and not n.startswith(types)] == []


# ---- what only a test can say --------------------------------------------------------------------------


def test_namespace_of_an_array() -> None:
    x = anp.ones(3)
    assert x.__array_namespace__() is anp
    assert x.__array_namespace__(api_version="2024.12") is anp
    with pytest.raises(ValueError, match="2019.12"):
        x.__array_namespace__(api_version="2019.12")


def test_namespace_of_a_tracer() -> None:
    seen = []
    axil.jit(lambda x: seen.append(x.__array_namespace__()) or x)(anp.ones(2))
    assert seen == [anp]


def test_namespace_info() -> None:
    info = anp.__array_namespace_info__()
    assert set(info.capabilities()) == {"boolean indexing", "data-dependent shapes", "max dimensions"}
    assert info.default_device() in info.devices()
    assert info.default_dtypes()["real floating"] == np.float32
    assert set(info.dtypes(kind="real floating")) == {"float32"}
    assert set(info.dtypes(kind=("bool", "signed integer"))) == {"bool", "int8", "int16", "int32"}
    with axil.enable_x64(True):
        assert info.default_dtypes()["integral"] == np.int64
        assert set(info.dtypes(kind="complex floating")) == {"complex64", "complex128"}
    with pytest.raises(ValueError, match="unknown kinds"):
        info.dtypes(kind="text")


def test_device_is_the_default_one() -> None:
    x = anp.zeros(2)
    assert x.device == axil.devices()[0] if hasattr(axil, "devices") else x.device is not None
    assert x.to_device(x.device) is x
    assert anp.zeros(2, device=x.device).shape == (2,)
    with pytest.raises(ValueError, match="default device"):
        anp.zeros(2, device="elsewhere")
    with pytest.raises(TypeError):
        anp.zeros(2, placement=1)


def test_dlpack_round_trip() -> None:
    x = anp.arange(6, dtype=anp.float32).reshape(2, 3)
    assert x.__dlpack_device__() == (1, 0)
    np.testing.assert_array_equal(np.from_dlpack(x), np.asarray(x))
    np.testing.assert_array_equal(np.asarray(anp.from_dlpack(np.arange(3, dtype=np.int32))), np.arange(3))


def test_asarray_gives_an_array_back_as_it_is() -> None:
    x = anp.asarray([1.0, 2.0], copy=True)
    assert anp.asarray(x) is x
    assert anp.asarray(x, copy=False) is x
