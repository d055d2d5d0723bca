"""What IREE updates in place is nobody else's: no value that a branch, loop, barrier or view gave on, no constant.

Each form is a program in which a value `y` and others that may lie in its memory are updated and read. The tests try
a few updates at once; `python test/compiler/test_updates_in_place.py [form]` tries each alone (560 programs, some
minutes).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import lax
from axil.compiler.passes import lower

INDICES = onp.array([1, 1, 3])
X = onp.array([0.3, 0.1, 0.5, 0.9, 0.2, 0.4, 0.8, 0.6], "f")

Update = Callable[[Any, Any], Any]

UPDATES: dict[str, Update] = {
    "window": lambda v, i: lax.dynamic_update_slice(v, v[:2] * 0 + 7.0, (i,)),
    "element": lambda v, i: v.at[1].set(9.0),
    "scatter": lambda v, i: v.at[INDICES].add(9.0),
    "sort": lambda v, i: np.sort(-v),
    "sort with others": lambda v, i: lax.sort((-v, v), num_keys=1)[1],
}

VALUES: dict[str, Callable[[Any], Any]] = {
    "computed": np.sin,
    "argument": lambda x: x,
    "constant": lambda x: np.arange(8.0),
    "zeros": lambda x: np.zeros(8),
}

FORMS: dict[str, Callable[[Any, Any, Update], Any]] = {}


def form(f: Callable[[Any, Any, Update], Any]) -> Callable[[Any, Any, Update], Any]:
    """Register a program of a value, a number (2) and an update."""
    FORMS[f.__name__] = f
    return f


@form
def given_by_a_branch(y: Any, i: Any, u: Update) -> Any:
    return u(lax.cond(i > 1, lambda: y, lambda: y * 2), i), y, y + 1


@form
def given_by_the_other_branch(y: Any, i: Any, u: Update) -> Any:
    return u(lax.cond(i > 5, lambda: y * 2, lambda: y), i), y, y + 1


@form
def given_by_a_branch_of_a_branch(y: Any, i: Any, u: Update) -> Any:
    r = lax.cond(i > 1, lambda: lax.cond(i > 0, lambda: y, lambda: y + 1), lambda: y * 2)
    return u(r, i), y, r


@form
def given_twice(y: Any, i: Any, u: Update) -> Any:
    p, q = lax.cond(i > 1, lambda: (y, y), lambda: (y * 2, y))
    return u(p, i), q, y


@form
def read_after_a_branch_gave_it(y: Any, i: Any, u: Update) -> Any:
    r = lax.cond(i > 1, lambda: y, lambda: y * 2)
    return u(y, i), r, r * 2


@form
def in_a_branch(y: Any, i: Any, u: Update) -> Any:
    return lax.cond(i > 1, lambda: u(y, i), lambda: y), y, y + 1


@form
def in_a_branch_as_operand(y: Any, i: Any, u: Update) -> Any:
    return lax.cond(i > 1, lambda y: u(y, i), lambda y: y * 2, y), y * 3


@form
def in_branches_of_a_switch(y: Any, i: Any, u: Update) -> Any:
    return lax.switch(i, [lambda: y, lambda: u(y, i), lambda: u(y, i) + y]), y


@form
def mapped_branches(y: Any, i: Any, u: Update) -> Any:
    return axil.vmap(lambda k: lax.cond(k > 1, lambda: u(y, k), lambda: y))(np.arange(3)), y


@form
def slices(y: Any, i: Any, u: Update) -> Any:
    r = y[2:7]
    return u(r, i), y, u(y[::-1], i), u(y, i), r * 2


@form
def views(y: Any, i: Any, u: Update) -> Any:
    return u(y.reshape(2, 4)[0], i), y, u(y.reshape(4, 2).T.reshape(8), i)


@form
def twice(y: Any, i: Any, u: Update) -> Any:
    return u(u(y, i), i * 0), u(y, i * 0), y


@form
def jitted(y: Any, i: Any, u: Update) -> Any:
    return axil.jit(lambda v: u(v, i))(y), y, axil.jit(lambda v: (v, v + 1))(y)[0]


@form
def checkpointed(y: Any, i: Any, u: Update) -> Any:
    return axil.checkpoint(lambda v: u(v, i) * 2)(y), y


@form
def kept_by_a_loop(y: Any, i: Any, u: Update) -> Any:
    r = lax.fori_loop(0, i, lambda k, s: (np.sin(s[0]), s[1]), (y * 2, y))
    return u(r[1], i), r[0], y


@form
def exchanged_by_a_loop(y: Any, i: Any, u: Update) -> Any:
    r = lax.fori_loop(0, i, lambda k, s: (s[1], s[0]), (y * 2, y))
    return u(r[1], i), u(r[0], i), y, r[0], u(y, i)


@form
def taken_by_a_loop(y: Any, i: Any, u: Update) -> Any:
    r = lax.fori_loop(0, i, lambda k, s: (s[1], y), (y * 2, y))
    return u(y, i), u(r[1], i), r[0] + r[1]


@form
def state_of_a_while_loop(y: Any, i: Any, u: Update) -> Any:
    return lax.while_loop(lambda s: s[0] < i, lambda s: (s[0] + 1, u(s[1], s[0])), (i * 0, y)), y


@form
def in_the_condition(y: Any, i: Any, u: Update) -> Any:
    holds = lambda s: (s[0] < i) & (u(s[1], s[0])[0] < 1e9)
    return lax.while_loop(holds, lambda s: (s[0] + 1, s[1] + y), (i * 0, y)), y


@form
def two_states_that_start_as_one(y: Any, i: Any, u: Update) -> Any:
    return lax.scan(lambda c, k: ((u(c[0], k), c[0]), c[1]), (y, y), np.arange(3))


@form
def stacked_before_and_after(y: Any, i: Any, u: Update) -> Any:
    return lax.scan(lambda c, k: (u(c, k), (c, u(c, k) + 1)), y, np.arange(3))


@form
def taken_from_outside(y: Any, i: Any, u: Update) -> Any:
    return lax.scan(lambda c, k: (c + 1, u(y, k)), y * 2, np.arange(3)), y


@form
def a_branch_in_a_loop(y: Any, i: Any, u: Update) -> Any:
    return lax.scan(lambda c, k: (lax.cond(k > 0, lambda: u(c, k), lambda: c), c), y, np.arange(3))


@form
def a_branch_in_a_loop_gives_from_outside(y: Any, i: Any, u: Update) -> Any:
    return lax.scan(lambda c, k: (u(lax.cond(k > 0, lambda: c, lambda: y), k), c + y), y * 2, np.arange(3))


@form
def a_loop_in_a_branch(y: Any, i: Any, u: Update) -> Any:
    return lax.cond(i > 1, lambda: lax.fori_loop(0, 3, lambda j, d: u(d, j), y), lambda: y), y


@form
def a_loop_in_a_loop(y: Any, i: Any, u: Update) -> Any:
    inner = lambda c: lax.fori_loop(0, 2, lambda j, d: u(d, j) + y, c)
    return lax.scan(lambda c, k: (inner(c), u(y, k)), y, np.arange(3))


@form
def one_loop_after_another(y: Any, i: Any, u: Update) -> Any:
    r = lax.fori_loop(0, i, lambda k, s: s * 2, y)
    return r, lax.scan(lambda c, k: (c, u(r, k)), y, np.arange(2)), r + y


@form
def behind_a_barrier(y: Any, i: Any, u: Update) -> Any:
    return u(lax.optimization_barrier(y), i), y, lax.optimization_barrier(u(y, i))


def is_right(name: str, values: list[str], updates: list[str]) -> bool:
    """Whether a compiled program gives twice what the reference gives, and leaves its argument as it is."""

    def program(x: Any, i: Any) -> Any:
        return [[FORMS[name](VALUES[v](x), i, UPDATES[u]) for u in updates] for v in values]

    x, i = np.asarray(X.copy()), np.asarray(2)
    compiled = axil.jit(program)
    found = [axil.tree.leaves(compiled(x, i)) for _ in range(2)]
    with axil.disable_jit():
        wanted = axil.tree.leaves(program(x, i))
    same = all(onp.allclose(a, b) for got in found for a, b in zip(got, wanted, strict=True))
    return same and onp.array_equal(x, X)


def without_loop_kernels(monkeypatch: Any) -> None:
    """Loops run on the host, as those do that no kernel takes."""
    plain = lower.Lowering.__init__
    monkeypatch.setattr(lower.Lowering, "__init__", lambda self, d, platform, kernels: plain(self, d, platform, False))


@pytest.mark.parametrize("name", FORMS)
def test_host_loops_and_branches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without_loop_kernels(monkeypatch)
    assert is_right(name, ["computed", "argument"], ["window", "scatter"])
    assert is_right(name, ["constant"], ["scatter"])
    axil.clear_caches()


@pytest.mark.parametrize("name", FORMS)
def test_with_kernels(name: str) -> None:
    assert is_right(name, ["computed", "argument", "constant"], ["element", "sort with others"])


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        without_loop_kernels(patch)
        tried = [n for n in FORMS if not sys.argv[1:] or n in sys.argv[1:]]
        wrong = [(n, v, u) for n in tried for v in VALUES for u in UPDATES if not is_right(n, [v], [u])]
    print(f"{len(tried) * len(VALUES) * len(UPDATES)} programs, wrong: {wrong}")
