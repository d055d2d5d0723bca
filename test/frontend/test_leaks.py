"""`checking_leaks`: traced values that outlive their trace, and what holds them."""

from __future__ import annotations

import pytest

import axil
import axil.numpy as np
from axil import lax

held = None
history: list = []


class Model:
    def __init__(self) -> None:
        self.cache: dict = {}


@pytest.fixture(autouse=True)
def _checking():
    with axil.checking_leaks():
        yield
    global held
    held = None
    history.clear()


def message(call, *args) -> str:
    with pytest.raises(axil.errors.UnexpectedTracerError) as caught:
        call(*args)
    return str(caught.value)


def test_a_global_variable():
    @axil.jit
    def f(x):
        global held
        held = x
        return x * 2

    text = message(f, np.ones(3))
    assert "a traced f32[3] of jit(f) is still held after the end of the function" in text
    assert "the global variable 'held' of module 'test_leaks'" in text and "it is an argument of jit(f)" in text


def test_a_container_and_the_line_that_made_the_value():
    def f(x):
        y = x + 1
        history.append((0, y))
        return y

    text = message(axil.jit(f), np.ones(3))
    assert "element 1 of a tuple, which is element 0 of a list" in text and "'history'" in text
    assert "y = x + 1" in text


def test_an_attribute_and_what_is_in_it():
    model = Model()

    def f(x):
        model.cache["state"] = x * 3
        return x

    assert "the value of 'state' in a dict, which is the attribute 'cache' of an object of class Model" in message(
        axil.jit(f), 1.0
    )

    def g(x):
        model.last = x * 3
        return x

    assert "the attribute 'last' of an object of class Model" in message(axil.jit(g), 1.0)


def test_a_closure():
    def f(x):
        z = x * 5
        history.append(lambda: z)
        return x

    assert "the variable 'z' in the closure of" in message(axil.jit(f), 1.0)


@pytest.mark.parametrize("transform", [axil.grad, axil.vmap, lambda f: lambda x: lax.map(f, x),
                                       lambda f: lambda x: lax.cond(True, f, f, 1.0)])  # fmt: skip
def test_all_transformations(transform):
    def f(x):
        history.append(x * 2)
        return x

    with pytest.raises(axil.errors.UnexpectedTracerError, match="history"):
        transform(f)(1.0 if transform is axil.grad else np.ones(3))


def test_what_leaks_nothing_passes():
    x = np.ones(3)

    def loss(w):
        return np.sum(lax.scan(lambda c, v: (c * v, np.sin(c)), w, x)[1])

    assert axil.grad(loss)(2.0) == axil.jit(axil.grad(axil.jit(loss)))(2.0)
    assert axil.hessian(lambda v: np.sum(v**3))(x).shape == (3, 3)
    assert axil.vmap(axil.grad(axil.remat(loss)))(x).shape == (3,)
    assert axil.vjp(np.sin, 0.0)[1](1.0)[0] == 1 and axil.linearize(np.sin, 0.0)[1](2.0) == 2
    assert lax.while_loop(lambda c: c < 10, lambda c: c + 1, 0) == 10
    assert axil.grad(lambda v: axil.nn.softmax(axil.nn.relu(v))[0])(x).shape == (3,)


def test_off_by_default():
    with axil.check_tracer_leaks(False):
        axil.jit(lambda x: (history.append(x), x)[1])(1.0)
    assert history
