"""Conversions to bfloat16 that IREE 3.13 fails to compile unless they are lowered with care."""

from __future__ import annotations

import numpy as np
import pytest

import axil
import axil.numpy as jnp
from axil import lax


def agree(f, *args) -> None:
    """Compiled equals eager, bit by bit."""
    for got, want in zip(axil.tree.leaves(axil.jit(f)(*args)), axil.tree.leaves(f(*args)), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_integers_by_way_of_float32(dtype: str) -> None:
    """Two conversions in one dispatch become one, of which there is none (`__truncsfbf2`)."""
    x = jnp.arange(12, dtype=dtype).reshape(4, 3) * 21

    def narrowed(x):
        return x.astype("float32").astype("bfloat16"), x.astype("float32").T[:2].reshape(8).astype("bfloat16")

    agree(narrowed, x)


def test_booleans_and_bits() -> None:
    mask, bits = jnp.array([True, False, True]), jnp.arange(4, dtype="uint16") * 5000
    agree(lambda m: (m.astype("bfloat16"), m.astype("bfloat16").astype("float32")), mask)
    agree(lambda u: (lambda v: (v, v.astype("float32") * 2))(lax.bitcast_convert_type(u, jnp.bfloat16)), bits)
    agree(lambda u: lax.bitcast_convert_type(u.astype("float32").astype("bfloat16"), jnp.uint16) ^ 1, bits)
