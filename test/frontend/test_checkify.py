"""`checkify`: errors that depend on values as results, from checks of the user's and of every operation.

The sentences are JAX's; below each stands the user's line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.custom_batching
import axil.numpy as np
from axil import lax
from axil.experimental import checkify as ck

A = np.array


def message(error: ck.Error) -> str | None:
    """The first line of an error's message."""
    text = error.get()
    return None if text is None else text.splitlines()[0]


def positive(x: Any) -> Any:
    ck.check(x > 0, "x is {x}", x=x)
    return np.sin(x) * 2


def totals(xs: Any) -> Any:
    return lax.scan(lambda c, x: (c + positive(x), positive(x)), A(0.0), xs)


@axil.custom_jvp
def log_jvp(x: Any) -> Any:
    ck.check(x > 0, "log of {x}", x=x)
    return np.log(x)


log_jvp.defjvps(lambda t, y, x: t / x)


@axil.custom_vjp
def log_vjp(x: Any) -> Any:
    ck.check(x > 0, "log of {x}", x=x)
    return np.log(x)


log_vjp.defvjp(lambda x: (log_vjp(x), x), lambda x, g: (g / x,))


@axil.custom_vjp
def log_symbolic(x: Any) -> Any:
    ck.check(x > 0, "log of {x}", x=x)
    return np.log(x)


log_symbolic.defvjp(lambda x: (log_symbolic(x.value), x.value), lambda x, g: (g / x,), symbolic_zeros=True)


@axil.custom_batching.custom_vmap
def log_vmap(x: Any) -> Any:
    ck.check(x > 0, "log of {x}", x=x)
    return np.log(x)


log_vmap.def_vmap(lambda size, batched, x: (np.log(x), True))


def bounded(x: Any) -> Any:
    return lax.while_loop(lambda x: x < 3, lambda x: positive(x) * 0 + x * x + 1, x, max_steps=5)


def with_aux(f: Callable[..., Any], errors: Any = ck.all_checks) -> Callable[..., Any]:
    """The checkified function with its error second, as `grad(..., has_aux=True)` takes it."""
    return lambda x: ck.checkify(f, errors)(x)[::-1]


# ---- where errors come from, in every nesting ----------------------------------------------------------

_up = lambda f: lambda x: lax.while_loop(lambda x: x < 3, lambda x: f(x) * 0 + x + 1, x)
_down = lambda x: lax.while_loop(lambda x: positive(x) * 0 + x > -3, lambda x: x - 1, x)

CASES: dict[str, tuple[Callable[[Any], ck.Error], Any, str | None]] = {
    "passes": (lambda x: ck.checkify(positive)(x)[0], 1.5, None),
    "fails": (lambda x: ck.checkify(positive)(x)[0], -1.5, "x is -1.5"),
    "jit": (lambda x: ck.checkify(axil.jit(positive))(x)[0], -1.5, "x is -1.5"),
    "scan": (lambda x: ck.checkify(totals)(x)[0], [1.0, -2.0, -3.0], "x is -2.0"),
    "scan passes": (lambda x: ck.checkify(totals)(x)[0], [1.0, 2.0, 3.0], None),
    "while body": (lambda x: ck.checkify(_up(positive))(x)[0], -1.5, "x is -1.5"),
    "while condition, at once": (lambda x: ck.checkify(_down)(x)[0], -1.5, "x is -1.5"),
    "while condition, later": (lambda x: ck.checkify(_down)(x)[0], 1.5, "x is -0.5"),
    "cond": (lambda x: ck.checkify(lambda x: lax.cond(x < 0, positive, lambda x: x, x))(x)[0], -1.5, "x is -1.5"),
    "cond, the other": (lambda x: ck.checkify(lambda x: lax.cond(x > 0, positive, lambda x: x, x))(x)[0], -1.5, None),
    "checkpoint": (lambda x: ck.checkify(axil.checkpoint(positive))(x)[0], -1.5, "x is -1.5"),
    "of grad": (lambda x: ck.checkify(axil.grad(positive))(x)[0], -1.5, "x is -1.5"),
    "of grad of scan": (lambda x: ck.checkify(axil.grad(lambda x: totals(x)[0]))(x)[0], [1.0, -2.0], "x is -2.0"),
    "of grad of checkpoint": (
        lambda x: ck.checkify(axil.grad(axil.checkpoint(positive)))(x)[0], -1.5, "x is -1.5"),
    "of jvp": (lambda x: ck.checkify(lambda x: axil.jvp(positive, (x,), (x,)))(x)[0], -1.5, "x is -1.5"),
    "of hessian": (lambda x: ck.checkify(axil.hessian(positive))(x)[0], -1.5, "x is -1.5"),
    "grad of": (lambda x: axil.grad(with_aux(positive), has_aux=True)(x)[1], -1.5, "x is -1.5"),
    "grad of scan": (
        lambda x: axil.grad(with_aux(lambda x: totals(x)[0]), has_aux=True)(x)[1], [1.0, -2.0, -3.0], "x is -2.0"),
    "jvp of": (lambda x: axil.jvp(ck.checkify(positive), (x,), (x,))[0][0], -1.5, "x is -1.5"),
    "vmap of": (lambda x: axil.vmap(ck.checkify(positive))(x)[0], [1.0, -2.0], "at mapped index 1: x is -2.0"),
    "vmap of scan": (
        lambda x: axil.vmap(ck.checkify(totals))(x)[0], [[1.0, 2.0], [3.0, -1.0]], "at mapped index 1: x is -1.0"),
    "of vmap": (lambda x: ck.checkify(axil.vmap(positive))(x)[0], [1.0, -2.0, -3.0], "x is -2.0"),
    "of vmap of cond": (  # JAX reports the branch that an example does not take too
        lambda x: ck.checkify(axil.vmap(lambda x: lax.cond(x > 0, positive, lambda x: x, x)))(x)[0],
        [1.0, -2.0], None),
    "of vmap of while": (  # JAX refuses
        lambda x: ck.checkify(axil.vmap(lambda x: lax.while_loop(
            lambda x: x > 0, lambda x: positive(x) * 0 + x - 1, x)))(x)[0],
        [2.5, 0.5], None),
    "of vmap of while, failing": (
        lambda x: ck.checkify(axil.vmap(lambda x: lax.while_loop(
            lambda x: x > -1, lambda x: positive(x) * 0 + x - 1, x)))(x)[0],
        [2.5, -0.5], "x is -0.5"),
    "custom_jvp": (lambda x: ck.checkify(log_jvp)(x)[0], -1.5, "log of -1.5"),
    "of grad of custom_jvp": (lambda x: ck.checkify(axil.grad(log_jvp))(x)[0], -1.5, "log of -1.5"),
    "grad of custom_jvp": (lambda x: axil.grad(with_aux(log_jvp), has_aux=True)(x)[1], -1.5, "log of -1.5"),
    "custom_vjp": (lambda x: ck.checkify(log_vjp)(x)[0], -1.5, "log of -1.5"),
    "of grad of custom_vjp": (lambda x: ck.checkify(axil.grad(log_vjp))(x)[0], -1.5, "log of -1.5"),
    "grad of custom_vjp": (lambda x: axil.grad(with_aux(log_vjp), has_aux=True)(x)[1], -1.5, "log of -1.5"),
    "grad of a rule with symbolic zeros": (
        lambda x: axil.grad(with_aux(log_symbolic), has_aux=True)(x)[1], -1.5, "log of -1.5"),
    "of grad of a rule with symbolic zeros": (
        lambda x: ck.checkify(axil.grad(log_symbolic))(x)[0], -1.5, "log of -1.5"),
    "custom_vmap": (lambda x: ck.checkify(log_vmap)(x)[0], -1.5, "log of -1.5"),
    "vmap of custom_vmap": (
        lambda x: axil.vmap(ck.checkify(log_vmap))(x)[0], [1.0, -1.5], "at mapped index 1: log of -1.5"),
    "bounded while": (lambda x: ck.checkify(bounded)(x)[0], -0.5, "x is -0.5"),
    "grad of bounded while": (lambda x: axil.grad(with_aux(bounded), has_aux=True)(x)[1], -0.5, "x is -0.5"),
    "of grad of bounded while": (lambda x: ck.checkify(axil.grad(bounded))(x)[0], -0.5, "x is -0.5"),
    "of vmap of bounded while": (lambda x: ck.checkify(axil.vmap(bounded))(x)[0], [5.0, 0.5], None),
    "stacked by scan": (
        lambda x: lax.scan(lambda c, x: (c, ck.checkify(positive)(x)[0]), 0.0, x)[1],
        [1.0, -2.0], "at mapped index 1: x is -2.0"),
    "checked again": (
        lambda x: ck.checkify(lambda x: ck.check_error(ck.checkify(positive)(x)[0]))(x)[0], -1.5, "x is -1.5"),
}  # fmt: skip


def expected(text: str | None) -> str | None:
    return None if text is None else f"{text} (`check` failed)"


@pytest.mark.parametrize("name", CASES)
def test_the_first_error_comes_out(name: str) -> None:
    function, x, wanted = CASES[name]
    assert message(function(A(x))) == expected(wanted)


def test_compiled_programs_give_the_same_errors() -> None:
    """All cases in one program: errors are pytrees, which come out of jit."""
    xs = [A(x) for _, x, _ in CASES.values()]
    found = axil.jit(lambda *xs: [f(x) for (f, _, _), x in zip(CASES.values(), xs)])(*xs)
    for name, error, (_, _, wanted) in zip(CASES, found, CASES.values()):
        assert message(error) == expected(wanted), name


def test_results_and_derivatives_are_those_of_the_function() -> None:
    error, (value, rows) = ck.checkify(totals, ck.all_checks)(A([1.0, 2.0]))
    assert error.get() is None
    same((value, rows), totals(A([1.0, 2.0])))
    got = axil.grad(with_aux(lambda x: totals(x)[0]), has_aux=True)(A([1.0, 2.0]))[0]
    same(got, axil.grad(lambda x: totals(x)[0])(A([1.0, 2.0])))


def test_the_error_that_happens_first_wins() -> None:
    """In the order of the run: the second check of step 0 before the first of step 1. (JAX: by order of tracing.)"""

    def step(c: Any, x: Any) -> Any:
        ck.check(x < 5, "first check, {}", x)
        ck.check(x > 0, "second check")
        return c, None

    error, _ = ck.checkify(lambda xs: lax.scan(step, 0.0, xs))(A([-1.0, 9.0]))
    assert message(error) == "second check (`check` failed)"


# ---- automatic checks ----------------------------------------------------------------------------------

TABLE = onp.zeros((3, 4), "float32")
ROW = onp.arange(3, dtype="float32")
OUT = "out-of-bounds indexing for array of shape {}: index {} is out of bounds for axis {} with size {}."

AUTOMATIC: dict[str, tuple[Callable[[Any], Any], Any, str | None]] = {
    "nan": (np.log, -1.0, "nan generated by primitive: log."),
    "nan of a matrix": (lambda x: np.linalg.cholesky(x), [[-1.0]], "nan generated by primitive: cholesky."),
    "in a derivative": (axil.grad(lambda x: np.sqrt(x) * 0), 0.0, "division by zero (in 'div')"),
    "nan of complex": (lambda x: np.log(x * (1 + 1j)) - np.log(x * 1j), 0.0, "nan generated by primitive: sub."),
    "nan of half": (lambda x: np.sqrt(x.astype("bfloat16")), -1.0, "nan generated by primitive: sqrt."),
    "a constant NaN is none": (lambda x: np.where(x > 0, x, np.nan)[::-1].reshape(1, 2), [-1.0, 2.0], None),
    "div": (lambda x: x / 0, 3.0, "division by zero (in 'div')"),
    "div of integers": (lambda i: 7 // i, 0, "division by zero (in 'div')"),
    "remainder": (lambda i: 7 % i, 0, "division by zero (in 'rem')"),
    "div before nan": (lambda x: x / x, 0.0, "division by zero (in 'div')"),
    "gather": (lambda i: A(ROW)[i], 5, OUT.format("(3,)", 5, 0, 3)),
    "gather in bounds": (lambda i: A(ROW)[i], -3, None),
    "negative": (lambda i: A(ROW)[i], -5, OUT.format("(3,)", -2, 0, 3)),
    "the first of several": (lambda i: A(TABLE)[i, i[::-1]], [0, 5, 9], OUT.format("(3, 4)", 9, 1, 4)),
    "static": (lambda x: x[7], [1.0, 2.0], OUT.format("(2,)", 7, 0, 2)),
    "take": (lambda i: np.take(A(ROW), i), 4, OUT.format("(3,)", 4, 0, 3)),
    "dynamic_slice": (lambda i: lax.dynamic_slice(A(TABLE), (i, i), (2, 2)), 2, OUT.format("(3, 4)", 2, 0, 3)),
    "dynamic_update_slice": (
        lambda i: lax.dynamic_update_slice(A(TABLE), A(TABLE[:2, :2]), (0 * i, i)), 3, OUT.format("(3, 4)", 3, 1, 4)),
    "scatter": (lambda i: A(ROW).at[i].add(1.0), 3, OUT.format("(3,)", 3, 0, 3)),
    "small integers": (lambda i: A(ROW)[i.astype("uint8")], 200, OUT.format("(3,)", 200, 0, 3)),
    "in a loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, x: x.at[i + 1].set(0.0), x), [1.0, 2.0, 3.0],
        OUT.format("(3,)", 3, 0, 3)),
    "in a solver": (
        lambda a: lax.custom_linear_solve(lambda x: a * x, A(1.0), lambda f, b: b / a, lambda f, b: b / a), 0.0,
        "division by zero (in 'div')"),
    "empty": (lambda x: np.log(x[:0]) / x[:0], [1.0], None),
}  # fmt: skip


def argument(x: Any) -> Any:
    return A(x, "int32") if onp.asarray(x).dtype.kind == "i" else A(x, "float32")


@pytest.mark.parametrize("name", AUTOMATIC)
def test_automatic_checks(name: str) -> None:
    function, x, wanted = AUTOMATIC[name]
    got = message(ck.checkify(function, ck.automatic_checks)(argument(x))[0])
    assert (got is None) == (wanted is None) and (wanted is None or str(got).startswith(wanted)), got


def test_automatic_checks_compiled() -> None:
    def everything(*xs: Any) -> Any:
        return [ck.checkify(f, ck.automatic_checks)(x)[0] for (f, _, _), x in zip(AUTOMATIC.values(), xs)]

    found = axil.jit(everything)(*[argument(x) for _, x, _ in AUTOMATIC.values()])
    for name, error, (_, _, wanted) in zip(AUTOMATIC, found, AUTOMATIC.values()):
        assert (error.get() is None) == (wanted is None), name
        assert wanted is None or str(error.get()).startswith(wanted), name


@pytest.mark.parametrize(("errors", "wanted"), [
    (ck.user_checks, "x is"), (ck.nan_checks, "nan"), (ck.div_checks, "division"), (ck.index_checks, "out-of-bounds"),
    (ck.float_checks, "nan"), (ck.automatic_checks, "nan"), (ck.all_checks, "x is"), (frozenset(), None),
])  # fmt: skip
def test_only_the_kinds_that_are_asked_for(errors: Any, wanted: str | None) -> None:
    def wrong(x: Any, i: Any) -> Any:
        ck.check(x > 0, "x is {}", x)
        return np.log(x) + 1 / A(0.0) + A(ROW)[i]

    error, _ = ck.checkify(wrong, errors)(A(-1.0), A(7))
    assert error.get() is None if wanted is None else error.get().startswith(wanted)


def test_the_line_and_what_it_was_for() -> None:
    error, _ = ck.checkify(axil.grad(lambda x: np.sqrt(x) * 0), ck.nan_checks)(A(0.0))
    text = str(error.get())
    assert "in the derivative of sqrt" in text and "going backward" in text
    assert "test_checkify.py" in text and "np.sqrt(x)" in text and "^^^" in text


def test_every_combinator_has_a_rule() -> None:
    from axil.dialects.combinators import COMBINATORS

    assert [name for name, c in COMBINATORS.items() if not c.transformation and c.checkify is None] == []


def test_ops_that_make_no_nan_make_none() -> None:
    """What `makes_nan=False` says is true of the samples, with infinities among their values."""
    from axil.dialects import families  # noqa: F401  (fills OPS)
    from axil.dialects.avals import is_inexact
    from axil.dialects.op import OPS
    from axil.testing.samples import cases_of, operands, results

    tried = 0
    for op in OPS.values():
        for case in [] if op.makes_nan else cases_of(op):
            xs = operands(case)
            if "bitcast" in op.name or not any(is_inexact(x.dtype) for x in xs):
                continue
            for x in xs:
                if x.dtype.kind == "f" and x.size > 1:
                    x.flat[0], x.flat[-1] = onp.inf, -onp.inf
            ys = results(op(*xs, **case[1].attributes))
            if "fill" not in case[1].attributes.values():
                wide = [y for y in ys if is_inexact(y.dtype) and y.dtype.itemsize > 1]  # some of 8 bits have no inf
                assert not any(onp.isnan(y.astype(complex)).any() for y in wide), case[2]
                tried += 1
    assert tried > 30


# ---- checks outside checkify ---------------------------------------------------------------------------


def test_a_check_raises_at_once_where_it_is_evaluated() -> None:
    positive(A(1.0))
    for run in (positive, axil.grad(positive), lambda x: axil.vmap(positive)(x[None])):
        with pytest.raises(ck.JaxRuntimeError, match=r"x is -1.0 \(`check` failed\)(.|\n)*test_checkify.py"):
            run(A(-1.0))
    with pytest.raises(ValueError, match="x is"):
        axil.vmap(positive)(A([1.0, -1.0]))
    with pytest.raises(axil.errors.JaxRuntimeError):
        ck.check(False, "no")
    ck.check(onp.bool_(True), "yes")


def test_a_compiled_program_cannot_raise() -> None:
    in_scan = lambda x: lax.scan(lambda c, x: (c, positive(x)), 0.0, x)[0]  # whose results are not used
    for function, x in ((positive, A(1.0)), (in_scan, A([1.0]))):
        with pytest.raises(ValueError, match="not functionalized") as info:
            axil.jit(function)(x)
        assert "checkify(f)" in str(info.value) and "test_checkify.py" in str(info.value)
    assert axil.eval_shape(positive, A(1.0)).shape == ()  # nothing runs


def test_debug_checks() -> None:
    def function(x: Any) -> Any:
        ck.debug_check(x > 0, "debug: {}", x)
        ck.check(x > 0, "debug: {}", x, debug=True)
        return x

    assert float(function(A(-1.0))) == float(axil.jit(function)(A(-1.0))) == -1
    same(axil.vmap(function)(A([-1.0])), [-1.0])
    assert message(ck.checkify(function)(A(-1.0))[0]) == "debug: -1.0 (`check` failed)"
    in_branch = lambda x: lax.cond(x > 0, lambda x: x, function, x)
    same(axil.vmap(in_branch)(A([-1.0])), [-1.0])  # still for debugging, after cond became select
    assert message(ck.checkify(axil.vmap(in_branch))(A([-1.0]))[0]) == "debug: -1.0 (`check` failed)"


# ---- errors as values ----------------------------------------------------------------------------------


def test_formats() -> None:
    def function(x: Any) -> Any:
        ck.check(x < 0, "{0:.2f} of {k[a]} and {1}", x, x + 1, k={"a": x})

    assert message(ck.checkify(function)(A(1.25))[0]) == "1.25 of 1.25 and 2.25 (`check` failed)"
    with pytest.raises(TypeError, match="asks for argument 1"):
        ck.check(A(True), "{} {}", A(1.0))
    with pytest.raises(TypeError, match="asks for 'y'"):
        ck.check(A(True), "{y}", x=A(1.0))


def test_an_error_is_a_tree() -> None:
    error, _ = ck.checkify(positive)(A(-1.0))
    leaves, structure = axil.tree_util.tree_flatten(error)
    assert structure == axil.tree_util.tree_structure(ck.checkify(positive)(A(2.0))[0])
    assert message(axil.tree_util.tree_unflatten(structure, leaves)) == message(error)
    traces = []

    @axil.jit
    def function(e: ck.Error) -> ck.Error:
        traces.append(1)
        return e

    for x in (-1.0, -2.0):
        assert message(function(ck.checkify(positive)(A(x))[0])) == f"x is {x} (`check` failed)"
    assert len(traces) == 1  # equal structures: the second call finds the first one's program
    assert axil.tree_util.tree_leaves(ck.init_error) == [] and ck.init_error.get() is None
    assert axil.tree_util.tree_leaves(ck.checkify(lambda x: x)(1.0)[0]) == []  # nothing can go wrong
    assert str(ck.init_error) == "Error(None)" and str(error).startswith("Error(x is -1.0")


def test_throw_and_check_error() -> None:
    fine, _ = ck.checkify(positive)(A(1.0))
    fine.throw()
    error, _ = ck.checkify(positive)(A(-1.0))
    for raising in (error.throw, lambda: ck.check_error(error)):
        with pytest.raises(ck.JaxRuntimeError, match="x is -1.0") as info:
            raising()
        assert type(info.value.__cause__) in ck.user_checks
    batch, _ = axil.vmap(ck.checkify(positive))(A([1.0, -2.0, -3.0]))
    with pytest.raises(ValueError, match=r"at mapped index 1: x is -2.0(.|\n)*at mapped index 2: x is -3.0"):
        batch.throw()
    again = ck.checkify(axil.jit(lambda e: ck.check_error(e)))
    assert message(again(batch)[0]) == "x is -2.0 (`check` failed)"
    assert type(error.get_exception()) in ck.user_checks and fine.get_exception() is None
    with pytest.raises(TypeError, match="check_error takes an Error"):
        ck.check_error(1.0)


def test_nested_batches() -> None:
    logs = axil.vmap(axil.vmap(ck.checkify(np.log, ck.nan_checks)))
    text = str(logs(A([[1.0, -1.0], [1.0, 1.0]]))[0].get())
    assert text.startswith("at mapped index 0, 1: nan generated by primitive: log.") and text.count("mapped") == 1


def test_arguments() -> None:
    with error_here(TypeError, "check takes a scalar pred", "axil.numpy.all"):
        ck.check(A([True, False]), "two")
    with error_here(TypeError, "takes a scalar pred"):
        ck.check(1.0, "a number")
    with error_here(TypeError, "Formatting arguments to checkify.check need to be PyTrees of arrays", "f-string"):
        ck.check(A(True), "{}", 3)
    with error_here(TypeError, "set of kinds of errors", "user_checks"):
        ck.checkify(positive, errors="nan")
    error, out = ck.checkify(lambda x, n, scale=1: {"y": x.sum() * n * scale})(onp.ones(3, "float32"), 2, scale=3)
    same(out, {"y": 18.0})  # Python values stay what they are
    assert error.get() is None
