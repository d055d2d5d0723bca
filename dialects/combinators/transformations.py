"""The transformations: combinators that expansion removes.

Their types are declared here; the traversals that write their bodies are `axil.compiler.passes.jvp`,
`.linearize` (which `vjp` uses), `.transpose` and `.vmap`. They look every rule up in the declarations.
"""

from __future__ import annotations

from axil.dialects.avals import Aval, is_inexact
from axil.dialects.combinators.combinator import Combinator, Signature, differentiable
from axil.dialects.combinators.error_state import CODE
from axil.dialects.errors import DifferentiationError, ShapeError


def _check_distinct(name: str, parameter: str, positions: tuple[int, ...]) -> None:
    if len(set(positions)) < len(positions):
        raise ShapeError(f"'{name}': {parameter} = {list(positions)} names an operand twice")


def _check_wrt(name: str, of: Signature, wrt: tuple[int, ...]) -> None:
    _check_distinct(name, "wrt", wrt)
    for i in wrt:
        if not 0 <= i < len(of.inputs):
            raise ShapeError(f"'{name}': wrt = {i}, but the function has {len(of.inputs)} operands")
        if not is_inexact(of.inputs[i].dtype):
            raise DifferentiationError(
                f"'{name}' differentiates with respect to floating point operands, but operand {i} is {of.inputs[i]}"
            )


def _jvp_signature(functions: list[Signature], *, wrt: tuple[int, ...], name: str = "jvp") -> Signature:
    (of,) = functions
    _check_wrt(name, of, wrt)
    tangents = tuple(of.inputs[i] for i in wrt)
    return Signature(of.inputs + tangents, of.outputs + tuple(of.outputs[i] for i in differentiable(of.outputs)))


def _vjp_signature(functions: list[Signature], *, wrt: tuple[int, ...], outs: tuple[int, ...]) -> Signature:
    (of,) = functions
    _check_wrt("vjp", of, wrt)
    for i in outs:
        if not 0 <= i < len(of.outputs) or not is_inexact(of.outputs[i].dtype):
            raise DifferentiationError(f"'vjp': output {i} does not exist or is not floating point: {of.outputs}")
    cotangents = tuple(of.outputs[i] for i in outs)
    return Signature(of.inputs + cotangents, of.outputs + tuple(of.inputs[i] for i in wrt))


def _transpose_signature(functions: list[Signature], *, linear: tuple[int, ...]) -> Signature:
    (of,) = functions
    _check_distinct("transpose", "linear", linear)
    for i in linear:
        if not 0 <= i < len(of.inputs):
            raise ShapeError(f"'transpose': linear = {i}, but the function has {len(of.inputs)} operands")
    kept = tuple(a for i, a in enumerate(of.inputs) if i not in linear)
    return Signature(kept + of.outputs, tuple(of.inputs[i] for i in linear))


def _jet_signature(functions: list[Signature], *, wrt: tuple[int, ...], order: int) -> Signature:
    (of,) = functions
    _check_wrt("jet", of, wrt)
    if order < 0:
        raise ShapeError(f"'jet': order = {order}, and must not be negative")
    inputs = [of.inputs[i] for i in wrt for _ in range(order)]
    return Signature((*of.inputs, *inputs), (*of.outputs, *[
        of.outputs[i] for i in differentiable(of.outputs) for _ in range(order)
    ]))  # fmt: skip


def _batch_aval(a: Aval, size: int, axis: int) -> Aval:
    if axis < 0:
        return a
    if axis > a.ndim:
        raise ShapeError(f"'vmap': axis {axis} is out of range for {a} with a batch dimension")
    return a.with_shape((*a.shape[:axis], size, *a.shape[axis:]))


def _vmap_signature(
    functions: list[Signature], *, in_axes: tuple[int, ...], out_axes: tuple[int, ...], size: int, axis_name: str
) -> Signature:
    (of,) = functions
    if len(in_axes) != len(of.inputs) or len(out_axes) != len(of.outputs):
        raise ShapeError(
            "'vmap': in_axes and out_axes must have one entry for each operand and result, got "
            f"{in_axes} and {out_axes} for {len(of.inputs)} operands and {len(of.outputs)} results"
        )
    return Signature(
        tuple(_batch_aval(a, size, axis) for a, axis in zip(of.inputs, in_axes)),
        tuple(_batch_aval(a, size, axis) for a, axis in zip(of.outputs, out_axes)),
    )


def _checkify_signature(functions: list[Signature], *, errors: str, payload: tuple) -> Signature:
    (of,) = functions
    return Signature(of.inputs, (*of.outputs, CODE, *payload[1]))


jvp = Combinator(
    name="jvp",
    summary="Forward mode: (x, dx) to (y, dy). `wrt` lists the operands that have tangents.",
    functions=("of",), parameters={"wrt": "ints"}, signature=_jvp_signature, transformation=True,
)  # fmt: skip

jet = Combinator(
    name="jet",
    summary="Taylor mode: x, coefficients 1 to `order` of each operand of `wrt`, to y and coefficients of each result.",
    functions=("of",), parameters={"wrt": "ints", "order": "int"}, signature=_jet_signature, transformation=True,
)  # fmt: skip

vjp = Combinator(
    name="vjp",
    summary="Reverse mode: (x, ct of y) to (y, ct of x). `wrt` lists operands, `outs` results with cotangents.",
    functions=("of",), parameters={"wrt": "ints", "outs": "ints"}, signature=_vjp_signature, transformation=True,
)  # fmt: skip

linearize = Combinator(
    name="linearize",
    summary="As `jvp`, but split: `@name.forward` gives outputs and residuals, `@name.linear` maps them and tangents.",
    functions=("of",), parameters={"wrt": "ints"}, transformation=True,
    signature=lambda functions, *, wrt: _jvp_signature(functions, wrt=wrt, name="linearize"),
)  # fmt: skip

transpose = Combinator(
    name="transpose",
    summary="Transposition of a function that is linear in the operands `linear`: cotangents of results to theirs.",
    functions=("of",), parameters={"linear": "ints"}, signature=_transpose_signature, transformation=True,
)  # fmt: skip



checkify = Combinator(
    name="checkify",
    summary="Errors as results: after the function's own come a code (0: none) and the payload of messages. `errors` "
    "names categories (user, nan, div, index), `payload` has the payload as its results.",
    functions=("of",), parameters={"errors": "str", "payload": "signature"}, signature=_checkify_signature,
    transformation=True,
)  # fmt: skip

vmap = Combinator(
    name="vmap",
    summary="Batching: axis of each operand and result that is the batch, -1 for none.",
    functions=("of",), signature=_vmap_signature, transformation=True,
    parameters={"in_axes": "ints", "out_axes": "ints", "size": "int", "axis_name": "str"},
)  # fmt: skip
