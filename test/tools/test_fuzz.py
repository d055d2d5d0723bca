"""Random programs over all ops: 300 of them agree in the reference, compiled, under `vmap` and differentiated."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from conftest import Command

from axil.tools import fuzz, fuzz_checks
from axil.tools.fuzz_programs import Input, Program, Step, generate, needed, run, widened

GROUPS, EACH, STEPS = 15, 20, 2


def declared() -> Any:
    """All ops, whichever tests have run before."""
    from axil.dialects.op import OPS

    generate(np.random.default_rng(0), 1)
    return OPS


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_programs(axil: Command, group: int) -> None:
    result = axil("fuzz", "--seed", "7", "--first", group * EACH, "--count", EACH, "--steps", STEPS)
    assert result.status == 0, result.out
    assert f"{EACH} programs" in result.out


def test_a_number_always_gives_the_same_program() -> None:
    assert fuzz.program(3, 5, 4).text() == fuzz.program(3, 5, 4).text() != fuzz.program(3, 6, 4).text()


def test_programs_use_most_of_the_ops() -> None:
    from axil.tools import fuzz_programs

    used = {step.name for i in range(150) for step in generate(np.random.default_rng([1, i]), 6).steps}
    chosen = {op.name for op in fuzz_programs._ops()[0]}
    assert len(used & chosen) > 0.6 * len(chosen)


def test_what_a_value_depends_on() -> None:
    x = Input(fuzz_checks.av.aval((2,), np.dtype(np.float32)))
    whole = Program((x, x), (Step("sin", (0,)), Step("cos", (1,)), Step("neg", (3,))), (2, 4))
    part = needed(whole, 4)
    assert [s.name for s in part.steps] == ["cos", "neg"] and len(part.inputs) == 1
    with fuzz_checks.quiet():
        xs = fuzz_checks.arrays(whole, (0,))
        np.testing.assert_array_equal(run(whole, xs)[1], run(part, xs[1:])[0])
    assert "f64" in widened(whole).text()


def test_a_wrong_derivative_is_found() -> None:
    ops = declared()
    x = Input(fuzz_checks.av.aval((3,), np.dtype(np.float32)))
    right, wrong = (Program((x,), (Step(name, (0,)),), (1,)) for name in ("sinh", "asinh"))
    rule = ops["asinh"].jvp
    object.__setattr__(ops["asinh"], "jvp", lambda y, xs, dxs: ops["mul"](dxs[0], y))
    try:
        with fuzz_checks.quiet():
            assert fuzz_checks.check_derivatives(right, 0) is None
            found = fuzz_checks.check_derivatives(wrong, 0)
    finally:
        object.__setattr__(ops["asinh"], "jvp", rule)
    assert found is not None and found[0] == "forward mode"


def test_a_wrong_result_is_found() -> None:
    difference = fuzz_checks._difference
    right, wrong = np.array([1.0, 2.0], np.float32), np.array([1.0, 2.1], np.float32)
    assert difference([right], [right], [0.0]) == ""
    assert "element 1" in difference([wrong], [right], [0.0])
    assert difference([wrong], [right], [0.01]) == ""  # what rounding explains is not wrong
    assert re.match("result 0 is", difference([right.astype(np.float64)], [right], [0.0]))


def test_only_dependent_columns_excuse_a_factorisation() -> None:
    ops = declared()
    single = np.dtype(np.float32)
    x, taller, column = (Input(fuzz_checks.av.aval(shape, single)) for shape in ((3, 2), (4, 2), (3,)))
    spread = Step("broadcast_in_dim", (0,), {"shape": (3, 2), "dims": (0,)})
    for name, attributes in (("qr", {"full_matrices": False}), ("geqrf", {})):
        whole, other = (Program((i,), (Step(name, (0,), attributes, count=2),), (1, 2)) for i in (x, taller))
        dependent = Program((column,), (spread, Step(name, (1,), attributes, count=2)), (2, 3))
        rule = ops[name].jvp
        with fuzz_checks.quiet():
            for of, loose in ((whole, False), (dependent, True)):
                xs = fuzz_checks.arrays(of, (0,))
                slack = fuzz_checks._sensitivity(of, xs, fuzz_checks.reference(of, xs))
                assert (max(slack) > 0.1) is loose, (name, slack)
                assert fuzz_checks.check_derivatives(of, 1) is None
            try:
                wrong = lambda y, xs, dxs, rule=rule, **more: [ops["neg"](t) for t in rule(y, xs, dxs, **more)]
                object.__setattr__(ops[name], "jvp", wrong)
                found = fuzz_checks.check_derivatives(other, 1)
            finally:
                object.__setattr__(ops[name], "jvp", rule)
        assert found is not None and found[0] == "forward mode"


def test_programs_are_shown(axil: Command) -> None:
    result = axil("fuzz", "--show", "--count", 1, "--seed", 2)
    assert result.status == 0 and result.out.startswith("program 2:0") and "return" in result.out
