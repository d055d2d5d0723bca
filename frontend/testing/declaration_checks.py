"""The checks that follow from a declaration, each for one of its samples. They raise `AssertionError`.

Rules run on NumPy arrays, where a call of an op computes; only `check_compiled` compiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import aval_of
from axil.dialects.errors import DifferentiationError
from axil.dialects.mlir import parse_module, tensor_type
from axil.dialects.op import Linear
from axil.testing.compiled import Compiled
from axil.testing.samples import (
    Case,
    avals_of,
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

_STEP = 1e-6
"""Of finite differences, which are taken in double precision."""


def require(holds: bool, message: str) -> None:
    """Raise `AssertionError` with a message where something does not hold."""
    if not holds:
        raise AssertionError(message)


# ---- avals and text ------------------------------------------------------------------------------------


def check_reference_avals(case: Case) -> None:
    """The reference gives arrays of the inferred shapes and dtypes."""
    op, sample, _ = case
    inferred = list(op.result_avals(avals_of(sample), sample.attributes))
    got = [aval_of(y) for y in results(op(*operands(case), **sample.attributes))]
    require(got == inferred, f"the reference gives {got}, infer says {inferred}")


def check_text(case: Case) -> None:
    """The op verifies, and reading its text gives it again."""
    made = module(lambda: function_of_case(case, "f"))
    require(made.operation.verify(), "MLIR's verifier refuses the op")
    again = str(parse_module(str(made))).rstrip()
    require(again == str(made).rstrip(), f"reading its text gives something else:\n{made}\n{again}")


def check_simplification(case: Case) -> None:
    """A simpler value has the type of the result."""
    op, sample, _ = case
    if op.simplify is None:
        return

    def body(*xs: Any) -> Any:
        y = op(*xs, **sample.attributes)
        simpler = op.simplify(list(xs), sample.attributes, y)  # type: ignore[misc]
        require(simpler is None or simpler.type == y.type, f"simplify gives {simpler} for a result of type {y.type}")
        return simpler

    require(module(lambda: function("f", avals_of(sample), body)).operation.verify(), "simplify emits invalid ops")


# ---- derivatives ---------------------------------------------------------------------------------------


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
    return np.asarray(d + 1j * rng.standard_normal(np.shape(x)) if av.is_complex(x.dtype) else d).astype(x.dtype)


def inner(a: Any, b: Any) -> float:
    """Real part of the sum of products: the pairing in which transposes are adjoint, as in JAX."""
    return np.real(np.sum(np.asarray(a) * np.asarray(b)))


def check_jvp(case: Case) -> None:
    """The JVP rule is the finite difference, in each operand alone and in all."""
    op = case[0]
    xs, attributes = widened(case)
    y, rng = op(*xs, **attributes), seeded(case[2] + "tangent")
    directions = [draw_like(x, rng) if i in smooth_operands(xs) else None for i, x in enumerate(xs)]
    for chosen in subsets(smooth_operands(xs)):
        dxs = [d if i in chosen else None for i, d in enumerate(directions)]
        ends = []
        for sign in (1, -1):
            moved = [x if d is None else (x + sign * _STEP * d).astype(x.dtype) for x, d in zip(xs, dxs)]
            ends.append(results(op(*moved, **attributes)))
        got = op.jvp(y, xs, dxs, **attributes)
        tangents = [None] * len(ends[0]) if got is None else results(got)
        require(len(tangents) == len(ends[0]), f"jvp gives {len(tangents)} tangents of {len(ends[0])} results")
        for value, dy, after, before in zip(results(y), tangents, *ends):
            _check_tangent(op, chosen, value, dy, after, before)
        if op.determined is not None:
            _check_determined_tangents(case, results(y), tangents, ends)


def _check_tangent(op: Any, chosen: set[int], value: Any, dy: Any, after: Any, before: Any) -> None:
    if not av.is_inexact(value.dtype):
        require(dy is None, f"jvp gives a tangent of a result of dtype {value.dtype}")
        return
    require(dy is None or same_aval(dy, value), f"jvp gives a tangent {dy!r} of a result {value!r}")
    if op.determined is None:
        numeric = (after - before) / (2 * _STEP)
        tangent = np.zeros_like(value) if dy is None else dy
        np.testing.assert_allclose(tangent, numeric, 1e-5, 1e-7, err_msg=f"jvp in operands {sorted(chosen)}")


def _check_determined_tangents(case: Case, ys: list, tangents: list, ends: list) -> None:
    """What is unique of the results moves with the tangents as it does with the operands."""
    after, before = (determined(case, end) for end in ends)
    along = [
        determined(case, [y if dy is None else y + sign * _STEP * dy for y, dy in zip(ys, tangents)])
        for sign in (1, -1)
    ]
    for a, b, c, d in zip(*along, after, before):
        np.testing.assert_allclose((a - b) / (2 * _STEP), (c - d) / (2 * _STEP), 1e-5, 1e-7)


def check_zero_tangents(case: Case) -> None:
    """No tangents in, none out: zeros are never materialised."""
    xs, attributes = widened(case)
    got = case[0].jvp(case[0](*xs, **attributes), xs, [None] * len(xs), **attributes)
    require(got is None or all(dy is None for dy in results(got)), f"jvp of no tangents gives {got!r}, not None")


def check_second_order(case: Case) -> None:
    """Derivatives of the derivative, forward over forward and reverse over forward, are finite differences of it."""
    import axil
    from axil.core import DerivativeError, as_array, bind

    op = case[0]
    if op.determined is not None:
        return  # what is not unique has no derivative to compare
    with axil.enable_x64(True):
        xs, attributes = widened(case)
        rng, moving = seeded(case[2] + "second"), smooth_operands(xs)
        first, second = ([draw_like(xs[i], rng) for i in moving] for _ in range(2))
        weights = [draw_like(y, rng) if av.is_inexact(y.dtype) else None for y in results(op(*xs, **attributes))]

        def slope(*points: Any) -> Any:
            """A number made of the directional derivatives of all results."""

            def of(*moved: Any) -> Any:
                values = list(map(as_array, xs))
                for i, x in zip(moving, moved):
                    values[i] = x
                return bind(op, *values, **attributes)

            tangents = axil.jvp(of, points, tuple(map(as_array, first)))[1]
            pairs = [(t, w) for t, w in zip(results(tangents), weights) if w is not None]
            parts = [axil.numpy.sum(axil.numpy.real(t * w)) for t, w in pairs]
            return sum(parts[1:], parts[0])

        points = tuple(as_array(xs[i]) for i in moving)
        if all(w is None for w in weights):
            return
        try:
            forward = float(axil.jvp(slope, points, tuple(map(as_array, second)))[1])
            gradients = axil.vjp(slope, *points)[1](as_array(np.float64(1)))
        except DerivativeError:
            return  # an op may refuse a second derivative; what it says is tested elsewhere
        ends = [slope(*[as_array(x + s * _STEP * d) for x, d in zip(points, second)]) for s in (1, -1)]
        numeric = (float(ends[0]) - float(ends[1])) / (2 * _STEP)
        backward = sum(inner(np.asarray(g), d) for g, d in zip(gradients, second))
        np.testing.assert_allclose(forward, numeric, 1e-4, 1e-5, err_msg="forward over forward")
        np.testing.assert_allclose(backward, numeric, 1e-4, 1e-5, err_msg="reverse over forward")


def check_transpose(case: Case) -> None:
    """The transpose rule is the adjoint: <f(x), y> = <x, f*(y)>."""
    op = case[0]
    xs, attributes = widened(case)
    rng = seeded(case[2] + "cotangent")
    for chosen in subsets(linear_operands(case, xs)):
        directions = [draw_like(x, rng) if i in chosen else x for i, x in enumerate(xs)]
        origin = [np.zeros_like(x) if i in chosen else x for i, x in enumerate(xs)]
        moved, zero = results(op(*directions, **attributes)), results(op(*origin, **attributes))
        twice = results(op(*[x * 2 if i in chosen else x for i, x in enumerate(directions)], **attributes))
        if not all(np.allclose(t - z, 2 * (m - z)) for t, m, z in zip(twice, moved, zero)):
            require(len(chosen) > 1, f"'{op.name}' says it is linear in operand {chosen} and is not")
            continue  # linear in each of these operands, and not in all of them together
        cts = [draw_like(m, rng) for m in moved]
        stand_ins = [Linear(aval_of(x)) if i in chosen else x for i, x in enumerate(xs)]
        back = op.transpose(cts[0] if len(cts) == 1 else tuple(cts), stand_ins, **attributes)  # type: ignore[misc]
        require(len(back) == len(xs), f"transpose gives {len(back)} cotangents of {len(xs)} operands")
        for i, ct in enumerate(back):
            require(ct is None or i in chosen, f"transpose gives a cotangent of operand {i}, which has a value")
            require(ct is None or same_aval(ct, xs[i]), f"transpose gives {ct!r} for operand {i}, {aval_of(xs[i])}")
        forward = sum(inner(m - z, ct) for m, z, ct in zip(moved, zero, cts))
        backward = sum(inner(directions[i], back[i]) for i in chosen if back[i] is not None)
        what = f"transpose in operands {sorted(chosen)} is not the adjoint"
        np.testing.assert_allclose(backward, forward, 1e-9, 1e-9, err_msg=what)


# ---- batching ------------------------------------------------------------------------------------------


def check_batching(case: Case) -> None:
    """The batching rule is a loop, over each operand alone and over all."""
    op, sample, _ = case
    size = 3
    for chosen in subsets(list(range(len(sample.operands)))):
        batched = [i in chosen for i in range(len(sample.operands))]
        xs = operands(case, batched, size)
        got = results(op.batch(size, xs, batched, **sample.attributes))
        rows = [
            results(op(*[x[i] if b else x for x, b in zip(xs, batched)], **sample.attributes)) for i in range(size)
        ]
        require(len(got) == len(rows[0]), f"batch gives {len(got)} results, not {len(rows[0])}")
        wanted = [np.stack(parts) for parts in zip(*rows)]
        for y, want in zip(got, wanted):
            text = f"batch of operands {sorted(chosen)} gives {aval_of(y)}, not {aval_of(want)}"
            require(aval_of(y) is aval_of(want), text)
        for y, want in zip(determined(case, got), determined(case, wanted)):
            check_close(y, want, f"batch of operands {sorted(chosen)}")


# ---- rules on MLIR values ------------------------------------------------------------------------------


def check_emitting(case: Case) -> None:
    """Batching, JVP and transpose rules emit valid ops whose results have the types that they should have."""
    op, sample, _ = case
    avals, count = avals_of(sample), len(sample.operands)
    inferred = list(op.result_avals(avals, sample.attributes))
    tangible = [i for i, a in enumerate(avals) if av.is_inexact(a.dtype)]

    def batch(*xs: Any) -> Any:
        got = op.batch(3, list(xs), [True] * count, **sample.attributes)
        wanted = [tensor_type(a.with_shape((3, *a.shape))) for a in inferred]
        require([y.type for y in results(got)] == wanted, f"batch emits {results(got)}, not {wanted}")
        return got

    def jvp(*xs: Any) -> Any:
        primals, tangents = xs[:count], iter(xs[count:])
        dxs = [next(tangents) if i in tangible else None for i in range(count)]
        try:
            got = op.jvp(op(*primals, **sample.attributes), primals, dxs, **sample.attributes)
        except DifferentiationError as e:  # the rule refuses an operand, and its samples say so
            require(not sample.grad, f"jvp refuses, and the sample does not say grad=False: {e}")
            return None
        tangents_out = results(got) if got is not None else []
        fits = all(dy is None or dy.type == tensor_type(a) for dy, a in zip(tangents_out, inferred))
        require(fits, f"jvp emits {tangents_out}, not tangents of {inferred}")
        return got

    def transpose(*xs: Any) -> Any:
        one = next(i for i in op.linear_operands(count) if i in tangible)
        stand_ins = [Linear(avals[i]) if i == one else x for i, x in enumerate(xs[:count])]
        cts = xs[count:]
        ct = cts[0] if len(cts) == 1 else tuple(cts)
        got = op.transpose(ct, stand_ins, **sample.attributes)  # type: ignore[misc]
        fits = got[one] is None or got[one].type == tensor_type(avals[one])
        require(fits, f"transpose emits {got[one]}, not a cotangent of {avals[one]}")
        return got[one]

    def build() -> None:
        function("batch", [a.with_shape((3, *a.shape)) for a in avals], batch)
        function("jvp", [*avals, *(avals[i] for i in tangible)], jvp)
        if set(op.linear_operands(count)) & set(tangible):
            function("transpose", [*avals, *inferred], transpose)

    require(module(build).operation.verify(), "the rules emit invalid ops")


# ---- compiled ------------------------------------------------------------------------------------------


def check_compiled(case: Case, compiled: Compiled | None = None) -> None:
    """The compiled op gives what the reference gives, and leaves its operands as they were."""
    op, sample, name = case
    xs = operands(case)
    want = results(op(*xs, **sample.attributes))
    got, after = (compiled or Compiled([case])).run(name, xs, len(want))
    for y, w in zip(got, want):
        require(aval_of(y) is aval_of(w), f"compiled, the op gives {aval_of(y)}, not {aval_of(w)}")
    for y, w in zip(determined(case, got), determined(case, want)):
        check_close(y, w, "compiled")
    for i, (x, still) in enumerate(zip(xs, after)):
        require(x.tobytes() == still.tobytes(), f"the compiled op wrote into operand {i}")


def check_close(got: Any, want: Any, what: str = "") -> None:
    """Equal within what the dtype resolves; integers exactly."""
    if not av.is_inexact(want.dtype):
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    width = want.dtype.itemsize // 2 if av.is_complex(want.dtype) else want.dtype.itemsize
    tolerance = {1: 0.1, 2: 1e-2, 4: 1e-5}.get(width, 1e-10)
    wide = np.complex128 if av.is_complex(want.dtype) else np.float64
    got, want = np.asarray(got).astype(wide), np.asarray(want).astype(wide)
    np.testing.assert_allclose(got, want, tolerance, tolerance, err_msg=what)


# ---- which check concerns which case -------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A check, and the cases that it concerns."""

    run: Callable[[Case], None]
    concerns: Callable[[Case], bool]


def _has_operands(case: Case) -> bool:
    return bool(case[1].operands)


def _is_smooth(case: Case) -> bool:
    return case[1].grad and _has_operands(case)


def _is_linear(case: Case) -> bool:
    return _is_smooth(case) and bool(case[0].linear)


CHECKS = {
    "reference avals": Check(check_reference_avals, lambda case: True),
    "text": Check(check_text, lambda case: True),
    "simplification": Check(check_simplification, lambda case: case[0].simplify is not None),
    "jvp": Check(check_jvp, _is_smooth),
    "zero tangents": Check(check_zero_tangents, _is_smooth),
    "second order": Check(check_second_order, _is_smooth),
    "transpose": Check(check_transpose, _is_linear),
    "batching": Check(check_batching, _has_operands),
    "emitting": Check(check_emitting, _has_operands),
}
"""All checks but the compiled one, which can be shared by many cases (see `Compiled`)."""
