"""The errors of the guide's "Common Issues": JAX's class names, the user's line, the transformations, two ways out.

The ways out are written with the user's own expression; each is tried here as well.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil import errors


def message_of(kind: type[Exception], f: Any, *args: Any) -> str:
    """The text of the error that a call raises, laid out as it should be."""
    with pytest.raises(kind) as caught:
        f(*args)
    text = str(caught.value)
    assert re.search(r"--> .*test_common_issues.py:\d+, in ", text), text
    assert re.search(r"^ *\| +\^+$", text, re.M), text
    assert "ways out:" in text and text.count("\n    - ") >= 2, text
    return text


def test_a_traced_condition() -> None:
    @axil.jit
    def bad(x: Any) -> Any:
        if x.sum() > 0:
            return x
        return -x

    text = message_of(errors.ConcretizationTypeError, bad, anp.ones(3))
    assert "under: jit(bad)" in text
    assert "axil.numpy.where(x.sum() > 0, a, b)" in text
    assert "axil.lax.cond(x.sum() > 0, f, g, x)" in text
    good = axil.jit(lambda x: axil.numpy.where(x.sum() > 0, x, -x))
    np.testing.assert_array_equal(good(anp.asarray([1.0, -2.0])), [-1.0, 2.0])
    good = axil.jit(lambda x: axil.lax.cond(x.sum() > 0, lambda x: x, lambda x: -x, x))
    np.testing.assert_array_equal(good(anp.asarray([1.0, -2.0])), [-1.0, 2.0])


def test_a_traced_array_given_to_numpy() -> None:
    @axil.jit
    def bad(x: Any) -> Any:
        return np.array(x)

    text = message_of(errors.TracerArrayConversionError, bad, anp.ones(3))
    assert "under: jit(bad)" in text and "axil.numpy.array(x)" in text
    np.testing.assert_array_equal(axil.jit(lambda x: axil.numpy.array(x))(anp.ones(3)), np.ones(3))


def test_a_leaked_tracer() -> None:
    kept: list = []

    @axil.jit
    def bad(x: Any) -> Any:
        y = x * 2
        kept.append(y)
        return y

    bad(anp.ones(3))
    text = message_of(errors.UnexpectedTracerError, lambda: kept[0] + 1)
    assert "after the end of jit(bad)" in text
    assert "y = x * 2" in text, "the message shows where the value was made"
    assert "return the value" in text


def test_the_chain_of_transformations_is_named() -> None:
    def bad(x: Any) -> Any:
        return x if x > 0 else -x

    nested = axil.jit(axil.vmap(axil.grad(bad)))
    text = message_of(errors.TracerBoolConversionError, nested, anp.ones(3))
    assert "under: jit(bad) > vmap(bad) > grad(bad)" in text


def test_a_traced_size_and_a_traced_mask() -> None:
    text = message_of(errors.TracerIntegerConversionError, axil.jit(lambda n: anp.zeros(n)), 3)
    assert "static_argnums" in text
    text = message_of(errors.NonConcreteBooleanIndexError, axil.jit(lambda x: x[x > 0]), anp.ones(3))
    assert "axil.numpy.where(mask, x, fill)" in text


def test_out_of_memory_is_an_error_with_ways_out() -> None:
    outer = axil.jit(lambda x: x[:, None] * x[None, :])
    with pytest.raises(MemoryError) as caught:
        outer(anp.ones(4_000_000))  # 64 TB
    text = str(caught.value)
    assert "needs more memory" in text and "axil.checkpoint(f)" in text and "axil.clear_caches()" in text
    np.testing.assert_array_equal(outer(anp.ones(2)), np.ones((2, 2)))  # the process goes on
