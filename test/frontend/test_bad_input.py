"""Bad input to the frontend: every error names the user's line, the shapes or dtypes, and the way out.

`error_here` checks that the text names a line of its block; where the line is elsewhere, the test says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as onp
import pytest
from checks import error_here, marked_line, same

import axil
import axil.numpy as np
from axil import errors, grad, jit, jvp, lax, linearize, value_and_grad, vjp, vmap
from axil.runtime.errors import AxilError


@pytest.fixture(autouse=True)
def _still_works_afterwards() -> Iterator[None]:
    """Whatever a test does wrong, the library works after it."""
    yield
    assert axil.core.state.trace is None and axil.core.state.axis_sizes == {}
    same(grad(lambda x: (x * x).sum())(np.ones(2)), [2, 2])


X = np.ones((2, 3))


def raised(kind: type, f: Any, *args: Any) -> str:
    """The text of the error that a call raises; an error of ours and of the builtin kind."""
    with pytest.raises(kind) as info:
        f(*args)
    assert isinstance(info.value, AxilError)
    return str(info.value)


# ---- shapes and dtypes ---------------------------------------------------------------------------------


def test_shapes_that_do_not_fit() -> None:
    with error_here(TypeError, "(2, 3)", "(4,)") as e:
        X + np.ones(4)
    assert isinstance(e.value, ValueError) and marked_line(e.text) == "X + np.ones(4)"
    with error_here(TypeError, "(2, 3)", "(2, 3)") as e:
        X @ X
    with error_here(ValueError, "(2, 3)", "(5, 5)"):
        X.reshape(5, 5)
    with error_here(ValueError):
        np.concatenate([X, np.ones((3, 2))])


def test_shapes_that_do_not_fit_inside_a_traced_function() -> None:
    def f(x: Any) -> Any:
        y = x.sum(0)
        return y + np.ones(5)  # the line

    for g in (jit(f), grad(lambda x: f(x).sum()), vmap(f)):
        text = raised(TypeError, g, np.ones((2, 3, 3)))
        assert marked_line(text).endswith("# the line") and "test_bad_input.py" in text
        assert "(5,)" in text


def test_dtypes_that_do_not_fit() -> None:
    with error_here(TypeError, "f32"):
        _ = X & 1
    with error_here(TypeError, "f32"):
        _ = ~X


# ---- values that are not known -------------------------------------------------------------------------


def test_if_on_a_traced_value() -> None:
    def f(x: Any) -> Any:
        if x.sum() > 0:
            return x
        return -x

    for g, under in ((jit(f), "jit(f)"), (vmap(f), "vmap(f)"), (jit(vmap(f)), "jit(f) > vmap(f)")):
        text = raised(errors.TracerBoolConversionError, g, X)
        assert marked_line(text) == "if x.sum() > 0:" and f"under: {under}" in text
        assert "bool[]" in text and "axil.numpy.where" in text and "static_arg" in text
    text = raised(TypeError, jit(grad(lambda x: f(x).sum())), X)
    assert "jit(<lambda>) > grad(<lambda>)" in text


def test_truth_of_an_array() -> None:
    with error_here(ValueError, "ambiguous", "6 elements", ".any()"):
        bool(X)


def test_loops_and_other_uses_of_truth() -> None:
    for f in (lambda x: x if x and x else x, lambda x: not x, lambda x: max(x, 2.0), lambda x: [1] if x else []):
        text = raised(errors.ConcretizationTypeError, jit(f), 1.0)
        assert "test_bad_input.py" in text and "jit(<lambda>)" in text


def test_numpy_conversion_of_a_tracer() -> None:
    for f in (onp.array, onp.sin, lambda x: onp.ones(3) @ onp.asarray(x), lambda x: onp.arange(9)[x.astype(int)]):
        text = raised(errors.TracerArrayConversionError, jit(f), np.ones(3))
        assert "[3]" in text and "axil.numpy" in text and "test_bad_input.py" in text


def test_python_numbers_of_a_tracer() -> None:
    @jit
    def f(x: Any) -> Any:
        return float(x)

    text = raised(errors.ConcretizationTypeError, f, 1.0)
    assert marked_line(text) == "return float(x)" and "f32[]" in text and "static" in text
    for g in (int, complex, lambda x: x.item(), lambda x: x.tolist(), lambda x: f"{x:.2f}"):
        assert "f32[]" in raised(errors.ConcretizationTypeError, jit(g), 1.0)
    for g in (lambda n: [1, 2, 3][n], lambda n: list(range(n)), lambda n: np.zeros(n), lambda n: X.reshape(n, -1)):
        assert "i32[]" in raised(TypeError, jit(g), 1)
    assert "array(items)[i]" in raised(errors.TracerIntegerConversionError, jit(lambda n: [1, 2][n]), 1)


def test_boolean_masks_of_unknown_size() -> None:
    for f in (lambda x: x[x > 0], lambda x: x.at[x > 0].get()):
        text = raised(errors.NonConcreteBooleanIndexError, jit(f), np.ones(3))
        assert "bool[3]" in text and "axil.numpy.where" in text and "test_bad_input.py" in text


# ---- leaks ---------------------------------------------------------------------------------------------

kept: list = []


def test_a_leaked_tracer_names_where_it_was_made_and_where_it_is_used() -> None:
    @jit
    def f(x: Any) -> Any:
        kept.append(x * 2)  # made here
        return x

    f(1.0)
    leaked = kept.pop()
    with error_here(errors.UnexpectedTracerError, "# made here", "jit(f)", "f32[]", "return the value") as e:
        leaked + 1
    assert "leaked + 1" in e.text
    for use in (lambda: np.sin(leaked), lambda: jit(np.sin)(leaked), lambda: grad(np.sin)(leaked),
                lambda: vmap(np.sin)(leaked[None]), lambda: float(leaked), lambda: onp.asarray(leaked),
                lambda: lax.scan(lambda c, x: (c, x), leaked, X), lambda: jit(lambda y: y + leaked)(1.0)):  # fmt: skip
        assert "# made here" in raised(errors.UnexpectedTracerError, use)
    assert "Traced<f32[]>" in repr(leaked)


def test_leaks_out_of_every_transformation() -> None:
    def leak(x: Any) -> Any:
        kept.append(x + 1)
        return x * 1.0

    x = np.ones(2)
    for run in (lambda: grad(lambda x: leak(x).sum())(x), lambda: vmap(leak)(x), lambda: vjp(leak, x),
                lambda: jvp(leak, (x,), (x,)), lambda: lax.scan(lambda c, v: (leak(c), None), 0.0, x),
                lambda: lax.cond(True, leak, leak, x), lambda: axil.eval_shape(leak, x),
                lambda: lax.while_loop(lambda v: v.sum() < 0, leak, x)):  # fmt: skip
        kept.clear()
        run()
        assert "kept.append" in raised(errors.UnexpectedTracerError, lambda: kept[0] + 1)


def test_leaks_after_an_exception_and_into_another_trace() -> None:
    kept.clear()

    def f(x: Any) -> Any:
        kept.append(x * 1)
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        jit(f)(1.0)
    raised(errors.UnexpectedTracerError, lambda: kept[0] + 1)
    raised(errors.UnexpectedTracerError, jit(lambda y: kept[0] * y), 1.0)

    def siblings(x: Any) -> Any:
        lax.cond(True, lambda: kept.append(x + 1) or x, lambda: x)
        return kept[-1] * x

    raised(errors.UnexpectedTracerError, jit(siblings), 1.0)


# ---- derivatives ---------------------------------------------------------------------------------------


def test_integer_inputs_of_grad() -> None:
    with error_here(TypeError, "grad", "i32[]", "2.0 instead of 2", "allow_int=True"):
        grad(lambda x: x * 2.0)(2)
    with error_here(TypeError, "value_and_grad", "bool[3]"):
        value_and_grad(lambda x: x.sum())(np.zeros(3, bool))
    with error_here(TypeError, "i32[]"):
        grad(lambda p: p["x"])({"x": 1.0, "n": 1})


def test_complex_inputs_of_grad() -> None:
    with error_here(TypeError, "c64[]", "holomorphic=True"):
        grad(lambda x: x * x)(1j)
    with error_here(TypeError, "c64[]", "holomorphic=True"):
        axil.jacfwd(lambda x: x.real)(1j)
    with error_here(TypeError, "f32[]", "complex inputs"):
        grad(lambda x: x * x, holomorphic=True)(1.0)


def test_outputs_that_are_not_scalar() -> None:
    with error_here(TypeError, "scalar-output", "(2, 3)", ".sum()", "jacrev"):
        grad(lambda x: x * 2)(X)
    with error_here(TypeError, "scalar-output", "(*, *)", "has_aux"):
        grad(lambda x: (x.sum(), x))(X)
    with error_here(TypeError, "floating point output", "i32[]"):
        grad(lambda x: np.argmax(x))(X)
    with error_here(TypeError, "pair (value, aux)"):
        grad(lambda x: x.sum(), has_aux=True)(X)
    with error_here(TypeError, "pair (value, aux)"):
        vjp(lambda x: x, X, has_aux=True)
    with error_here(TypeError, "pair (value, aux)"):
        jvp(lambda x: x, (X,), (X,), has_aux=True)


def test_wrong_argnums() -> None:
    with error_here(ValueError, "argument 2", "1 positional argument", "keyword"):
        grad(lambda x: x, argnums=2)(1.0)
    with error_here(ValueError, "argument -3", "2 positional arguments"):
        grad(lambda x, y: x, argnums=-3)(1.0, 2.0)
    with error_here(TypeError, "integers", "'x'"):
        grad(lambda x: x, argnums="x")(1.0)
    with error_here(ValueError, "twice", "argument 0"):
        grad(lambda x: x, argnums=(0, 0))(1.0)
    with error_here(ValueError, "argument 0", "0 positional arguments", "position"):
        grad(lambda x: x)(x=1.0)


def test_tangents_and_cotangents_that_do_not_fit() -> None:
    with error_here(TypeError, "primal f32[2,3]", "tangent f32[3]"):
        jvp(np.sin, (X,), (X[0],))
    with error_here(TypeError, "tangent f16[2,3]", "astype"):
        jvp(np.sin, (X,), (X.astype("f2"),))
    with error_here(TypeError, "structure"):
        jvp(lambda x: x, ({"a": 1.0},), ({"b": 1.0},))
    with error_here(TypeError, "tuples", "Array"):
        jvp(np.sin, X, X)
    _, pullback = vjp(np.sin, X)
    with error_here(TypeError, "f32[2,3]", "f32[2]"):
        pullback(np.ones(2))
    with error_here(TypeError, "structure"):
        pullback((X, X))
    _, push = linearize(np.sin, X)
    with error_here(TypeError, "structure"):
        push(X, X)
    with error_here(TypeError, "f32[2,3]", "f32[3]"):
        push(X[0])


def test_arguments_that_are_no_arrays() -> None:
    with error_here(TypeError, "'abc'", "str", "functools.partial"):
        grad(lambda x: x)("abc")
    with error_here(TypeError, "object", "vmap"):
        vmap(lambda x: x)(object())
    with error_here(TypeError, "must return arrays", "'abc'", "<lambda>"):
        jit(lambda x: "abc")(1.0)
    with error_here(TypeError, "must return arrays"):
        grad(lambda x: (x, object()), has_aux=True)(1.0)


# ---- the rest ------------------------------------------------------------------------------------------


def test_item_assignment() -> None:
    with error_here(TypeError, "immutable", "x.at[i].set(y)"):
        X[0] = 1
    x = np.ones(3)
    with error_here(TypeError, ".at[i].add(y)"):
        x[0] += 1
    assert "immutable" in raised(TypeError, jit(lambda x: x.__setitem__(0, 1)), x)


@pytest.mark.parametrize("f", [jit, grad, value_and_grad, vmap, axil.jacfwd, axil.jacrev, axil.hessian, axil.checkpoint,
                               axil.custom_jvp, axil.custom_vjp, axil.eval_shape])  # fmt: skip
def test_what_cannot_be_called(f: Any) -> None:
    with error_here(TypeError, "expects a function", "3", "int"):
        f(3)


def test_functions_that_cannot_be_called() -> None:
    with error_here(TypeError, "vjp expects a function"):
        vjp(1.0, 2.0)
    with error_here(TypeError, "jvp expects a function"):
        jvp(None, (1.0,), (1.0,))
    with error_here(TypeError, "linearize expects a function"):
        linearize([], 1.0)


def test_trees_that_cannot_be_flattened() -> None:
    with error_here(ValueError, "sortable"):
        jit(lambda d: d)({1: 1.0, "a": 2.0})
