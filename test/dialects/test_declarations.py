"""Every declaration, checked by its own samples: a new op needs no new test.

Rules run on NumPy arrays, where a call of an op computes; only the last check compiles.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from compiled import CompileError, compile_cases
from samples import (
    Case,
    avals_of,
    cases,
    determined,
    function,
    function_of_case,
    module,
    operands,
    results,
    same_aval,
    seeded,
    widened,
)

from axil.dialects import avals as av
from axil.dialects.avals import aval_of
from axil.dialects.errors import DifferentiationError
from axil.dialects.mlir import parse_module, tensor_type
from axil.dialects.op import Linear

CASES = cases()
GROUP = 40
each = pytest.mark.parametrize("case", CASES, ids=[name for _, _, name in CASES])
each_smooth = pytest.mark.parametrize(
    "case", smooth := [c for c in CASES if c[1].grad and c[1].operands], ids=[name for _, _, name in smooth]
)
each_linear = pytest.mark.parametrize(
    "case", linear := [c for c in smooth if c[0].linear], ids=[name for _, _, name in linear]
)
each_with_operands = pytest.mark.parametrize(
    "case", some := [c for c in CASES if c[1].operands], ids=[name for _, _, name in some]
)


def subsets(candidates: list[int]) -> list[set[int]]:
    """Each candidate alone, and all of them."""
    return [{i} for i in candidates] + ([set(candidates)] if len(candidates) > 1 else [])


def smooth_operands(xs: list[np.ndarray]) -> list[int]:
    """Operands that have tangents."""
    return [i for i, x in enumerate(xs) if av.is_inexact(x.dtype)]


def linear_operands(case: Case, xs: list[np.ndarray]) -> list[int]:
    """Operands in which the op is linear, and which have tangents."""
    return [i for i in case[0].linear_operands(len(xs)) if i in smooth_operands(xs)]


def draw_like(x: Any, rng: np.random.Generator) -> np.ndarray:
    """A random direction in the space of `x`."""
    d = rng.standard_normal(np.shape(x))
    return np.asarray(d + 1j * rng.standard_normal(np.shape(x)) if av.is_complex(x.dtype) else d).astype(
        x.dtype
    )


def inner(a: Any, b: Any) -> float:
    """Real part of the sum of products: the pairing in which transposes are adjoint, as in JAX."""
    return np.real(np.sum(np.asarray(a) * np.asarray(b)))


# ---- avals and text ------------------------------------------------------------------------------------


@each
def test_reference_has_the_inferred_avals(case: Case) -> None:
    op, sample, _ = case
    inferred = op.result_avals(avals_of(sample), sample.attributes)
    got = results(op(*operands(case), **sample.attributes))
    assert [aval_of(y) for y in got] == list(inferred)


@each
def test_round_trip_through_text(case: Case) -> None:
    made = module(lambda: function_of_case(case, "f"))
    assert made.operation.verify()
    assert str(parse_module(str(made))).rstrip() == str(made).rstrip()


@each
def test_simplification_keeps_the_type(case: Case) -> None:
    op, sample, _ = case

    def body(*xs: Any) -> Any:
        y = op(*xs, **sample.attributes)
        simpler = op.simplify(list(xs), sample.attributes, y)
        assert simpler is None or simpler.type == y.type
        return simpler

    if op.simplify is not None:
        assert module(lambda: function("f", avals_of(sample), body)).operation.verify()


# ---- derivatives ---------------------------------------------------------------------------------------


@each_smooth
def test_jvp_is_the_finite_difference(case: Case) -> None:
    op, step = case[0], 1e-6
    xs, attributes = widened(case)
    y, rng = op(*xs, **attributes), seeded(case[2] + "tangent")
    directions = [draw_like(x, rng) if i in smooth_operands(xs) else None for i, x in enumerate(xs)]
    for chosen in subsets(smooth_operands(xs)):
        dxs = [d if i in chosen else None for i, d in enumerate(directions)]
        ends = []
        for sign in (1, -1):
            moved = [x if d is None else (x + sign * step * d).astype(x.dtype) for x, d in zip(xs, dxs)]
            ends.append(results(op(*moved, **attributes)))
        got = op.jvp(y, xs, dxs, **attributes)
        tangents = [None] * len(ends[0]) if got is None else results(got)
        assert len(tangents) == len(ends[0])
        for value, dy, after, before in zip(results(y), tangents, *ends):
            if not av.is_inexact(value.dtype):
                assert dy is None
                continue
            assert dy is None or same_aval(dy, value)
            if op.determined is None:
                numeric = (after - before) / (2 * step)
                np.testing.assert_allclose(np.zeros_like(value) if dy is None else dy, numeric, 1e-5, 1e-7)
        if op.determined is not None:
            check_determined_tangents(case, results(y), tangents, ends)


def check_determined_tangents(case: Case, ys: list, tangents: list, ends: list) -> None:
    """What is unique of the results moves with the tangents as it does with the operands."""
    step, after, before = 1e-6, *(determined(case, end) for end in ends)
    along = [
        determined(case, [y if dy is None else y + sign * step * dy for y, dy in zip(ys, tangents)]) for sign in (1, -1)
    ]
    for a, b, c, d in zip(*along, after, before):
        np.testing.assert_allclose((a - b) / (2 * step), (c - d) / (2 * step), 1e-5, 1e-7)


@each_smooth
def test_jvp_of_no_tangents_is_none(case: Case) -> None:
    xs, attributes = widened(case)
    got = case[0].jvp(case[0](*xs, **attributes), xs, [None] * len(xs), **attributes)
    assert got is None or all(dy is None for dy in results(got))


@each_linear
def test_transpose_is_the_adjoint(case: Case) -> None:
    op = case[0]
    xs, attributes = widened(case)
    rng = seeded(case[2] + "cotangent")
    for chosen in subsets(linear_operands(case, xs)):
        directions = [draw_like(x, rng) if i in chosen else x for i, x in enumerate(xs)]
        origin = [np.zeros_like(x) if i in chosen else x for i, x in enumerate(xs)]
        moved, zero = results(op(*directions, **attributes)), results(op(*origin, **attributes))
        twice = results(op(*[x * 2 if i in chosen else x for i, x in enumerate(directions)], **attributes))
        if not all(np.allclose(t - z, 2 * (m - z)) for t, m, z in zip(twice, moved, zero)):
            assert len(chosen) > 1, f"'{op.name}' says it is linear in operand {chosen} and is not"
            continue  # linear in each of these operands, and not in all of them together
        cts = [draw_like(m, rng) for m in moved]
        stand_ins = [Linear(aval_of(x)) if i in chosen else x for i, x in enumerate(xs)]
        back = op.transpose(cts[0] if len(cts) == 1 else tuple(cts), stand_ins, **attributes)
        assert len(back) == len(xs)
        assert all(back[i] is None for i in range(len(xs)) if i not in chosen)
        assert all(back[i] is None or same_aval(back[i], xs[i]) for i in chosen)
        forward = sum(inner(m - z, ct) for m, z, ct in zip(moved, zero, cts))
        backward = sum(inner(directions[i], back[i]) for i in chosen if back[i] is not None)
        np.testing.assert_allclose(backward, forward, 1e-9, 1e-9)


# ---- batching ------------------------------------------------------------------------------------------


@each_with_operands
def test_batching_is_a_loop(case: Case) -> None:
    op, sample, _ = case
    size, count = 3, len(sample.operands)
    for chosen in subsets(list(range(count))):
        batched = [i in chosen for i in range(count)]
        xs = operands(case, batched, size)
        got = results(op.batch(size, xs, batched, **sample.attributes))
        rows = [
            results(op(*[x[i] if b else x for x, b in zip(xs, batched)], **sample.attributes))
            for i in range(size)
        ]
        assert len(got) == len(rows[0])
        wanted = [np.stack(parts) for parts in zip(*rows)]
        for y, want in zip(got, wanted):
            assert aval_of(y) is aval_of(want), f"batched operands: {batched}"
        for y, want in zip(determined(case, got), determined(case, wanted)):
            check_close(y, want)


# ---- rules on MLIR values ------------------------------------------------------------------------------


@each_with_operands
def test_rules_emit_what_they_compute(case: Case) -> None:
    """Batching, JVP and transpose rules emit valid ops whose results have the types that they should have."""
    op, sample, _ = case
    avals, count = avals_of(sample), len(sample.operands)
    inferred = list(op.result_avals(avals, sample.attributes))
    tangible = [i for i, a in enumerate(avals) if av.is_inexact(a.dtype)]

    def batch(*xs: Any) -> Any:
        got = op.batch(3, list(xs), [True] * count, **sample.attributes)
        assert [y.type for y in results(got)] == [tensor_type(a.with_shape((3, *a.shape))) for a in inferred]
        return got

    def jvp(*xs: Any) -> Any:
        primals, tangents = xs[:count], iter(xs[count:])
        dxs = [next(tangents) if i in tangible else None for i in range(count)]
        try:
            got = op.jvp(op(*primals, **sample.attributes), primals, dxs, **sample.attributes)
        except DifferentiationError:  # the rule refuses an operand, and its samples say so
            assert not sample.grad
            return None
        tangents_out = results(got) if got is not None else []
        assert all(dy is None or dy.type == tensor_type(a) for dy, a in zip(tangents_out, inferred))
        return got

    def transpose(*xs: Any) -> Any:
        one = next(i for i in op.linear_operands(count) if i in tangible)
        stand_ins = [Linear(avals[i]) if i == one else x for i, x in enumerate(xs[:count])]
        cts = xs[count:]
        got = op.transpose(cts[0] if len(cts) == 1 else tuple(cts), stand_ins, **sample.attributes)
        assert got[one] is None or got[one].type == tensor_type(avals[one])
        return got[one]

    def build() -> None:
        function("batch", [a.with_shape((3, *a.shape)) for a in avals], batch)
        function("jvp", [*avals, *(avals[i] for i in tangible)], jvp)
        if set(op.linear_operands(count)) & set(tangible):
            function("transpose", [*avals, *inferred], transpose)

    assert module(build).operation.verify()


# ---- compiled ------------------------------------------------------------------------------------------


@cache
def compiled_group(index: int) -> Any:
    """The modules that hold the cases of one group, by case."""
    return compile_cases(CASES[index * GROUP : (index + 1) * GROUP])


@pytest.mark.parametrize("index", range(len(CASES)), ids=[name for _, _, name in CASES])
def test_compiled_is_the_reference(index: int) -> None:
    op, sample, name = CASES[index]
    xs = operands(CASES[index])
    want = results(op(*xs, **sample.attributes))
    compiled = compiled_group(index // GROUP)[name]
    if isinstance(compiled, CompileError):
        raise compiled
    got, after = compiled.run(name, xs, len(want))
    for y, w in zip(got, want):
        assert aval_of(y) is aval_of(w)
    for y, w in zip(determined(CASES[index], got), determined(CASES[index], want)):
        check_close(y, w)
    for x, still in zip(xs, after):
        assert x.tobytes() == still.tobytes(), "the compiled program wrote into its operand"


def check_close(got: Any, want: Any) -> None:
    """Equal within what the dtype resolves; integers exactly."""
    if not av.is_inexact(want.dtype):
        np.testing.assert_array_equal(got, want)
        return
    width = want.dtype.itemsize // 2 if av.is_complex(want.dtype) else want.dtype.itemsize
    tolerance = {1: 0.1, 2: 1e-2, 4: 1e-5}.get(width, 1e-10)
    wide = np.complex128 if av.is_complex(want.dtype) else np.float64
    np.testing.assert_allclose(
        np.asarray(got).astype(wide), np.asarray(want).astype(wide), tolerance, tolerance
    )
