"""How StableHLO ops become ops of the dialect where it takes more than another name.

A rule gets the importer, the op and its operands, which are imported already, and emits the replacement. What
an op's region computes is found by its one operation (reductions, scatters) or by trying it out on numbers
(comparators of sorts, arg-reductions), which no way of writing the region can mislead.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.compiler.functions import operations
from axil.dialects import avals as av
from axil.dialects.avals import dtype_of, is_complex, shape_of
from axil.dialects.dense import array_of_text
from axil.dialects.emit import constant, splat_value
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import ops
from axil.dialects.mlir import aval_of_type, from_attribute, ir, stablehlo_bindings

RULES: dict[str, Callable[[Any, ir.Operation, list], Any]] = {}
"""Import rules by the name of the StableHLO op."""


def rule(*names: str) -> Callable[..., Any]:
    """Register an import rule."""

    def register(f: Any) -> Any:
        RULES.update({f"stablehlo.{name}": f for name in names})
        return f

    return register


def unsupported(op: ir.Operation, why: str) -> AttributeValueError:
    """The error for a form of an op that has no counterpart."""
    return AttributeValueError(f"'{op.name}' cannot be imported: {why}")


def ints(op: ir.Operation, name: str) -> tuple[int, ...]:
    """An attribute that is a list of integers."""
    return from_attribute(op.attributes[name])


def result_aval(op: ir.Operation, i: int = 0) -> Any:
    """Aval of a result."""
    return aval_of_type(op.results[i].type)


def _simple(name: str, stablehlo: str, **renamed: str) -> None:
    """A rule for an op with the same attributes under other names."""

    def apply(importer: Any, op: ir.Operation, xs: list) -> Any:
        return getattr(ops, name)(*xs, **{k: from_attribute(op.attributes[a]) for k, a in renamed.items()})

    rule(stablehlo)(apply)


_simple("transpose", "transpose", permutation="permutation")
_simple("slice", "slice", starts="start_indices", limits="limit_indices", strides="strides")
_simple("pad", "pad", low="edge_padding_low", high="edge_padding_high", interior="interior_padding")
_simple("concatenate", "concatenate", axis="dimension")
_simple("reverse", "reverse", axes="dimensions")


# ---- shape and conversion ------------------------------------------------------------------------------


@rule("constant")
def _constant(importer: Any, op: ir.Operation, xs: list) -> Any:
    of = result_aval(op)
    if is_complex(of.dtype):  # the bindings cannot read complex attributes; their printed form can be
        return constant(array_of_text(op.get_asm(large_elements_limit=None), of))
    return ir.Operation.create(
        "axil.constant", results=[op.results[0].type], attributes={"value": op.attributes["value"]}
    ).results[0]


@rule("reshape")
def _reshape(importer: Any, op: ir.Operation, xs: list) -> Any:
    return ops.reshape(xs[0], shape=result_aval(op).shape)


@rule("broadcast_in_dim")
def _broadcast(importer: Any, op: ir.Operation, xs: list) -> Any:
    shape, dims = result_aval(op).shape, ints(op, "broadcast_dimensions")
    if list(dims) != sorted(dims):  # the dialect's dims ascend
        order = tuple(int(i) for i in np.argsort(dims))
        return ops.broadcast_in_dim(ops.transpose(xs[0], permutation=order), shape=shape, dims=tuple(sorted(dims)))
    return ops.broadcast_in_dim(xs[0], shape=shape, dims=dims)


@rule("iota")
def _iota(importer: Any, op: ir.Operation, xs: list) -> Any:
    of = result_aval(op)
    return ops.iota(shape=of.shape, axis=from_attribute(op.attributes["iota_dimension"]), dtype=of.dtype)


@rule("convert")
def _convert(importer: Any, op: ir.Operation, xs: list) -> Any:
    return ops.convert(xs[0], dtype=result_aval(op).dtype)


@rule("bitcast_convert")
def _bitcast(importer: Any, op: ir.Operation, xs: list) -> Any:
    return ops.bitcast(xs[0], dtype=result_aval(op).dtype)


@rule("optimization_barrier")
def _barrier(importer: Any, op: ir.Operation, xs: list) -> Any:
    number = len(importer.d.table)
    return [ops.optimization_barrier(x, id=number) for x in xs]


@rule("compare")
def _compare(importer: Any, op: ir.Operation, xs: list) -> Any:
    direction = stablehlo_bindings.ComparisonDirectionAttr(op.attributes["comparison_direction"]).value
    return getattr(ops, direction.lower())(*xs)


@rule("composite")
def _composite(importer: Any, op: ir.Operation, xs: list) -> Any:
    return importer.d.call(from_attribute(op.attributes["decomposition"]), xs)


# ---- contraction and reductions ------------------------------------------------------------------------


@rule("dot_general")
def _dot_general(importer: Any, op: ir.Operation, xs: list) -> Any:
    n = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    return ops.dot_general(
        *xs, lhs_batch=tuple(n.lhs_batching_dimensions), rhs_batch=tuple(n.rhs_batching_dimensions),
        lhs_contract=tuple(n.lhs_contracting_dimensions), rhs_contract=tuple(n.rhs_contracting_dimensions),
        dtype=result_aval(op).dtype,
    )  # fmt: skip


@rule("dot")
def _dot(importer: Any, op: ir.Operation, xs: list) -> Any:
    last = len(shape_of(xs[0])) - 1
    return ops.dot_general(
        *xs, lhs_batch=(), rhs_batch=(), lhs_contract=(last,), rhs_contract=(0,), dtype=result_aval(op).dtype
    )


@rule("fft")
def _fft(importer: Any, op: ir.Operation, xs: list) -> Any:
    kind = stablehlo_bindings.FftTypeAttr(op.attributes["fft_type"]).value
    return ops.fft(xs[0], kind=kind, fft_lengths=ints(op, "fft_length"))


REDUCTIONS: dict[str, tuple[str, str, str]] = {
    "add": ("reduce_sum", "add", "cumsum"), "multiply": ("reduce_prod", "mul", "cumprod"),
    "maximum": ("reduce_max", "max", "cummax"), "minimum": ("reduce_min", "min", "cummin"),
    "and": ("reduce_and", "and", ""), "or": ("reduce_or", "or", ""),
}  # fmt: skip
"""By the op of the region: the reduction, the same of two operands, and the cumulative one."""


def region_op(op: ir.Operation) -> str | None:
    """The op that a region of `(a, b) -> op(a, b)` applies; "" where it gives back `b`, `None` for anything else."""
    block = op.regions[0].blocks[0]
    arguments, body = list(block.arguments), operations(block)
    returned = list(body[-1].operands)
    if len(body) == 1 and len(arguments) == 2 and returned == [arguments[1]]:
        return ""
    if len(body) != 2 or len(arguments) != 2 or returned != list(body[0].results):
        return None
    if set(body[0].operands) != set(arguments):
        return None
    return body[0].name.removeprefix("stablehlo.")


@rule("reduce")
def _reduce(importer: Any, op: ir.Operation, xs: list) -> Any:
    axes = ints(op, "dimensions")
    if len(xs) == 4:
        return _arg_reduce(importer, op, xs, axes)
    combine = region_op(op)
    if len(xs) != 2 or combine not in REDUCTIONS:
        raise unsupported(op, f"reductions are imported by {', '.join(REDUCTIONS)} and as argmax and argmin")
    x, init = xs
    if av.is_bool(dtype_of(x)):
        combine = {"add": "or", "multiply": "and"}.get(combine, combine)
    reduction, binary, _ = REDUCTIONS[combine]
    y = getattr(ops, reduction)(x, axes=tuple(sorted(axes)))
    if is_neutral(init, reduction):
        return y
    return getattr(ops, binary)(ops.broadcast_in_dim(init, shape=shape_of(y), dims=()), y)


def is_neutral(init: ir.Value, reduction: str) -> bool:
    """Whether a reduction that starts at `init` is the plain one."""
    value = splat_value(init)
    if value is None:
        return False
    empty = np.zeros((0,), dtype_of(init))
    from axil.dialects.op import OPS

    return bool(value == np.asarray(OPS[reduction].reference(empty, axes=(0,))))


def _arg_reduce(importer: Any, op: ir.Operation, xs: list, axes: tuple[int, ...]) -> Any:
    """A reduction of (value, position) pairs: `argmax` or `argmin`, found out by trying."""
    x, positions, *_ = xs
    if len(axes) == 1 and _is_iota(positions, axes[0]):
        region = importer.outline("reducer", op.regions[0], [])
        for name, better in (("argmax", np.greater), ("argmin", np.less)):
            if _picks(importer, region, dtype_of(x), dtype_of(positions), better):
                found = getattr(ops, name)(x, axis=axes[0], dtype=dtype_of(positions))
                best = getattr(ops, {"argmax": "reduce_max", "argmin": "reduce_min"}[name])(x, axes=axes)
                return [best, found]
    raise unsupported(op, "of reductions of several operands only argmax and argmin are known")


def evaluate(importer: Any, function: str, operands: Sequence[Any]) -> list:
    """What an outlined region gives for some numbers."""
    return importer.interpreter.run(function, [np.asarray(x) for x in operands])


def trial_values(dtype: np.dtype) -> list:
    """Numbers on which regions are told apart: of both signs, large and small, whole and not."""
    values: list = [-5, -1, 0, 2, 7]
    if av.is_bool(dtype):
        values = [False, True]
    elif av.is_unsigned(dtype):
        values = [0, 1, 3, 7, 100]
    elif av.is_inexact(dtype):
        values = [-5, -0.75, 0, 0.25, 2, 2.5, 1000]
    return [np.asarray(v).astype(dtype) for v in values]


def _picks(importer: Any, region: str, dtype: np.dtype, index: np.dtype, better: Any) -> bool:
    """Whether a reducer keeps the better value, and of equal ones the first."""
    for a, b in itertools.product(trial_values(dtype), repeat=2):
        for i, j in ((0, 3), (3, 0)):
            value, position = evaluate(importer, region, [a, np.asarray(i, index), b, np.asarray(j, index)])
            first = better(a, b) or (a == b and i < j)
            if value != (a if better(a, b) or a == b else b) or position != (i if first else j):
                return False
    return True


# ---- indexing ------------------------------------------------------------------------------------------


def _starts(scalars: list) -> Any:
    vectors = [ops.reshape(s, shape=(1,)) for s in scalars]
    return ops.concatenate(*vectors, axis=0) if len(vectors) > 1 else vectors[0]


@rule("dynamic_slice")
def _dynamic_slice(importer: Any, op: ir.Operation, xs: list) -> Any:
    return ops.dynamic_slice(xs[0], _starts(xs[1:]), sizes=ints(op, "slice_sizes")) if len(xs) > 1 else xs[0]


@rule("dynamic_update_slice")
def _dynamic_update_slice(importer: Any, op: ir.Operation, xs: list) -> Any:
    return ops.dynamic_update_slice(xs[0], xs[1], _starts(xs[2:])) if len(xs) > 2 else xs[1]


def _index_vectors(indices: Any, dimension: int) -> Any:
    """Index vectors moved to the last dimension, where the dialect has them."""
    ndim = len(shape_of(indices))
    if dimension == ndim:
        return ops.reshape(indices, shape=(*shape_of(indices), 1))
    order = (*[d for d in range(ndim) if d != dimension], dimension)
    return indices if dimension == ndim - 1 else ops.transpose(indices, permutation=order)


@rule("gather")
def _gather(importer: Any, op: ir.Operation, xs: list) -> Any:
    n = stablehlo_bindings.GatherDimensionNumbers(op.attributes["dimension_numbers"])
    return ops.gather(
        xs[0], _index_vectors(xs[1], n.index_vector_dim), offset_dims=tuple(n.offset_dims),
        collapsed_slice_dims=tuple(n.collapsed_slice_dims), operand_batching_dims=tuple(n.operand_batching_dims),
        start_indices_batching_dims=tuple(n.start_indices_batching_dims), start_index_map=tuple(n.start_index_map),
        slice_sizes=ints(op, "slice_sizes"), mode="clip",
    )  # fmt: skip


_SCATTERS = {"": "scatter_set", "add": "scatter_add", "multiply": "scatter_mul", "minimum": "scatter_min",
             "maximum": "scatter_max"}  # fmt: skip


@rule("scatter")
def _scatter(importer: Any, op: ir.Operation, xs: list) -> Any:
    combine = region_op(op)
    if len(xs) != 3 or combine not in _SCATTERS:
        raise unsupported(op, "scatters are imported of one operand, that set, add, multiply, minimum or maximum")
    n = stablehlo_bindings.ScatterDimensionNumbers(op.attributes["scatter_dimension_numbers"])

    def flag(name: str) -> bool:
        return bool(from_attribute(op.attributes[name])) if name in op.attributes else False

    return getattr(ops, _SCATTERS[combine])(
        xs[0], _index_vectors(xs[1], n.index_vector_dim), xs[2], update_window_dims=tuple(n.update_window_dims),
        inserted_window_dims=tuple(n.inserted_window_dims), operand_batching_dims=tuple(n.input_batching_dims),
        scatter_indices_batching_dims=tuple(n.scatter_indices_batching_dims),
        scatter_dims_to_operand_dims=tuple(n.scattered_dims_to_operand_dims), mode="drop",
        unique=flag("unique_indices"), sorted=flag("indices_are_sorted"),
    )  # fmt: skip


@rule("sort")
def _sort(importer: Any, op: ir.Operation, xs: list) -> Any:
    """Comparators are tried out: ascending or descending by the first keys."""
    region = op.regions[0]
    if importer.captures(region):
        raise unsupported(op, "its comparator depends on values from outside")
    comparator = importer.outline("comparator", region, [])
    axis = from_attribute(op.attributes["dimension"])
    axis += len(shape_of(xs[0])) if axis < 0 else 0
    stable = bool(from_attribute(op.attributes["is_stable"])) if "is_stable" in op.attributes else False
    dtypes, last = [dtype_of(x) for x in xs], len(xs) - 1
    for keys in range(1, len(xs) + 1):
        for better in (np.less, np.greater):
            if _orders(importer, comparator, dtypes, range(keys), better):
                return _sorted(xs, axis, keys, stable, better is np.greater)
        # Positions as the last key make any sort a stable one.
        if _is_iota(xs[last], axis) and _orders(importer, comparator, dtypes, (*range(keys), last), np.less):
            return _sorted(xs, axis, keys, True, False)
    raise unsupported(op, "its comparator is not 'less' or 'greater' of its first operands")


def _is_iota(x: ir.Value, axis: int) -> bool:
    """Whether a value counts along an axis; our own lowering hides that behind an xor with a zero."""
    owner = x.owner
    if not isinstance(owner, ir.Block) and owner.name == "axil.xor" and _is_zero(owner.operands[1]):
        owner = owner.operands[0].owner
    if isinstance(owner, ir.Block) or owner.name != "axil.iota":
        return False
    return from_attribute(owner.attributes["axis"]) == axis


def _is_zero(x: ir.Value) -> bool:
    """Whether a value is a zero, perhaps behind a barrier."""
    owner = x.owner
    while not isinstance(owner, ir.Block) and owner.name in ("axil.broadcast_in_dim", "axil.optimization_barrier"):
        owner = owner.operands[0].owner
    return not isinstance(owner, ir.Block) and owner.name == "axil.constant" and not from_attribute(
        owner.attributes["value"]
    ).any()


def _orders(importer: Any, comparator: str, dtypes: list, keys: Sequence[int], better: Any) -> bool:
    """Whether a comparator is `better` on the operands `keys`, earlier ones deciding first."""
    pairs = [list(itertools.product(trial_values(d), repeat=2)) for d in dtypes]
    rng = random.Random(0)
    trials = [(p, *(rng.choice(more) for more in pairs[1:])) for p in pairs[0] for _ in range(8)]
    for trial in trials if len(dtypes) > 1 else zip(pairs[0]):
        (before,) = evaluate(importer, comparator, [x for pair in trial for x in pair])
        wanted = next((bool(better(*trial[k])) for k in keys if trial[k][0] != trial[k][1]), False)
        if bool(before) != wanted:
            return False
    return True


def _sorted(xs: list, axis: int, keys: int, stable: bool, descending: bool) -> list:
    """A descending sort is an ascending one of the reversed operands, reversed: that keeps it stable."""
    flip = lambda x: ops.reverse(x, axes=(axis,)) if descending else x
    results = ops.sort(*map(flip, xs), axis=axis, num_keys=keys, stable=stable)
    return [flip(y) for y in (results if isinstance(results, tuple) else (results,))]
