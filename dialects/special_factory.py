"""The factory of special functions of several real operands, given by formulas in two worlds.

Formulas are evaluated in f64 on CPUs, whatever the operands' dtype: a result in f32 is then right to its last bits,
and one formula serves all dtypes. Other devices may have no f64; they compute f32 and smaller in f32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects.errors import DifferentiationError
from axil.dialects.factories import Aval, Op, batch_elementwise, check_dtype, check_same, ops
from axil.dialects.factories import add_tangents as _sum
from axil.dialects.op import Sample
from axil.dialects.staged import Staged, formula_rule
from axil.dialects.staged_loop import lowering_for

Partial = Callable[..., Any]
"""`partial(y, *xs)`: the derivative of the result in one operand."""


def formula_op(
    name: str,
    summary: str,
    formula: Callable[..., Any],
    operands: Sequence[str],
    partials: Sequence[Partial | None],
    samples: tuple[Sample, ...],
    wide: bool = True,
    **more: Any,
) -> Op:
    """An elementwise op of real operands of one shape and dtype.

    `formula(*xs)` is in the arithmetic of `staged.py`. Where a partial derivative is `None`, asking for it is an error.
    Simple formulas lose nothing in f32: `wide=False` evaluates them in the operands' dtype, 16 bits in f32.
    """

    def infer(*xs: Aval) -> Aval:
        check_same(name, *xs)
        check_dtype(name, xs[0], "float")
        return xs[0]

    def jvp(y: Any, xs: Any, dxs: Any) -> Any:
        total = None
        for operand, partial, t in zip(operands, partials, dxs):
            if t is None:
                continue
            if partial is None:
                raise DifferentiationError(
                    f"'{name}' has no derivative in '{operand}'. If it is not wanted, stop it with "
                    f"axil.lax.stop_gradient({operand}), or differentiate in other arguments only (argnums=...)"
                )
            total = _sum(total, ops.mul(t, partial(y, *xs)))
        return total

    return Op(
        name=name, summary=summary, operands=tuple(operands), infer=infer, reference=in_numpy(formula, wide), jvp=jvp,
        batch=batch_elementwise(name), lower=in_stablehlo(formula, wide), samples=samples, flops=_flops,
        transcendental=True, **more,
    )  # fmt: skip


def _flops(x: Any, *rest: Any, **attributes: Any) -> float:
    return 100.0 * x.size


def in_numpy(formula: Callable[..., Any], wide: bool = True) -> Callable[..., Any]:
    """The formula as a reference."""

    def compute(*xs: np.ndarray) -> np.ndarray:
        of = xs[0].dtype
        inner = np.float64 if wide or of == np.float64 else np.float32
        with np.errstate(all="ignore"):
            operands = np.broadcast_arrays(*[np.asarray(x, inner) for x in xs])
            return np.asarray(formula(*operands)).astype(of)

    return compute


def in_stablehlo(formula: Callable[..., Any], wide: bool = True) -> Callable[..., Any]:
    """The formula as a lowering rule."""

    def lower(values: Any, results: Any, context: Any) -> Any:
        from axil.dialects import hlo
        from axil.dialects.avals import dtype_of

        of = dtype_of(values[0])
        in_f64 = of == np.float64 or (wide and context.platform == "cpu")
        inner = np.dtype(np.float64 if in_f64 else np.float32)
        operands = [v if of == inner else hlo.convert(v, inner) for v in values]
        with lowering_for(context):
            result = formula(*map(Staged, operands)).value
        return result if of == inner else hlo.convert(result, of)

    return formula_rule(lower)


def full(x: Any, value: float) -> Any:
    """A constant of the shape and dtype of `x`, in either world of formulas."""
    if not isinstance(x, Staged):
        return np.full(x.shape, value, x.dtype)
    from axil.dialects import hlo

    return Staged(hlo.splat(x.value.type, value))


def inverted(mask: Any) -> Any:
    """Where a condition does not hold."""
    return mask.op("not") if isinstance(mask, Staged) else ~mask


def at_all(formula: Callable[..., Any], xs: Sequence[Any]) -> list[Any]:
    """A formula at several arrays of one shape, written once: on all of them together, which compiles faster."""
    if not isinstance(xs[0], Staged):
        return list(formula(np.stack(xs)))
    from axil.dialects import hlo
    from axil.dialects.avals import shape_of

    shape, n = shape_of(xs[0].value), len(xs)
    rows = [hlo.reshape(x.value, (1, *shape)) for x in xs]
    y = formula(Staged(hlo.op("concatenate", *rows, dimension=hlo.integer(0)) if n > 1 else rows[0])).value
    rest = [0] * len(shape)
    parts = [hlo.slice_(y, [i, *rest], [i + 1, *shape]) for i in range(n)]
    return [Staged(hlo.reshape(part, shape)) for part in parts]


def eps(x: Any) -> float:
    """The distance from 1 to the next number of the dtype of `x`."""
    return float(np.finfo(x.dtype).eps)
