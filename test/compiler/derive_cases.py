"""Programs on which derivations are tested: every combinator, alone and within others.

Each case makes functions in a `Program` and gives the name of one and operands for it. All have f64 operands and
are smooth where they are evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from derive_programs import Program

from axil.dialects.factories import ops
from axil.dialects.op import full

Case = Callable[[Program, np.random.Generator], tuple[str, list]]
CASES: dict[str, Case] = {}
FORWARD_ONLY: set[str] = set()
REVERSE_ONLY: set[str] = set()

I32, F64 = np.dtype("int32"), np.dtype("float64")


def case(*, forward_only: bool = False, reverse_only: bool = False) -> Callable[[Case], Case]:
    """Register a case; some have derivatives in one mode only."""

    def register(make: Case) -> Case:
        name = make.__name__
        CASES[name] = make
        if forward_only:
            FORWARD_ONLY.add(name)
        if reverse_only:
            REVERSE_ONLY.add(name)
        return make

    return register


# ---- what bodies are made of ---------------------------------------------------------------------------


def matvec(w: Any, x: Any) -> Any:
    """Matrix times vector."""
    return ops.dot_general(w, x, lhs_batch=(), rhs_batch=(), lhs_contract=(1,), rhs_contract=(0,), dtype=F64)


def total(x: Any) -> Any:
    """Sum of a vector."""
    return ops.reduce_sum(x, axes=(0,))


def spread(x: Any, n: int = 3) -> Any:
    """A scalar, repeated."""
    return ops.broadcast_in_dim(x, shape=(n,), dims=())


def number(i: Any) -> Any:
    """An integer as f64."""
    return ops.convert(i, dtype=F64)


def one_more(i: Any) -> Any:
    """i + 1."""
    return ops.add(i, full((), 1, I32))


def rnn_step(w: Any, h: Any, i: Any, x: Any) -> list:
    """A recurrent cell whose output depends on a step counter."""
    new = ops.tanh(ops.add(matvec(w, h), x))
    j = one_more(i)
    return [new, j, total(ops.sin(ops.mul(new, spread(number(j)))))]


def rnn_operands(rng: np.random.Generator, length: int) -> list:
    """Operands of a scan of `rnn_step`."""
    counter = np.asarray(0, I32)
    return [rng.standard_normal((3, 3)), rng.standard_normal(3), counter, rng.standard_normal((length, 3))]


# ---- scan ----------------------------------------------------------------------------------------------


def _rnn(length: int, reverse: bool = False, unroll: int = 0) -> Case:
    def make(p: Program, rng: np.random.Generator) -> tuple[str, list]:
        body = p.define("body", "f64[3,3], f64[3], i32[], f64[3]", rnn_step)
        return p.scan(body, 1, 2, length, reverse, unroll), rnn_operands(rng, length)

    return make


CASES |= {"rnn": _rnn(4), "rnn_reverse": _rnn(3, True), "rnn_once": _rnn(1), "rnn_never": _rnn(0),
          "rnn_unrolled": _rnn(3, unroll=8)}  # fmt: skip


@case()
def map_without_carry(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    body = p.define("body", "f64[], f64[3]", lambda c, x: [ops.mul(spread(c), ops.sin(x)), total(x)])
    return p.scan(body, 1, 0, 4), [np.asarray(0.7), rng.standard_normal((4, 3))]


@case()
def power_without_rows(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """No xs, no ys, and a carry that only becomes differentiable through a constant."""
    body = p.define("body", "f64[2], i32[], f64[2]", lambda c, i, s: [one_more(i), ops.mul(ops.add(s, 1.0), c)])
    scan = p.scan(body, 1, 2, 3)
    from_zero = p.define(
        "from_zero", "f64[2]", lambda c: p.d.call(scan, [c, full((), 0, I32), full((2,), 0, F64)])[1:]
    )
    return from_zero, [rng.standard_normal(2)]


@case()
def passes_through(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """Carries that swap, constants and rows that are results, an operand that nothing uses, a result twice."""

    def step(c: Any, unused: Any, a: Any, b: Any, x: Any) -> list:
        y = ops.mul(x, a)
        return [b, ops.add(a, c), x, c, y, y, full((), 2.0, F64)]

    body = p.define("body", "f64[], f64[2], f64[], f64[], f64[]", step)
    return p.scan(body, 2, 2, 3), [
        np.asarray(0.3), rng.standard_normal(2), np.asarray(1.1), np.asarray(-0.4), rng.standard_normal(3)
    ]  # fmt: skip


@case()
def scan_of_scan(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    inner = p.define(
        "inner", "f64[2], f64[2], f64[2]",
        lambda w, s, x: [ops.sin(ops.add(ops.mul(w, s), x)), total(ops.mul(s, x))],
    )  # fmt: skip
    scan = p.scan(inner, 1, 1, 2)

    def step(w: Any, s: Any, xs: Any) -> list:
        state, ys = p.d.call(scan, [w, s, xs])
        return [ops.mul(state, w), ys]

    outer = p.define("outer", "f64[2], f64[2], f64[2,2]", step)
    scan = p.scan(outer, 1, 1, 3, reverse=True)
    return scan, [rng.standard_normal(2), rng.standard_normal(2), rng.standard_normal((3, 2, 2))]


@case()
def scan_of_control(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """A scan whose body is itself a control combinator, with no function between."""
    a = p.define("a", "f64[], f64[]", lambda s, x: [ops.sin(ops.mul(s, x))])
    b = p.define("b", "f64[], f64[]", lambda s, x: [ops.add(s, x)])
    checked = p.derive("checkpoint", a)
    either = p.derive("cond", checked, b)
    body = p.define("body", "i32[], f64[], f64[]", lambda i, s, x: [i, *p.d.call(either, [i, s, x])])
    return p.scan(body, 0, 2, 3), [np.asarray(0, I32), np.asarray(0.5), rng.standard_normal(3)]


@case()
def scan_of_checkpoint(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    step = p.define("step", "f64[3,3], f64[3], f64[3]", lambda w, h, x: [ops.tanh(ops.add(matvec(w, ops.sin(h)), x))])
    return p.scan(p.derive("checkpoint", step), 1, 1, 3), [
        rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal((3, 3))
    ]  # fmt: skip


# ---- cond ----------------------------------------------------------------------------------------------


def _branches(p: Program) -> str:
    a = p.define("a", "f64[3], f64[]", lambda x, c: [ops.mul(ops.sin(x), spread(c)), total(x)])
    b = p.define("b", "f64[3], f64[]", lambda x, c: [ops.exp(ops.mul(ops.tanh(x), x)), c])
    z = p.define("z", "f64[3], f64[]", lambda x, c: [full((3,), 1.5, F64), ops.mul(c, ops.mul(c, total(ops.exp(x))))])
    return p.derive("cond", a, b, z)


def _cond(index: int) -> Case:
    def make(p: Program, rng: np.random.Generator) -> tuple[str, list]:
        return _branches(p), [np.asarray(index, I32), rng.standard_normal(3), np.asarray(0.8)]

    return make


CASES |= {"cond_0": _cond(0), "cond_1": _cond(1), "cond_2": _cond(2)}


@case()
def cond_of_nothing_known(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """Branches without residuals, and a predicate that is computed."""
    a = p.define("a", "f64[2]", lambda x: [ops.neg(x)])
    b = p.define("b", "f64[2]", lambda x: [x])
    either = p.derive("cond", a, b)

    def positive(x: Any) -> list:
        index = ops.convert(ops.gt(total(x), full((), 0, F64)), dtype=I32)
        return p.d.call(either, [index, x])

    return p.define("positive", "f64[2]", positive), [np.array([0.5, 1.2])]


@case()
def scan_of_cond(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """Alternating branches, chosen by a counter in the carry."""
    a = p.define("a", "f64[2], f64[2]", lambda s, x: [ops.mul(ops.sin(s), x)])
    b = p.define("b", "f64[2], f64[2]", lambda s, x: [ops.add(s, ops.exp(x))])
    either = p.derive("cond", a, b)

    def step(i: Any, s: Any, x: Any) -> list:
        (new,) = p.d.call(either, [ops.rem(i, full((), 2, I32)), s, x])
        return [one_more(i), new, total(new)]

    body = p.define("body", "i32[], f64[2], f64[2]", step)
    return p.scan(body, 0, 2, 3), [np.asarray(0, I32), rng.standard_normal(2), rng.standard_normal((3, 2))]


@case()
def cond_of_scan(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    body = p.define("body", "f64[3,3], f64[3], i32[], f64[3]", rnn_step)
    scan = p.scan(body, 1, 2, 2)
    other = p.define(
        "other", "f64[3,3], f64[3], i32[], f64[2,3]",
        lambda w, h, i, xs: [ops.sin(h), i, ops.reduce_sum(xs, axes=(1,))],
    )  # fmt: skip
    return p.derive("cond", scan, other), [np.asarray(0, I32), *rnn_operands(rng, 2)]


# ---- while ---------------------------------------------------------------------------------------------


def _below(p: Program, inputs: str) -> str:
    return p.define("below", inputs, lambda n, i, *s: [ops.lt(i, n)])


@case(forward_only=True)
def while_counting(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    body = p.define("body", "f64[2], i32[], f64[2]", lambda c, i, s: [one_more(i), ops.mul(ops.sin(s), c)])
    below = _below(p, "i32[], i32[], f64[2]")
    return p.derive("while", below, body, cond_consts=1, body_consts=1), [
        np.asarray(2, I32), rng.standard_normal(2), np.asarray(0, I32), rng.standard_normal(2)
    ]  # fmt: skip


@case(forward_only=True)
def while_until_large(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """The condition depends on a batched float, so that examples stop at different times."""
    small = p.define("small", "f64[], f64[]", lambda s, t: [ops.lt(s, full((), 30, F64))])
    body = p.define("body", "f64[], f64[]", lambda s, t: [ops.mul(s, full((), 2, F64)), ops.add(t, ops.sin(s))])
    return p.derive("while", small, body, cond_consts=0, body_consts=0), [np.asarray(1.3), np.asarray(0.2)]


@case()
def while_of_integers(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """Reverse mode goes past a loop that has no tangents."""
    body = p.define("body", "i32[]", lambda i: [ops.mul(i, full((), 2, I32))])
    small = p.define("small", "i32[]", lambda i: [ops.lt(i, full((), 20, I32))])
    loop = p.derive("while", small, body, cond_consts=0, body_consts=0)

    def doubled(i: Any, x: Any) -> list:
        (n,) = p.d.call(loop, [i])
        return [ops.mul(ops.sin(x), number(n))]

    return p.define("doubled", "i32[], f64[]", doubled), [np.asarray(3, I32), np.asarray(0.4)]


# ---- checkpoint and custom rules -----------------------------------------------------------------------


@case()
def checkpoint(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    f = p.define("f", "f64[3], f64[3], i32[]", lambda x, w, i: [ops.sin(ops.mul(ops.exp(x), w)), i, total(w)])
    kept = p.derive("checkpoint", f)
    g = p.define("g", "f64[3], f64[3], i32[]", lambda x, w, i: p.d.call(kept, [ops.sin(x), w, i]))
    return g, [rng.standard_normal(3), rng.standard_normal(3), np.asarray(2, I32)]


def _custom_jvp(p: Program) -> str:
    of = p.define("of", "f64[], f64[2], i32[]", lambda c, x, i: [ops.mul(ops.sin(x), spread(c, 2)), i])
    rule = p.define(
        "rule", "f64[], f64[2], i32[], f64[2]",
        lambda c, x, i, t: [ops.mul(ops.sin(x), spread(c, 2)), i, ops.mul(ops.mul(t, ops.cos(x)), spread(c, 2))],
    )  # fmt: skip
    return p.derive("custom_jvp", of, rule, consts=1)


@case()
def custom_jvp(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    custom = _custom_jvp(p)
    f = p.define("f", "f64[2], i32[]", lambda x, i: p.d.call(custom, [full((), 1.5, F64), ops.mul(x, x), i]))
    return f, [rng.standard_normal(2), np.asarray(1, I32)]


@case()
def scan_of_custom_jvp(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    custom = _custom_jvp(p)
    body = p.define(
        "body", "f64[2], f64[2]",
        lambda s, x: [ops.add(p.d.call(custom, [full((), 0.5, F64), s, full((), 0, I32)])[0], x)],
    )  # fmt: skip
    return p.scan(body, 0, 1, 3), [rng.standard_normal(2), rng.standard_normal((3, 2))]


def _custom_vjp(p: Program) -> str:
    of = p.define("of", "f64[], i32[], f64[2]", lambda c, i, x: [ops.mul(ops.sin(x), spread(c, 2)), i])
    forward = p.define(
        "forward", "f64[], i32[], f64[2]", lambda c, i, x: [ops.mul(ops.sin(x), spread(c, 2)), i, ops.cos(x), i]
    )
    backward = p.define(
        "backward", "f64[], f64[2], i32[], f64[2]", lambda c, cos, i, ct: [ops.mul(ops.mul(ct, cos), spread(c, 2))]
    )
    return p.derive("custom_vjp", of, forward, backward, of_consts=1, forward_consts=1, backward_consts=1)


@case(reverse_only=True)
def custom_vjp(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    custom = _custom_vjp(p)

    def f(i: Any, x: Any) -> list:
        c = full((), 1.5, F64)
        return p.d.call(custom, [c, c, c, i, ops.mul(x, x)])

    return p.define("f", "i32[], f64[2]", f), [np.asarray(1, I32), rng.standard_normal(2)]


@case(reverse_only=True)
def scan_of_custom_vjp(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    custom = _custom_vjp(p)

    def step(i: Any, s: Any, x: Any) -> list:
        c = full((), 0.5, F64)
        y, i = p.d.call(custom, [c, c, c, i, s])
        return [one_more(i), ops.add(y, x), total(y)]

    body = p.define("body", "i32[], f64[2], f64[2]", step)
    return p.scan(body, 0, 2, 3), [np.asarray(0, I32), rng.standard_normal(2), rng.standard_normal((3, 2))]


@case(reverse_only=True)
def cond_of_custom_vjp(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    custom = _custom_vjp(p)
    c = lambda: full((), 0.5, F64)
    a = p.define("a", "i32[], f64[2]", lambda i, x: p.d.call(custom, [c(), c(), c(), i, x]))
    b = p.define("b", "i32[], f64[2]", lambda i, x: [ops.mul(x, x), i])
    return p.derive("cond", a, b), [np.asarray(0, I32), np.asarray(4, I32), rng.standard_normal(2)]


# ---- everything together -------------------------------------------------------------------------------


@case()
def all_of_it(p: Program, rng: np.random.Generator) -> tuple[str, list]:
    """A checkpointed scan over a cond over a custom_jvp function."""
    custom = _custom_jvp(p)
    a = p.define("a", "f64[2], f64[2]", lambda s, x: [p.d.call(custom, [full((), 0.5, F64), s, full((), 0, I32)])[0]])
    b = p.define("b", "f64[2], f64[2]", lambda s, x: [ops.mul(s, ops.sin(x))])
    either = p.derive("cond", a, b)

    def step(w: Any, i: Any, s: Any, x: Any) -> list:
        (new,) = p.d.call(either, [ops.rem(i, full((), 2, I32)), s, x])
        return [one_more(i), ops.mul(new, w), total(new)]

    body = p.define("body", "f64[2], i32[], f64[2], f64[2]", step)
    kept = p.derive("checkpoint", p.scan(body, 1, 2, 3))
    start = lambda: full((), 0, I32)
    f = p.define("f", "f64[2], f64[2], f64[3,2]", lambda w, s, xs: p.d.call(kept, [w, start(), s, xs])[1:])
    return f, [rng.standard_normal(2), rng.standard_normal(2), rng.standard_normal((3, 2))]
