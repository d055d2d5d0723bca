"""`debug_nans` and `debug_infs`: the operation and the line that made a NaN or an infinity."""

from __future__ import annotations

import re

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import lax
from axil.config import config


@pytest.fixture(autouse=True)
def _nans():
    with axil.debug_nans(True):
        yield


def message(call) -> str:
    with pytest.raises(FloatingPointError) as caught:
        call()
    return str(caught.value)


def line_of(text: str) -> str:
    """The source line that a message shows."""
    found = re.search(r"--> .*test_debug_nans\.py:\d+.*\n +\d+ \| (.*)", text)
    assert found, text
    return found[1].strip()


def masked_sqrt(x):
    return np.where(x > 0, np.sqrt(x), 0.0)  # the derivative of sqrt at 0 is infinite


# ---- eagerly -------------------------------------------------------------------------------------------


def test_an_eager_operation():
    text = message(lambda: np.log(np.array([1.0, -1.0, -2.0])))
    assert "invalid value (nan) encountered in log: 2 of 3 elements of its result f32[3], first at index (1,)" in text
    assert "np.log(np.array([1.0, -1.0, -2.0]))" in line_of(text) and "its operands were finite" in text


@pytest.mark.parametrize("call", [
    lambda: np.array(0.0) / 0.0, lambda: lax.sqrt(np.float32(-1)), lambda: np.ones((2, 2)) * np.array([onp.nan, 1]),
    lambda: np.array([onp.inf]) - np.array([onp.inf]), lambda: np.array([1j * onp.inf]) * 0j,
    lambda: np.log(np.array(-1, "bfloat16")),
])  # fmt: skip
def test_all_ways_of_running_an_operation(call):
    assert "(nan) encountered in" in message(call)


def test_operands_that_were_bad_already():
    assert "operand 0 had NaN already" in message(lambda: np.array([onp.nan]) + 1)
    assert "operand 0 had an infinity" in message(lambda: np.sin(np.array([onp.inf])))


def test_what_gives_no_nan_is_let_through():
    assert np.isnan(np.array([onp.nan, 1])).tolist() == [True, False]
    assert (np.array([1.0]) / 0).tolist() == [onp.inf]
    with axil.debug_nans(False):
        assert onp.isnan(np.log(np.array(-1.0)))


# ---- compiled ------------------------------------------------------------------------------------------


def test_under_jit_and_ahead_of_time():
    @axil.jit
    def f(x):
        y = x + 1
        return np.sum(np.sqrt(y) * 2)

    for call in (f, f.lower(np.ones(3)).compile()):
        text = message(lambda call=call: call(np.array([1.0, -4.0, 2.0])))
        assert line_of(text) == "return np.sum(np.sqrt(y) * 2)" and "encountered in sqrt" in text
        assert "under: jit(f)" in text
    assert f(np.ones(3)) == pytest.approx(6 * 2**0.5)


def test_arguments_that_were_bad_already():
    text = message(lambda: axil.jit(lambda x: x + 1)(np.array([onp.nan, 1.0])))
    assert "operand 0 had NaN already" in text and "Its arguments had such values already: NaN in array 0" in text


def test_donated_arguments():
    f = axil.jit(lambda x: np.log(x), donate_argnums=0)
    x = axil.jit(lambda x: x - 3)(f(np.ones(3)))  # was only ever on the device
    text = message(lambda: f(x))
    assert "encountered in log" in text and "3 of 3" in text


def test_a_loop_tells_its_iteration():
    def loop(x):
        def body(c, _):
            c = np.log(c)
            return c, c

        return lax.scan(body, x, None, length=5)[0]

    for f in (loop, axil.jit(loop)):
        text = message(lambda f=f: f(3.0))
        assert line_of(text) == "c = np.log(c)" and "inside iteration 3 of scan" in text
    text = message(lambda: axil.jit(lambda x: lax.while_loop(lambda c: c < 9, lambda c: np.log(c - 1), x))(3.0))
    assert "inside iteration 1 of while" in text


def test_a_branch():
    f = axil.jit(lambda p, x: lax.cond(p, lambda x: x, np.log, x))
    assert f(True, -1.0) == -1
    text = message(lambda: f(False, -1.0))
    assert "encountered in log" in text and "inside branches[0] of cond" in text


def test_a_named_scope():
    with_name = axil.named_call(lambda x: np.log(x), name="head")
    assert "under: jit(<lambda>) > named_scope(head)" in message(lambda: axil.jit(with_name)(-1.0))


# ---- derivatives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [
    axil.grad, lambda f: axil.jit(axil.grad(f)), lambda f: axil.grad(axil.jit(f)),
    lambda f: lambda x: axil.vmap(axil.grad(f))(np.array([x, 1.0])),
    lambda f: axil.grad(lambda x: lax.scan(lambda c, _: (c + f(x), None), 0.0, None, length=2)[0]),
    lambda f: axil.grad(axil.remat(f)),
])  # fmt: skip
def test_the_backward_pass_names_the_forward_operation(make):
    text = message(lambda: make(masked_sqrt)(0.0))
    assert line_of(text).startswith("return np.where(x > 0, np.sqrt(x), 0.0)")
    assert re.search(r"in the derivative of sqrt at .*test_debug_nans.py:\d+ \(in the backward pass\)", text), text
    assert "custom_jvp" in text


def test_forward_mode():
    text = message(lambda: axil.jvp(np.sqrt, (0.0,), (0.0,)))
    assert "in the derivative of sqrt at" in text and "backward" not in text


def test_second_derivatives():
    text = message(lambda: axil.grad(axil.grad(masked_sqrt))(0.0))
    assert "derivative of" in text and "np.sqrt(x)" in line_of(text)


def test_a_backward_loop_counts_as_the_forward_one():
    def f(x):
        return np.sum(lax.scan(lambda c, i: (c, masked_sqrt(x - i)), 0.0, np.arange(4.0))[1])

    text = message(lambda: axil.grad(f)(2.0))  # x - i is 0 in step 2
    assert "inside iteration 2 of scan" in text or "inside iteration 3 of scan" in text, text


# ---- infinities ----------------------------------------------------------------------------------------


def test_infinities():
    with axil.debug_nans(False), axil.debug_infs(True):
        text = message(lambda: axil.jit(lambda x: 1 / x)(np.array([1.0, 0.0])))
        assert "invalid value (inf) encountered in div: 1 of 2" in text and "debug_infs(False)" in text
        assert "derivative of sqrt" in message(lambda: axil.grad(masked_sqrt)(0.0))
        assert onp.isnan(np.log(np.array(-1.0)))


def test_nothing_is_watched_where_the_options_are_off():
    assert config.watching and axil.core.eager_checks
    with axil.debug_nans(False):
        assert not config.watching and not axil.core.eager_checks
