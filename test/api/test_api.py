"""Every table of `cases/`: agreement with JAX's recorded answers, tracing, batching, gradients, compilation."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from harness import Side, Table, difference, quietly, recorded, tables

import axil
from axil.config import enable_x64

LIVE = 61  # every so many cases one is compared with JAX itself, where it is installed
GROUP = 24  # cases that are compiled as one program
TOPICS = tables()


@cache
def table_of(topic: str) -> tuple[Table, Side, dict[str, Any]]:
    table = Table(topic)
    return table, Side("axil", table.module), table.answers()


def named(per_name: bool = True) -> Any:
    """Parametrize over all topics and names."""
    pairs = [(topic, name) for topic in TOPICS for name in Table(topic).cases]
    return pytest.mark.parametrize("topic, name", pairs, ids=[f"{t}-{n}" for t, n in pairs])


@pytest.mark.parametrize("topic", TOPICS)
def test_answers_are_complete(topic: str) -> None:
    table, _, answers = table_of(topic)
    assert set(answers) == table.expected_keys(), f"run `python test/api/record.py {topic}`"


@pytest.mark.parametrize("topic", TOPICS)
def test_exceptions_are_cases(topic: str) -> None:
    table, _, _ = table_of(topic)
    known = {case for cases in table.cases.values() for case in cases} | set(table.x64)
    assert set(table.exceptions) <= known


@named()
def test_agrees_with_jax(topic: str, name: str) -> None:
    table, side, answers = table_of(topic)
    close = table.tolerance.get(name)
    found = [difference(c, partial(side.evaluate, c), answers.get(c), close) for c in table.usable(name)]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("topic", TOPICS)
def test_agrees_with_jax_in_64_bits(topic: str) -> None:
    table, side, answers = table_of(topic)
    if not table.x64:
        pytest.skip("the table has no cases of 64 bits")
    with enable_x64(True):
        found = [
            difference(c, partial(side.evaluate, c), answers.get(f"x64 {c}"), table.tolerance.get("x64", 1e-10))
            for c in table.x64
            if c not in table.exceptions
        ]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("topic", TOPICS)
def test_agrees_with_jax_itself(topic: str) -> None:
    pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    table, side, _ = table_of(topic)
    jax = Side("jax", table.module)
    pairs = [(name, case) for name in table.cases for case in table.usable(name)][::LIVE]
    found = [
        difference(c, partial(side.evaluate, c), recorded(jax.evaluate, c), table.tolerance.get(n))
        for n, c in pairs
    ]
    assert not any(found), "\n".join(filter(None, found))


def traceable(topic: str, check: str) -> list[tuple[str, str]]:
    """The first case of each name that computes something from arrays that have elements, and is not left out."""
    table, _, answers = table_of(topic)
    left_out = table.left_out("TRACEABLE") | table.left_out(check)
    found = []
    for name in table.cases:
        of_arrays = (c for c in table.usable(name) if "A(" in c and answers.get(c))
        case = None if name in left_out else next(of_arrays, None)
        if case is not None:
            found.append((name, case))
    return found


@pytest.mark.parametrize("topic", TOPICS)
def test_traced_is_as_eager(topic: str) -> None:
    from axil.core import run_traced

    table, side, _ = table_of(topic)
    found = []
    for name, case in traceable(topic, "TRACED"):
        wanted = recorded(side.evaluate, case)
        traced = partial(run_traced, "test", side.function(case), side.operands(case))
        found.append(difference(case, traced, wanted, table.tolerance.get(name)))
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("topic", TOPICS)
def test_vmap_is_a_loop(topic: str) -> None:
    table, side, _ = table_of(topic)
    found = []
    for name, case in traceable(topic, "BATCHED"):
        f, xs = side.function(case), quietly(side.operands, case)
        if not xs:
            continue
        others = [np.roll(np.asarray(x).reshape(-1), 1).reshape(x.shape) for x in xs]
        rows = [xs, [axil.numpy.asarray(x) for x in others]]
        wanted = [recorded(f, *row) for row in rows]
        stacked = [axil.numpy.stack(pair) for pair in zip(*rows)]
        try:
            batched = quietly(axil.vmap(f), *stacked)
        except Exception as error:
            found.append(f"{case}: vmap raised {type(error).__name__}: {str(error)[:300]}")
            continue
        close = table.tolerance.get(name)
        for i in range(2):
            got = [[d, s, False, n] for d, s, _, n in wanted[i] or []]
            row = [axil.numpy.asarray(np.asarray(y[i])) for y in batched]
            found.append(difference(case, partial(list, row), got, close))
    assert not any(found), "\n".join(filter(None, found))


GRADIENTS = [(topic, name) for topic in TOPICS for name in Table(topic).gradients()]


@pytest.mark.parametrize("topic, name", GRADIENTS, ids=[f"{t}-{n}" for t, n in GRADIENTS])
def test_gradients_agree_with_jax_in_both_modes(topic: str, name: str) -> None:
    table, side, answers = table_of(topic)
    function, operands = table.gradients()[name]
    close = table.tolerance.get(name)
    wrong = difference(name, lambda: side.gradient(function, operands), answers.get(f"grad of {name}"), close)
    assert not wrong, wrong
    f, xs = side.total(eval(function, dict(side.scope))), side.operands(f"[{operands}]")
    gradients = side.gradient(function, operands)
    ones = [axil.numpy.ones_like(x) for x in xs]
    _, forward = quietly(axil.jvp, f, tuple(xs), tuple(ones))
    total = sum(float(np.sum(np.real(np.asarray(g, complex)))) for g in gradients)
    np.testing.assert_allclose(float(forward), total, rtol=1e-3, atol=1e-3)


def groups(topic: str) -> list[list[tuple[str, str]]]:
    """The cases to compile, in programs of a bounded number."""
    cases = traceable(topic, "COMPILED")
    return [cases[i : i + GROUP] for i in range(0, len(cases), GROUP)]


PROGRAMS = [(topic, i) for topic in TOPICS for i in range(-(-len(Table(topic).cases) // GROUP))]


@pytest.mark.parametrize("topic, index", PROGRAMS, ids=[f"{t}-{i}" for t, i in PROGRAMS])
def test_compiled_is_as_eager(topic: str, index: int) -> None:
    table, side, _ = table_of(topic)
    programs = groups(topic)
    if index >= len(programs):
        pytest.skip("no more cases")
    cases = programs[index]
    operands = [quietly(side.operands, case) for _, case in cases]
    before = [[np.array(x) for x in xs] for xs in operands]
    eager = [recorded(side.evaluate, case) for _, case in cases]

    def program(*all_operands: Any) -> list[list[Any]]:
        return [side.function(case)(*xs) for (_, case), xs in zip(cases, all_operands)]

    results = quietly(axil.jit(program), *operands)
    found = [
        difference(case, partial(list, got), wanted, table.tolerance.get(name, 1e-4 if _wide(wanted) else 2e-2))
        for (name, case), got, wanted in zip(cases, results, eager)
    ]
    assert not any(found), "\n".join(filter(None, found))
    for xs, copies in zip(operands, before):
        for x, copy in zip(xs, copies):
            np.testing.assert_array_equal(np.asarray(x), copy, err_msg="an input was overwritten")


def _wide(wanted: Any) -> bool:
    """Whether all results have 32 bits or more."""
    return all(leaf[0] not in ("float16", "bfloat16") for leaf in wanted or [])
