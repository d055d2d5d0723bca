"""Random bits: the threefry counter-based generator, on which `axil.random` is built."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.factories import Aval, DtypeError, Op, all_batched, check_same, no_tangent, sample

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry_rounds(key: Any, x: Any, add: Any, rotate_xor: Any) -> tuple[Any, Any]:
    """The 20 rounds, on pairs `key` and `x`; `add(a, b)` wraps, `rotate_xor(a, r, b)` is `rotl(a, r) ^ b`.

    `key` has its third, derived word too; integers passed to `add` are the round constants.
    """
    a, b = add(x[0], key[0]), add(x[1], key[1])
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            a = add(a, b)
            b = rotate_xor(b, r, a)
        a = add(a, key[(i + 1) % 3])
        b = add(add(b, key[(i + 2) % 3]), i + 1)
    return a, b


def _infer(key0: Aval, key1: Aval, x0: Aval, x1: Aval) -> tuple[Aval, Aval]:
    check_same("threefry2x32", key0, key1, x0, x1)
    if key0.dtype != np.uint32:
        raise DtypeError(f"'threefry2x32' takes u32 arrays, got {key0}")
    return key0, key0


_SHIFTS = {r: (np.uint32(r), np.uint32(32 - r)) for r in sum(_ROTATIONS, ())}
_ROUNDS = [np.uint32(i) for i in range(6)]


def _reference(
    key0: np.ndarray, key1: np.ndarray, x0: np.ndarray, x1: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if not key0.shape == x0.shape == x1.shape:  # eager callers broadcast implicitly
        x0, x1 = np.broadcast_arrays(x0, x1, key0)[:2]
    a, b = np.array(x0), np.array(x1)  # worked on in place: half the time of fresh arrays
    high = np.empty_like(b)

    def add(into: np.ndarray, other: Any) -> np.ndarray:
        return np.add(into, _ROUNDS[other] if isinstance(other, int) else other, out=into)

    def rotate_xor(into: np.ndarray, r: int, other: np.ndarray) -> np.ndarray:
        left, right = _SHIFTS[r]
        np.left_shift(into, left, out=high)
        np.right_shift(into, right, out=into)
        np.bitwise_or(into, high, out=into)
        return np.bitwise_xor(into, other, out=into)

    with np.errstate(over="ignore"):  # NumPy warns of wrapping in arrays of no dimensions
        return threefry_rounds((key0, key1, key0 ^ key1 ^ np.uint32(_PARITY)), (a, b), add, rotate_xor)


def _lower(values: Any, results: Any, context: Any) -> list:
    # Unrolled: IREE runs a `while` of small steps hundreds of times slower.
    from axil.dialects import hlo

    def splat(value: int) -> Any:
        return hlo.splat(results[0], np.uint32(value))

    def add(a: Any, b: Any) -> Any:
        return hlo.op("add", a, splat(b) if isinstance(b, int) else b)

    def rotate_xor(a: Any, r: int, b: Any) -> Any:
        high = hlo.op("shift_left", a, splat(r))
        low = hlo.op("shift_right_logical", a, splat(32 - r))
        return hlo.op("xor", hlo.op("or", high, low), b)

    key0, key1, *x = values
    key2 = hlo.op("xor", hlo.op("xor", key0, key1), splat(_PARITY))
    return list(threefry_rounds((key0, key1, key2), x, add, rotate_xor))


threefry2x32 = Op(
    name="threefry2x32", summary="The threefry-2x32 hash of counters under a key: 20 rounds, two words.",
    operands=("key0", "key1", "x0", "x1"), results=2, infer=_infer, reference=_reference, jvp=no_tangent,
    batch=lambda size, xs, batched: threefry2x32(*all_batched(size, xs, batched)), lower=_lower,
    flops=lambda *xs, **attributes: 110.0 * xs[0].size,
    samples=(sample("u32[3]", "u32[3]", "u32[3]", "u32[3]"), sample("u32[]", "u32[]", "u32[]", "u32[]")),
    source="Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011)",
)  # fmt: skip
