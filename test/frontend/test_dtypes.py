"""Data types and promotion, exhaustively against JAX where it is installed, and on fixed cases."""

from __future__ import annotations

import enum
import itertools
import threading
import warnings

import ml_dtypes
import numpy as np
import pytest

from axil import dtypes
from axil.config import Config, config, disable_jit, enable_x64

try:
    import jax
    import jax.numpy as jnp
    from jax._src import dtypes as jax_dtypes
except ImportError:
    jax = None

needs_jax = pytest.mark.skipif(jax is None, reason="JAX is not installed (test-only oracle)")
both_widths = pytest.mark.parametrize("x64", [False, True], ids=["x32", "x64"])
SPECIFIERS = [*dtypes.all_dtypes, int, float, complex]


def outcome(f, *args):
    """A call's result, or the fact that it failed."""
    try:
        return f(*args)
    except (ValueError, TypeError):
        return "refused"


@needs_jax
@both_widths
def test_promote_types_of_all_pairs_as_jax(x64):
    with enable_x64(x64), jax.enable_x64(x64):
        for a, b in itertools.product(SPECIFIERS, SPECIFIERS):
            assert outcome(dtypes.numpy_promote_types, a, b) == outcome(jnp.promote_types, a, b), (a, b)


@needs_jax
@both_widths
def test_result_type_of_all_triples_as_jax(x64):
    usual = [d for d in SPECIFIERS if d not in dtypes._CUSTOM_KIND or d == ml_dtypes.bfloat16]
    with enable_x64(x64), jax.enable_x64(x64), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # JAX's, on narrowing
        for args in itertools.product(usual, repeat=3):
            ours = outcome(lambda a: dtypes.result_type(*a, return_weak_type_flag=True), args)
            theirs = outcome(lambda a: jax_dtypes.result_type(*a, return_weak_type_flag=True), args)
            assert ours == theirs, args


@needs_jax
@both_widths
def test_promotion_of_weak_and_strong_values_as_jax(x64):
    class Known:
        def __init__(self, dtype, weak):
            self.dtype, self.weak_type, self.aval = np.dtype(dtype), weak, self

    with enable_x64(x64), jax.enable_x64(x64):
        pairs = [
            (d, w)
            for d in dtypes.all_dtypes
            for w in (False, True)
            if dtypes.canonicalize_dtype(d) == d and not (w and d.kind == "b")
        ]
        for (a, aw), (b, bw) in itertools.product(pairs, pairs):
            ours = outcome(dtypes.promote_types, a, aw, b, bw)
            theirs = outcome(jax_dtypes.lattice_result_type, Known(a, aw), Known(b, bw))
            assert ours == theirs, (a, aw, b, bw)


@needs_jax
@both_widths
def test_types_of_values_as_jax(x64):
    values = [
        True,
        3,
        2.5,
        1j,
        np.float64(1),
        np.int64(2),
        np.bool_(True),
        np.zeros(3),
        np.zeros(2, np.uint64),
        np.zeros(2, "c16"),
        np.array(1, ml_dtypes.bfloat16),
        ml_dtypes.bfloat16(1),
        np.zeros(1, np.int8),
    ]
    with enable_x64(x64), jax.enable_x64(x64):
        for value in values:
            assert dtypes.dtype_of(value) == jax_dtypes.dtype(value)
            assert dtypes.is_weak(value) == jax_dtypes.is_weakly_typed(value)
            assert dtypes.scalar_type_of(value) is jax_dtypes.scalar_type_of(value)
        for a, b in itertools.product(values, values):
            assert dtypes.result_type(a, b) == jnp.result_type(a, b)


@needs_jax
def test_questions_as_jax():
    abstract = [
        np.generic,
        np.number,
        np.integer,
        np.signedinteger,
        np.unsignedinteger,
        np.inexact,
        np.floating,
        np.complexfloating,
        np.bool_,
    ]
    for a, b in itertools.product([*dtypes.all_dtypes, *abstract], [*dtypes.all_dtypes, *abstract]):
        assert dtypes.issubdtype(a, b) == jnp.issubdtype(a, b), (a, b)
    for d in dtypes.all_dtypes:
        assert dtypes.short_name(d) == jax_dtypes.short_dtype_name(d)
        assert dtypes.itemsize_bits(d) == jax.dtypes.itemsize_bits(d)
        for kind in [*dtypes._KINDS, np.float32, ("bool", "integral")]:
            assert dtypes.isdtype(d, kind) == jnp.isdtype(d, kind)
    assert dtypes.float0 == jax.dtypes.float0


def test_promotion_without_an_oracle():
    f16, f32, i32, u8, i8 = map(np.dtype, ("float16", "float32", "int32", "uint8", "int8"))
    bf16 = np.dtype(ml_dtypes.bfloat16)
    assert dtypes.result_type(f16, 1.0) == f16
    assert dtypes.result_type(i32, 1.0) == f32
    assert dtypes.result_type(u8, i8) == np.int16
    assert dtypes.result_type(bf16, f16) == f32
    assert dtypes.result_type(np.uint32, np.int32) == i32
    assert dtypes.promote_types(i32, True, f16, False) == (f16, False)
    assert dtypes.promote_types(i32, True, f32, True) == (f32, True)
    assert dtypes.promote_types(np.dtype(bool), False, i32, True) == (i32, True)
    with enable_x64(True):
        assert dtypes.result_type(np.uint32, np.int32) == np.int64
        assert dtypes.result_type(np.int64, np.float32) == f32
        assert dtypes.result_type(3) == np.int64


@pytest.mark.parametrize("pair", [("float8_e5m2", "float32"), ("int4", "int8"), ("uint4", "int4")])
def test_types_without_a_path_are_refused_with_the_way_out(pair):
    a, b = (np.dtype(getattr(ml_dtypes, n, n)) for n in pair)
    with pytest.raises(dtypes.TypePromotionError, match="astype"):
        dtypes.result_type(a, b)


def test_canonicalize_and_user_dtypes():
    assert dtypes.canonicalize_dtype("float64") == np.float32
    assert dtypes.canonicalize_dtype(complex) == np.complex64
    assert dtypes.canonicalize_dtype(np.int16) == np.int16
    assert dtypes.check_user_dtype(float) == np.float32
    with pytest.warns(UserWarning, match="float64 in zeros .*float32"):
        assert dtypes.check_user_dtype(np.float64, "zeros") == np.float32
    with pytest.raises(TypeError, match="numbers and booleans"):
        dtypes.check_user_dtype("U3")
    with pytest.raises(TypeError, match="dtype=array.dtype"):
        dtypes.check_user_dtype(np.zeros(3))
    with pytest.raises(TypeError, match="not understood"):
        dtypes.canonicalize_dtype("float99")
    with enable_x64(True):
        assert dtypes.check_user_dtype("float64") == np.float64


def test_values_that_are_not_arrays():
    class Colour(enum.IntEnum):
        RED = 1

    assert dtypes.dtype_of(Colour.RED) == np.int32
    for wrong in ["text", [1, 2], object(), np.array(["a"])]:
        with pytest.raises(TypeError):
            dtypes.dtype_of(wrong)
    with pytest.raises(OverflowError, match="int32"):
        dtypes.as_numpy(1 << 40)
    assert dtypes.as_numpy(2.5).dtype == np.float32


def test_limits_and_related_types():
    assert float(dtypes.finfo(dtypes.bfloat16).max) > 3e38
    assert dtypes.iinfo(dtypes.int4).max == 7
    assert dtypes.finfo(np.float32).eps == np.finfo(np.float32).eps
    assert dtypes.to_inexact_dtype("int8") == np.float32
    assert dtypes.to_inexact_dtype(dtypes.int4) == np.float32
    assert dtypes.to_inexact_dtype(dtypes.bfloat16) == dtypes.bfloat16
    assert dtypes.to_complex_dtype("float32") == np.complex64
    assert dtypes.to_real_dtype("complex64") == np.float32
    assert dtypes.tangent_dtype(np.dtype(np.int32)) == dtypes.float0
    assert dtypes.is_inexact(np.dtype(dtypes.bfloat16)) and not dtypes.is_inexact(np.dtype(bool))


@pytest.mark.parametrize(
    "text, shape, dtype",
    [
        ("f32[64,64]", (64, 64), "float32"),
        ("f32[]", (), "float32"),
        ("i8", (), "int8"),
        ("bool[3]", (3,), "bool"),
        (" bf16[ 2 , 3 ] ", (2, 3), ml_dtypes.bfloat16),
        ("float16[0]", (0,), "float16"),
        ("c64[1]", (1,), "complex64"),
    ],
)
def test_parse_short(text, shape, dtype):
    assert dtypes.parse_short(text) == (shape, np.dtype(dtype))


def test_short_names_round_trip():
    for d in dtypes.all_dtypes:
        assert dtypes.parse_short(dtypes.aval_text((3, 4), d)) == ((3, 4), d)
    assert dtypes.aval_text((), np.dtype("float32"), weak=True) == "~f32[]"
    assert dtypes.parse_short_list("f32[64,64],f32[], i32[3]") == [
        ((64, 64), np.float32),
        ((), np.float32),
        ((3,), np.int32),
    ]
    assert dtypes.parse_short_list("") == []


@pytest.mark.parametrize(
    "text", ["f32[3", "f33[3]", "[3]", "f32[-1]", "f32[n]", "f32[3,]", "", "f32[3]x", "f32[1.5]"]
)
def test_parse_short_refuses(text):
    with pytest.raises(ValueError):
        dtypes.parse_short(text)


# --- config


def test_overrides_are_per_thread_and_nest():
    seen = []
    with enable_x64(True):
        assert config.enable_x64 and config.jax_enable_x64 and config.axil_enable_x64
        thread = threading.Thread(target=lambda: seen.append(config.enable_x64))
        thread.start()
        thread.join()
        with enable_x64(False):
            assert not config.enable_x64
        assert config.enable_x64
    assert not config.enable_x64 and seen == [False]


def test_update_is_seen_by_running_threads():
    go, seen = threading.Event(), []

    def other():
        seen.append(config.disable_jit)
        go.wait(10)
        seen.append(config.disable_jit)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        config.update("jax_disable_jit", True)
        go.set()
        thread.join()
    finally:
        config.update("disable_jit", False)
    assert seen == [False, True] or seen == [True, True]
    assert not Config.disable_jit


def test_overrides_as_decorators_and_after_errors():
    @enable_x64(True)
    def width():
        return dtypes.dtype_of(1.0)

    assert width() == np.float64 and not config.enable_x64
    with pytest.raises(KeyError), disable_jit():
        assert config.disable_jit
        raise KeyError
    assert not config.disable_jit


def test_wrong_options_are_refused():
    with pytest.raises(AttributeError, match="enable_x64"):
        config.update("jax_enable_x46", True)
    assert config.read("axil_enable_x64") is False
    assert config.values["enable_x64"] is config.values["disable_jit"] is False
    with pytest.raises(TypeError, match="True or False"):
        config.update("enable_x64", "yes")
    with pytest.raises(AttributeError, match="config.update"):
        config.enable_x64 = True
    with pytest.raises(AttributeError, match="options are"):
        config.read("nonsense")
