"""`debug.print`, `debug.callback`, `debug.log` and `debug.check_nan`: what is printed, how often, and in which order.

The expected texts are what JAX 0.10 prints; where XLA leaves the order open, they are in the program's order.
"""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil import debug, errors, lax

ONE = np.float32(1.0)
THREE = np.arange(3, dtype=np.float32)


def shown(x):
    """Prints twice, with a computation between."""
    debug.print("a {x}", x=x)
    y = x * x
    debug.print("b {}", y)
    return y


def steps(x):
    def body(c, i):
        debug.print("step {} {}", i, c)
        return c + x, c * x

    return lax.scan(body, x, anp.arange(3))


def counted(x):
    """A loop whose condition and body print."""

    def goes_on(s):
        debug.print("test {}", s)
        return s < 3

    def body(s):
        debug.print("body {}", s)
        return s + 1

    return lax.while_loop(goes_on, body, x)


def chosen(p, x):
    def yes(x):
        debug.print("yes {}", x)
        return x

    def no(x):
        debug.print("no {}", x)
        return -x

    return lax.cond(p, yes, no, x)


def recomputed(x):
    @axil.checkpoint
    def inner(x):
        debug.print("inner {}", x)
        return anp.sin(x * x)

    return inner(x)


def with_rule():
    @axil.custom_vjp
    def f(x):
        debug.print("primal {}", x)
        return x * x

    def forward(x):
        debug.print("forward {}", x)
        return x * x, x

    def backward(x, ct):
        debug.print("backward {} {}", x, ct)
        return (2 * x * ct,)

    f.defvjp(forward, backward)
    return f


AB = ["a 1.0", "b 1.0"]
def with_forward_rule():
    @axil.custom_jvp
    def f(x):
        debug.print("primal {}", x)
        return x * x

    @f.defjvp
    def rule(primals, tangents):
        debug.print("rule {}", primals[0])
        debug.print("tangent {}", tangents[0])
        return primals[0] * primals[0], 2 * primals[0] * tangents[0]

    return f


A3B3 = ["a 0.0", "a 1.0", "a 2.0", "b 0.0", "b 1.0", "b 4.0"]
STEPS = ["step 0 1.0", "step 1 2.0", "step 2 3.0"]
PAIRS = np.arange(6, dtype=np.float32).reshape(2, 3)

CASES = {
    "eager": (lambda: shown(anp.asarray(ONE)), AB),
    "vmap": (lambda: axil.vmap(shown)(THREE), A3B3),
    "vmap of vmap": (
        lambda: axil.vmap(axil.vmap(lambda x: debug.print("{}", x)))(PAIRS), ["0.0", "3.0", "1.0", "4.0", "2.0", "5.0"],
    ),
    "vmap with shared operand": (
        lambda: axil.vmap(lambda a, b: debug.print("{} {}", a, b), in_axes=(0, None))(THREE, ONE),
        ["0.0 1.0", "1.0 1.0", "2.0 1.0"],
    ),
    "vmap of two, mapped apart": (
        lambda: axil.vmap(
            axil.vmap(lambda a, b: debug.print("{} {}", a, b), in_axes=(0, None)), in_axes=(None, 0)
        )(THREE, THREE[:2]),
        ["0.0 0.0", "0.0 1.0", "1.0 0.0", "1.0 1.0", "2.0 0.0", "2.0 1.0"],
    ),
    "vmap of what no example has for itself": (
        lambda: axil.vmap(lambda a: (debug.print("{}", ONE), a)[1])(THREE), ["1.0"],
    ),
    "grad": (lambda: axil.grad(shown)(ONE), AB),
    "jvp": (lambda: axil.jvp(shown, (ONE,), (ONE,)), AB),
    "grad of grad": (lambda: axil.grad(axil.grad(shown))(ONE), AB),
    "vmap of grad": (lambda: axil.vmap(axil.grad(shown))(THREE), A3B3),
    "grad of vmap": (lambda: axil.grad(lambda x: axil.vmap(shown)(x).sum())(THREE), A3B3),
    "linearize": (lambda: axil.linearize(shown, ONE)[1](ONE), AB),
    "vjp": (lambda: axil.vjp(shown, ONE)[1](ONE), AB),
    "scan": (lambda: steps(ONE), STEPS),
    "grad of scan": (lambda: axil.grad(lambda x: steps(x)[1].sum())(ONE), STEPS),
    "while": (lambda: counted(ONE), ["test 1.0", "body 1.0", "test 2.0", "body 2.0", "test 3.0"]),
    "jvp of while": (
        lambda: axil.jvp(counted, (ONE,), (ONE,)), ["test 1.0", "body 1.0", "test 2.0", "body 2.0", "test 3.0"],
    ),
    "cond": (lambda: chosen(True, ONE), ["yes 1.0"]),
    "grad of cond": (lambda: axil.grad(lambda x: chosen(x < 0, x))(ONE), ["no 1.0"]),
    "vmap of cond with a batch of predicates": (
        lambda: axil.vmap(chosen)(np.array([True, False]), THREE[1:]), ["no 1.0", "no 2.0", "yes 1.0", "yes 2.0"],
    ),
    "vmap of cond with one predicate": (
        lambda: axil.vmap(chosen, in_axes=(None, 0))(True, THREE[1:]), ["yes 1.0", "yes 2.0"],
    ),
    "checkpoint": (lambda: recomputed(ONE), ["inner 1.0"]),
    "grad of checkpoint": (lambda: axil.grad(recomputed)(ONE), ["inner 1.0", "inner 1.0"]),
    "custom_vjp": (lambda: with_rule()(ONE), ["primal 1.0"]),
    "grad of custom_vjp": (lambda: axil.grad(with_rule())(ONE), ["forward 1.0", "backward 1.0 1.0"]),
    "custom_jvp": (lambda: with_forward_rule()(ONE), ["primal 1.0"]),
    "jvp of custom_jvp": (
        lambda: axil.jvp(with_forward_rule(), (ONE,), (ONE,)), ["rule 1.0", "tangent 1.0"],
    ),
    "grad of custom_jvp": (lambda: axil.grad(with_forward_rule())(ONE), ["rule 1.0"]),
    "map": (lambda: lax.map(lambda v: debug.print("{}", v), THREE), ["0.0", "1.0", "2.0"]),
    "switch": (
        lambda: lax.switch(1, [lambda i=i: debug.print("branch {}", i) for i in range(3)]), ["branch 1"],
    ),
}  # fmt: skip


def printed(capsys, run) -> list[str]:
    """The lines that a call prints."""
    capsys.readouterr()
    run()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("name", CASES)
def test_what_is_printed(name, capsys):
    run, expected = CASES[name]
    assert printed(capsys, run) == expected


def test_compiled_programs_print_the_same(capsys):
    """All of the cases that run in a program, in one program, which is run twice."""
    left_out = {"linearize", "vjp"}
    names = [n for n in CASES if n not in left_out]
    compiled = axil.jit(lambda: [CASES[n][0]() for n in names])
    expected = [line for n in names for line in CASES[n][1]]
    assert printed(capsys, compiled) == expected
    assert printed(capsys, compiled) == expected


def test_every_step_of_a_batched_loop_prints_all_examples(capsys):
    """Examples that have stopped are computed on, and seen, until the last has stopped; the tests run for `any` too."""
    lines = printed(capsys, lambda: axil.vmap(counted)(np.array([1.0, 2.0], np.float32)))
    assert [line for line in lines if line.startswith("body")] == ["body 1.0", "body 2.0", "body 2.0", "body 3.0"]


def test_between_what_python_prints(capsys):
    def f(x):
        print("python 1")
        debug.print("traced {}", x)
        print("python 2")
        return x * x

    expected = ["python 1", "traced 1.0", "python 2"]
    assert printed(capsys, lambda: axil.grad(f)(ONE)) == expected
    assert printed(capsys, lambda: axil.jvp(f, (ONE,), (ONE,))) == expected


def test_python_control_flow_does_not_print_twice(capsys):
    def f(x):
        y = shown(x)
        if y > 0:  # asks for the value while the function is traced
            debug.print("positive {}", y)
        return y

    assert printed(capsys, lambda: axil.grad(f)(ONE)) == [*AB, "positive 1.0"]
    assert printed(capsys, lambda: axil.grad(axil.grad(f))(ONE)) == [*AB, "positive 1.0"]
    inner = axil.jit(shown)
    assert printed(capsys, lambda: axil.grad(lambda x: inner(x) if inner(x) > 0 else x)(ONE)) == [*AB, *AB]


FORMATS = [
    (("{:.2f} {x:>6} {{}} {y[0]} {z.shape}", ONE), {"x": 3, "y": [1.5, 2], "z": THREE}, "1.00      3 {} 1.5 (3,)"),
    (("{} {} {} {} {}", 1, 2.5, True, 1 + 2j, "text"), {}, "1 2.5 True (1+2j) text"),
    (("{0} {1} {0}", THREE, np.int8(7)), {}, "[0. 1. 2.] 7 [0. 1. 2.]"),
    (("no values",), {}, "no values"),
    (("",), {}, ""),
    (("{}", {"a": THREE, "b": (ONE, None)}), {},
     "{'a': Array([0., 1., 2.], dtype=float32), 'b': (Array(1., dtype=float32), None)}"),
    (("{!r:>10}", "x"), {}, "       'x'"),
]  # fmt: skip


@pytest.mark.parametrize("args, kwargs, text", FORMATS)
def test_formats(args, kwargs, text, capsys):
    assert printed(capsys, lambda: debug.print(*args, **kwargs)) == [text]


def test_formats_when_compiled(capsys):
    run = axil.jit(lambda x: [debug.print(*args, **kwargs) for args, kwargs, _ in FORMATS] and x)
    assert printed(capsys, lambda: run(ONE)) == [text for _, _, text in FORMATS]


def test_dtypes_when_compiled(capsys):
    """Values of every dtype arrive as they are."""
    x = np.array([0, 1, 2])
    dtypes = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "complex64"]
    run = axil.jit(lambda x: [debug.print("{}", x.astype(d)) for d in dtypes] and x)
    assert printed(capsys, lambda: run(x)) == [str(np.asarray(x).astype(anp.dtype(d))) for d in dtypes]


@pytest.mark.parametrize("args, kwargs, problem", [
    (("{}", 1, 2), {}, "number 1 is not used"),
    (("hello",), {"x": 2}, "x is not used"),
    (("{} {}", 1), {}, "more places than the 1"),
    (("{x}",), {}, "no argument named 'x'"),
    (("{x.no}",), {"x": 1}, "no"),
])  # fmt: skip
def test_formats_that_do_not_fit(args, kwargs, problem):
    with pytest.raises(ValueError, match=problem) as e:
        debug.print(*args, **kwargs)
    assert isinstance(e.value, errors.AxilError) and "test_debug_print.py" in str(e.value)


def test_unchecked_formats_and_options_first(capsys):
    assert printed(capsys, lambda: debug.print("sum", ONE, 2, skip_format_check=True)) == ["sum 1.0 2"]
    assert printed(capsys, lambda: debug.print(ordered=True)("x {x}", x=42)) == ["x 42"]
    with pytest.raises(TypeError, match="without what to do"):
        debug.print(x=1)
    with pytest.raises(TypeError, match="format string first"):
        debug.print(ONE)


def test_print_options_are_those_of_tracing(capsys):
    f = axil.grad(lambda x: (debug.print("{}", x), x.sum())[1])
    with np.printoptions(precision=2):
        assert printed(capsys, lambda: f(np.array([0.123456], np.float32))) == ["[0.12]"]
    assert printed(capsys, lambda: f(np.array([0.123456], np.float32))) == ["[0.123456]"]


def test_nothing_runs_for_shapes(capsys):
    assert printed(capsys, lambda: axil.eval_shape(shown, ONE)) == []
    assert printed(capsys, lambda: axil.jit(shown).lower(ONE)) == []


def test_without_jit(capsys):
    with axil.disable_jit():
        assert printed(capsys, lambda: axil.jit(shown)(anp.asarray(ONE))) == AB
        assert printed(capsys, lambda: steps(anp.asarray(ONE))) == STEPS


# ---- callback and log ----------------------------------------------------------------------------------


def test_callback_gets_arrays_and_other_values():
    seen = []

    def note(x, *, label, extra):
        seen.append((type(x).__name__, np.asarray(x).tolist(), label, extra))

    axil.grad(lambda x: (debug.callback(note, x, label="here", extra=None), x.sum())[1])(THREE)
    debug.callback(ordered=True)(note, THREE, label="there", extra=None)
    assert seen == [("Array", [0, 1, 2], "here", None), ("Array", [0, 1, 2], "there", None)]
    with pytest.raises(TypeError, match="expects a function"):
        debug.callback(3)


def test_callback_may_compute():
    """What it computes is none of the traced program's."""
    found = []
    axil.grad(lambda x: (debug.callback(lambda v: found.append(float(anp.sum(v) * 2)), x), x.sum())[1])(THREE)
    assert found == [6.0]


def test_log(caplog):
    with caplog.at_level(logging.INFO, "axil.debug"):
        axil.grad(lambda x: (debug.log("x = {}", x), x)[1])(ONE)
        debug.log("quiet {}", ONE, level=logging.DEBUG)
    (record,) = caplog.records
    assert record.getMessage() == "x = 1.0" and record.filename == "test_debug_print.py"


# ---- check_nan -----------------------------------------------------------------------------------------


def roots(x):
    y = anp.sqrt(x)
    debug.check_nan(y, name="roots")  # NaN for negative numbers
    return y.sum()


@pytest.mark.parametrize("call", [roots, axil.grad(roots), axil.jit(roots)], ids=["eager", "grad", "jit"])
def test_check_nan(call):
    good, bad = np.array([[1, 4]], np.float32), np.array([[1, -4]], np.float32)
    assert np.isfinite(np.asarray(call(good))).all()
    with pytest.raises(FloatingPointError) as e:
        call(bad)
    assert "roots, f32[1,2], has 1 NaN, the first at [0, 1]" in str(e.value)
    assert "NaN for negative numbers" in str(e.value) and isinstance(e.value, errors.AxilError)


def test_check_nan_names_the_example_and_the_leaf():
    def f(x):
        return debug.check_nan({"y": anp.log(x), "n": 3})["y"]

    with pytest.raises(FloatingPointError, match=re.escape("['y'], f32[], is NaN in example 1 of vmap")):
        axil.vmap(f)(np.array([1.0, -1.0], np.float32))
    assert debug.check_nan([1, "text", anp.arange(3)])[1] == "text"
