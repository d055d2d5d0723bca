"""float8, float6, float4, int4 and int2: conversions exact in every bit, compiled as eager, in and out of programs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import axil
import axil.numpy as jnp
from axil import aot, lax
from axil.dialects.avals import SMALL_FLOATS
from axil.dialects.small_types import CARRIER, decode, encode, wide_dtype
from axil.runtime import load

FLOATS = sorted(d.name for d in SMALL_FLOATS)
INTS = ["int4", "uint4", "int2", "uint2"]
COMPILED = ["float8_e4m3fn", "float8_e5m2", "int4", "uint4"]


def dtype_of(name: str) -> np.dtype:
    return np.dtype(getattr(ml_dtypes, name))


def codes(dtype: np.dtype) -> np.ndarray:
    """All bit patterns."""
    info = ml_dtypes.iinfo if "int" in dtype.name else ml_dtypes.finfo
    return np.arange(1 << info(dtype).bits, dtype=np.uint8)


# ---- bits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FLOATS, *INTS])
def test_all_patterns_are_decoded_as_by_ml_dtypes(name: str) -> None:
    dtype = dtype_of(name)
    numbers = codes(dtype).view(dtype).astype(wide_dtype(dtype))
    with np.errstate(all="ignore"):
        ours = decode(codes(dtype).view(CARRIER), dtype)
    np.testing.assert_array_equal(ours, numbers)
    assert ours.dtype == numbers.dtype
    if "float" in name:
        np.testing.assert_array_equal(np.signbit(ours)[numbers == numbers], np.signbit(numbers)[numbers == numbers])


@pytest.mark.parametrize("width", [np.float32, np.float64])
@pytest.mark.parametrize("name", [n for n in FLOATS])
def test_numbers_are_encoded_as_by_ml_dtypes(name: str, width: type) -> None:
    """Random numbers, all representable ones, those half-way between them and next to half-way, and special ones."""
    dtype, rng = dtype_of(name), np.random.default_rng(0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        exact = np.sort(codes(dtype).view(dtype).astype(np.float32))
        exact = exact[np.isfinite(exact)]
        halves = exact[:-1] / 2 + exact[1:] / 2
        special = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 3e38, -3e38, 1e30]
        spread = rng.normal(size=5000) * np.exp(rng.normal(size=5000) * 6)
        around = [np.nextafter(halves, np.float32(s)) for s in (-np.inf, np.inf)]
        x = np.concatenate([special, spread, exact, halves, *around]).astype(width)
        x = x[np.abs(x) != np.float32(2.0**-127)]  # subnormal in f32
        wanted = x.astype(dtype).view(np.uint8)
        if name == "float8_e8m0fnu":
            keep = (np.abs(x) > 1e-37) | (x == 0) | np.isnan(x)
            x, wanted = x[keep], wanted[keep]
        np.testing.assert_array_equal(encode(x, dtype).view(np.uint8), wanted)


@pytest.mark.parametrize("name", INTS)
def test_integers_keep_their_lowest_bits(name: str) -> None:
    dtype = dtype_of(name)
    x = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(encode(x, dtype).view(np.uint8), x.astype(dtype).view(np.uint8))


# ---- eager and compiled --------------------------------------------------------------------------------

MOVING: dict[str, Callable[..., Any]] = {
    "itself": lambda x, y: x,
    "transposed": lambda x, y: x.T.reshape(-1),
    "joined": lambda x, y: jnp.concatenate([x, y]),
    "picked": lambda x, y: x[jnp.array([1, 0, 1])],
    "updated": lambda x, y: x.at[0].set(y[1]),
    "padded": lambda x, y: jnp.pad(x, 1),
    "selected": lambda x, y: jnp.where(x < y, x, y),
    "constant": lambda x, y: jnp.full((2, 3), 1, x.dtype),
}
COMPUTING: dict[str, Callable[..., Any]] = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "product": lambda x, y: x * y,
    "weak": lambda x, y: x * 2 + 1,
    "negative": lambda x, y: -x,
    "absolute": lambda x, y: abs(x),
    "compared": lambda x, y: (x <= y, x == y),
    "extrema": lambda x, y: (jnp.maximum(x, y), jnp.max(x, axis=0), jnp.argmax(y)),
    "sorted": lambda x, y: (jnp.sort(x.ravel()), jnp.argsort(y.ravel())),
    "total": lambda x, y: jnp.sum(x, axis=1),
    "running": lambda x, y: jnp.cumsum(x, axis=0),
    "contracted": lambda x, y: x @ y.T,
    "scanned": lambda x, y: lax.scan(lambda c, v: (c + v, c * v), y[0], x),
    "looped": lambda x, y: lax.fori_loop(0, 3, lambda i, c: c + x, y),
    "branched": lambda x, y: lax.cond(x[0, 0] > y[0, 0], lambda a: a + a, lambda a: a, y),
    "converted": lambda x, y: (x.astype("float16"), x.astype("int32"), x.astype(bool)),
    "back": lambda x, y: x.astype("int32").astype(x.dtype),
    "scattered": lambda x, y: x.at[jnp.array([0, 1, 0])].add(y[0]),
}  # fmt: skip
OF_INTS: dict[str, Callable[..., Any]] = {
    "bits": lambda x, y: (x & y, x | y, x ^ y, ~x),
    "shifts": lambda x, y: (x << 1, x >> 1, jnp.bitwise_count(x)),
    "quotients": lambda x, y: divmod(x, jnp.where(y == 0, 1, y).astype(x.dtype)),
}
OF_FLOATS: dict[str, Callable[..., Any]] = {
    "functions": lambda x, y: (jnp.exp(x), jnp.tanh(x), jnp.sqrt(abs(x)), jnp.isnan(x), jnp.floor(x), x / y),
    "bits": lambda x, y: lax.bitcast_convert_type(lax.bitcast_convert_type(x, "uint8") | 1, x.dtype),
    "scaled": lambda x, y: (x.astype("float32") * 300).astype(x.dtype),
}


def operands(name: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    if "float" in name:
        values = rng.normal(size=(2, 2, 3)) * 2
    else:
        values = rng.integers(-8 if name[0] == "i" else 0, 8, (2, 2, 3)).astype(np.int8)
    x, y = jnp.asarray(values.astype(dtype_of(name)))
    return x, y


def flat(result: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in axil.tree_util.tree_leaves(result)]


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_is_eager(name: str) -> None:
    """All functions in one program."""
    functions = MOVING | COMPUTING | (OF_FLOATS if "float" in name else OF_INTS)
    x, y = operands(name)
    eager = {key: f(x, y) for key, f in functions.items()}
    compiled = axil.jit(lambda x, y: {key: f(x, y) for key, f in functions.items()})(x, y)
    for key in functions:
        for a, b in zip(flat(eager[key]), flat(compiled[key]), strict=True):
            assert a.dtype == b.dtype, key
            np.testing.assert_array_equal(a.astype(float), b.astype(float), err_msg=key)
    assert np.asarray(x).tobytes() == np.asarray(operands(name)[0]).tobytes()


def test_every_small_type_goes_through_a_program() -> None:
    names = [*FLOATS, *INTS]
    xs = [jnp.asarray(codes(dtype_of(n))[1:4].view(dtype_of(n))) for n in names]
    got = axil.jit(lambda *xs: [(x, x.astype("float32"), x.astype("float32").astype(x.dtype)) for x in xs])(*xs)
    for x, (same, wide, back) in zip(xs, got):
        assert same.dtype == back.dtype == x.dtype
        np.testing.assert_array_equal(np.asarray(same).view(np.uint8), np.asarray(x).view(np.uint8))
        np.testing.assert_array_equal(np.asarray(wide), np.asarray(x).astype(np.float32))
        np.testing.assert_array_equal(np.asarray(back).view(np.uint8), np.asarray(x).view(np.uint8))


def test_large_arguments_are_borrowed_and_results_found() -> None:
    """Above the size from which arguments are not copied."""
    x = jnp.asarray(np.tile(codes(dtype_of("float8_e4m3fn")), 64).view(dtype_of("float8_e4m3fn")))
    got = axil.jit(lambda x: x[::-1])(x)
    np.testing.assert_array_equal(np.asarray(got).view(np.uint8), np.asarray(x).view(np.uint8)[::-1])


# ---- promotion, derivatives, errors --------------------------------------------------------------------


@pytest.mark.parametrize(
    "a, b", [("float8_e4m3fn", "float32"), ("float8_e4m3fn", "float8_e5m2"), ("int4", "int8"), ("int4", "uint4")]
)
def test_small_types_do_not_promote_by_themselves(a: str, b: str) -> None:
    with pytest.raises(ValueError, match="no implicit promotion path"):
        jnp.ones(3, a) + jnp.ones(3, b)


def test_gradients_have_the_small_dtype() -> None:
    x = jnp.array([1.0, -2.0, 0.5], "float8_e4m3fn")
    slope = axil.grad(lambda x: jnp.sum(x.astype("float32") ** 2))(x)
    assert slope.dtype == x.dtype
    np.testing.assert_array_equal(np.asarray(slope).astype(float), [2.0, -4.0, 1.0])


def test_vmap_takes_them() -> None:
    x = jnp.arange(6).reshape(2, 3).astype("int4")
    assert axil.vmap(lambda v: v + v[0])(x).dtype == x.dtype


def test_int1_has_no_place_in_a_program() -> None:
    x = jnp.array([0, 1], "uint1")
    np.testing.assert_array_equal(np.asarray(x).astype(int), [0, 1])
    with pytest.raises(TypeError, match="convert to another"):
        axil.jit(lambda x: x.reshape(2, 1))(x)


def test_weights_of_artifacts_may_be_small(tmp_path: Any) -> None:
    """Constants of more elements than are embedded in a program."""
    w = {name: jnp.asarray(np.tile(codes(dtype_of(name))[:4], 8).view(dtype_of(name))) for name in COMPILED}
    path = tmp_path / "weights.axil"
    aot.save(path, lambda x: {name: v.astype("float32") + x for name, v in w.items()}, jnp.float32(1))
    got = load(path)(np.float32(1))
    for name, v in w.items():
        np.testing.assert_array_equal(got[name], np.asarray(v).astype(np.float32) + 1)


def test_artifacts_take_and_give_them(tmp_path: Any) -> None:
    x = jnp.array([1.0, -2.0, 448.0], "float8_e4m3fn")
    n = jnp.array([-8, 7, 0], "int4")
    path = tmp_path / "small.axil"
    aot.save(path, lambda x, n: (x + x, n + n), x, n)
    a, b = load(path)(np.asarray(x), np.asarray(n))
    assert a.dtype == dtype_of("float8_e4m3fn") and b.dtype == dtype_of("int4")
    np.testing.assert_array_equal(np.asarray(a).astype(float), [2.0, -4.0, np.nan])
    np.testing.assert_array_equal(np.asarray(b).astype(int), [0, -2, 0])


def test_formulas_of_small_floats_compile() -> None:
    """Long formulas are functions of the program, but not of types that the device has no arithmetic for."""
    x = jnp.asarray([0.5, 1.0, -2.0]).astype(jnp.float8_e4m3fn)
    got = axil.jit(lambda x: (jnp.sin(x), jnp.sin(jnp.sin(x))))(x)
    for y, want in zip(got, (jnp.sin(x), jnp.sin(jnp.sin(x)))):
        np.testing.assert_array_equal(np.asarray(y).astype(np.float32), np.asarray(want).astype(np.float32))
