"""`axil.ops`, `image`, `flatten_util`, `dlpack`, `typing`, `dtypes`, `errors`, `lax.rng_*` beyond their tables."""

from __future__ import annotations

import typing

import ml_dtypes
import numpy as onp
import pytest
from checks import error_here, same

import axil
from axil import dlpack, dtypes, errors, flatten_util, image, lax, ops, tree_util
from axil import numpy as np

# ---- ops -----------------------------------------------------------------------------------------------


def test_segments_and_their_gradients() -> None:
    ids = np.array([0, 0, 2, 5, -1])
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    total = lambda x: ops.segment_sum(x, ids, 3)
    assert total(x).tolist() == [3, 0, 3]
    assert axil.grad(lambda x: (total(x) ** 2).sum())(x).tolist() == [6, 6, 6, 0, 0]
    assert ops.segment_max(x, ids, 3).tolist() == [2, -np.inf, 3]
    assert ops.segment_min(np.array([3, 1]), np.array([1, 1]), 2).tolist() == [2**31 - 1, 1]
    assert axil.vmap(total)(np.stack([x, 2 * x])).tolist() == [[3, 0, 3], [6, 0, 6]]
    assert axil.vmap(lambda i: ops.segment_sum(x, i, 2))(np.array([[0] * 5, [1] * 5])).tolist() == [[15, 0], [0, 15]]


def test_the_number_of_segments_must_be_known_under_jit() -> None:
    f = axil.jit(lambda x, i: ops.segment_sum(x, i))
    with pytest.raises(errors.TracerArrayConversionError):
        f(np.ones(3), np.array([0, 1, 1]))
    with error_here(ValueError, "must be integers, got f32[3]"):
        ops.segment_sum(np.ones(3), np.ones(3), 2)


def test_buckets_lose_less() -> None:
    x, ids = np.full(40_000, 0.1), np.zeros(40_000, int)
    exact = 4000.0
    plain, bucketed = (float(ops.segment_sum(x, ids, 1, bucket_size=b)[0]) for b in (None, 200))
    assert abs(bucketed - exact) <= abs(plain - exact) and abs(bucketed - exact) < 0.01


# ---- image ---------------------------------------------------------------------------------------------


def test_resizing_keeps_constants_and_lines() -> None:
    for method in ("linear", "cubic", "lanczos3", "lanczos5", "cubic-pytorch", "area", "nearest"):
        same(image.resize(np.full((5, 4), 2.5), (3, 9), method), onp.full((3, 9), 2.5), rtol=1e-5)
    ramp = np.arange(8.0)
    same(image.resize(ramp, (4,), "linear", antialias=False), [0.5, 2.5, 4.5, 6.5])
    same(image.resize(ramp, (4,), "area"), [0.5, 2.5, 4.5, 6.5])
    assert image.resize(ramp.astype(np.uint8), (4,), "nearest").tolist() == [1, 3, 5, 7]


def test_translation_moves_and_leaves_zeros() -> None:
    moved = lambda t: image.scale_and_translate(np.arange(1.0, 5.0), (4,), (0,), np.ones(1), np.array([t]), "linear")
    assert moved(1.0).tolist() == [0, 1, 2, 3]
    same(axil.jacfwd(moved)(0.5)[1:], [-1, -1, -1], rtol=1e-4)


def test_image_errors() -> None:
    with error_here(ValueError, "no method 'best'", "lanczos3"):
        image.resize(np.ones((2, 2)), (3, 3), "best")
    with error_here(ValueError, "as many dimensions as the image", "f32[2,2]"):
        image.resize(np.ones((2, 2)), (3,), "linear")
    with error_here(ValueError, "no method 'nearest'"):
        image.scale_and_translate(np.ones(2), (3,), (0,), np.ones(1), np.ones(1), "nearest")


# ---- flatten_util --------------------------------------------------------------------------------------


def test_ravel_and_back() -> None:
    state = {"w": np.ones((2, 3)), "n": np.array([1, 2]), "h": np.float16(0.5), "none": None}
    flat, unravel = flatten_util.ravel_pytree(state)
    assert flat.dtype == np.float32 and flat.shape == (9,)
    back = unravel(flat * 2)
    assert back["n"].dtype == np.int32 and back["n"].tolist() == [2, 4] and back["h"].dtype == np.float16
    assert back["none"] is None and back["w"].shape == (2, 3)
    same_again = flatten_util.ravel_pytree(tree_util.tree_map(lambda x: x, state))[1]
    assert same_again == unravel and hash(same_again) == hash(unravel)
    assert flatten_util.ravel_pytree(())[0].shape == (0,)


def test_gradients_through_ravel() -> None:
    flat, unravel = flatten_util.ravel_pytree({"a": np.ones(2), "b": np.ones(())})
    loss = lambda v: (unravel(v)["a"] ** 2).sum() * unravel(v)["b"]
    assert axil.jit(axil.grad(loss))(flat).tolist() == [2, 2, 2]


def test_a_vector_that_does_not_fit() -> None:
    _, unravel = flatten_util.ravel_pytree([np.ones(2), np.ones(2, int)])
    with error_here(ValueError, "4 elements, got f32[5]"):
        unravel(np.ones(5))
    with error_here(TypeError, "several dtypes", "astype('f32')"):
        unravel(np.ones(4, int))


# ---- dlpack --------------------------------------------------------------------------------------------


class _Old:
    """An exporter from before DLPack 1."""

    def __init__(self, array: onp.ndarray) -> None:
        self.array = array

    def __dlpack__(self, stream: None = None) -> object:
        return self.array.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "float16", "float32", "complex64", "bfloat16"])
def test_arrays_go_out_and_come_back(dtype: str) -> None:
    x = np.arange(6).reshape(2, 3).astype(dtype)
    back = dlpack.from_dlpack(x)
    assert back.dtype == x.dtype and back.tolist() == x.tolist()
    if dtype != "bfloat16":
        outside = onp.from_dlpack(x)
        assert outside.tolist() == x.tolist() and not outside.flags.writeable
        assert onp.shares_memory(outside, onp.asarray(x))


def test_memory_is_shared_unless_a_copy_is_asked_for() -> None:
    outside = np.zeros(64)._numpy  # aligned as devices want it
    outside = onp.array(outside)
    start = -outside.ctypes.data % 16 // 4
    aligned = outside[start : start + 32]
    assert onp.shares_memory(onp.asarray(dlpack.from_dlpack(aligned, copy=False)), aligned)
    assert not onp.shares_memory(onp.asarray(dlpack.from_dlpack(aligned, copy=True)), aligned)
    assert not onp.shares_memory(onp.asarray(np.from_dlpack(aligned, copy=True)), aligned)
    assert dlpack.from_dlpack(_Old(aligned)).shape == (32,)


def test_what_cannot_be_exchanged() -> None:
    with error_here(TypeError, "__dlpack__", "list"):
        dlpack.from_dlpack([1, 2])
    with error_here(ValueError, "float64 becomes float32"):
        dlpack.from_dlpack(onp.arange(3.0), copy=False)
    with pytest.raises(BufferError, match="f8"):
        np.ones(3).astype(ml_dtypes.float8_e4m3fn).__dlpack__()
    assert not dlpack.is_supported_dtype(np.int4) and dlpack.is_supported_dtype("bfloat16")


def test_torch_shares_our_arrays() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for dtype in (np.float32, np.bfloat16, np.int32):
        x = np.arange(4).astype(dtype)
        assert torch.from_dlpack(x).tolist() == [0, 1, 2, 3]
        assert dlpack.from_dlpack(torch.from_dlpack(x)).dtype == dtype


# ---- typing, dtypes, errors ----------------------------------------------------------------------------


def test_annotations() -> None:
    from axil.typing import ArrayLike, DTypeLike

    assert {onp.ndarray, float, bool} <= set(typing.get_args(ArrayLike)) and list not in typing.get_args(ArrayLike)
    assert isinstance(np.ones(2), typing.get_args(ArrayLike)) and isinstance(2.0, typing.get_args(ArrayLike))
    assert str in typing.get_args(DTypeLike)


def test_dtypes() -> None:
    assert dtypes.canonicalize_dtype("float64") == np.float32
    with axil.enable_x64(True):
        assert dtypes.canonicalize_dtype("float64") == np.float64
    assert dtypes.result_type(np.ones(2, np.float16), 1.0) == np.float16 and dtypes.result_type(1, 2.0) == np.float32
    assert dtypes.issubdtype(axil.random.key(0).dtype, dtypes.prng_key)
    assert dtypes.issubdtype(dtypes.prng_key, dtypes.extended) and dtypes.issubdtype(np.bfloat16, np.floating)
    assert dtypes.scalar_type_of(np.ones(2)) is float and dtypes.scalar_type_of(True) is bool
    assert dtypes.itemsize_bits(np.int4) == 4 and dtypes.itemsize_bits("float32") == 32
    assert onp.zeros(3, dtypes.float0).dtype == dtypes.float0 and dtypes.bfloat16(1.5) == 1.5
    with pytest.raises(dtypes.TypePromotionError):
        np.add(np.ones(2, ml_dtypes.float8_e4m3fn), np.ones(2))


def test_errors() -> None:
    f = axil.jit
    with pytest.raises(errors.TracerBoolConversionError):
        f(lambda x: 1 if x > 0 else 2)(1.0)
    with pytest.raises(errors.TracerIntegerConversionError):
        f(lambda i: [1, 2][i])(1)
    with pytest.raises(errors.TracerArrayConversionError):
        f(lambda x: onp.asarray(x))(1.0)
    with pytest.raises(errors.ConcretizationTypeError):
        f(lambda x: float(x))(1.0)
    with pytest.raises(errors.NonConcreteBooleanIndexError):
        f(lambda x: x[x > 0])(np.ones(3))
    leaked = []
    f(lambda x: leaked.append(x) or x)(1.0)
    with pytest.raises(errors.UnexpectedTracerError):
        f(lambda x: x + leaked[0])(1.0)
    assert issubclass(errors.TracerBoolConversionError, errors.ConcretizationTypeError)
    assert issubclass(errors.ConcretizationTypeError, TypeError) and issubclass(errors.JAXIndexError, IndexError)
    assert issubclass(errors.JaxRuntimeError, RuntimeError) and issubclass(errors.KeyReuseError, TypeError)


# ---- lax.rng_* -----------------------------------------------------------------------------------------


def test_rng_bit_generator() -> None:
    """XLA's bits of its Philox and Threefry, recorded from JAX 0.10.2 on the CPU."""
    key = np.array([11, 22, 33, 44], np.uint32)
    after, drawn = lax.rng_bit_generator(key, (3,))
    assert after.tolist() == [11, 22, 34, 44] and drawn.tolist() == [0xDA0ECE43, 0xB9702384, 0x8D8BDE83]
    after, drawn = lax.rng_bit_generator(key, (4,), np.uint16, algorithm=lax.RandomAlgorithm.RNG_THREE_FRY)
    assert after.tolist() == [11, 22, 35, 44] and drawn.tolist() == [0x2108, 0x358B, 0x008A, 0x1EC9]
    full = np.array([2**32 - 1] * 4, np.uint32)
    assert lax.rng_bit_generator(full, (8,))[0].tolist() == [2**32 - 1, 2**32 - 1, 1, 0]
    with error_here(TypeError, "unsigned"):
        lax.rng_bit_generator(key, (3,), np.int32)
    with error_here(ValueError, "u32[4] or u64[2]", "u32[2]"):
        lax.rng_bit_generator(key[:2], (3,))


def test_rng_uniform_gives_others_each_time() -> None:
    first, second = (lax.rng_uniform(2.0, 3.0, (100,)) for _ in range(2))
    assert (first != second).any() and 2 <= float(first.min()) and float(first.max()) < 3
    assert lax.rng_uniform(0, 5, (4,)).dtype == np.int32
    with error_here(TypeError, "one dtype"):
        lax.rng_uniform(0, 1.0, ())
