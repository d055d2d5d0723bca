"""`jacfwd jacrev jacobian hessian`: full Jacobians, from derivatives along a basis, all at once by `vmap`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import pytrees
from axil.core import Array, as_array
from axil.dialects import avals as av
from axil.differentiation import check_differentiable, check_output
from axil.dtypes import float0
from axil.forward_mode import jvp
from axil.linear_maps import chosen_arguments, vjp
from axil.operands import check_callable, function_name, normalize_argnums, operands_of
from axil.vectorization import vmap


def _basis(leaves: Sequence[Any]) -> list[Array]:
    """For each leaf, the stack of its part of all unit vectors of the whole tree."""
    sizes = [math.prod(x.aval.shape) for x in leaves]
    total, start, stacks = sum(sizes), 0, []
    for x, size in zip(leaves, sizes):
        rows = np.zeros((total, size), x.aval.dtype)
        rows[np.arange(start, start + size), np.arange(size)] = 1
        stack = as_array(rows.reshape((total, *x.aval.shape)), x.aval.dtype)
        stack.weak_type = x.weak_type
        stacks.append(stack)
        start += size
    return stacks


def _split_axis(x: Any, leaves: Sequence[Any], axis: int) -> list:
    """Split the basis axis of a derivative into one block a leaf, of the leaf's shape."""
    blocks, start, shape = [], 0, x.shape
    for leaf in leaves:
        size = math.prod(leaf.aval.shape)
        index = (slice(None),) * axis + (slice(start, start + size),)
        blocks.append(x[index].reshape((*shape[:axis], *leaf.aval.shape, *shape[axis + 1 :])))
        start += size
    return blocks


def jacfwd(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The Jacobian of `fun` by forward mode: one pass for each input number. Good for few inputs.

    The result's leaves have the shape of the output's followed by that of the input's. Inputs are real; with
    `holomorphic=True` inputs and outputs are complex, and the entries are complex derivatives.
    """
    check_callable(fun, "jacfwd")

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        positions = normalize_argnums(argnums, len(args), "jacfwd")
        primals = tuple(args[i] for i in positions)
        leaves, treedef = operands_of(primals, "jacfwd")
        for x in leaves:
            check_differentiable(x, "jacfwd", holomorphic, False, real=True)
        chosen = chosen_arguments(fun, args, kwargs, positions)

        def push(*directions: Any) -> Any:
            out = jvp(chosen, primals, pytrees.tree_unflatten(treedef, directions), has_aux=has_aux)
            for x in operands_of(out[0], "jacfwd")[0]:
                if holomorphic or not av.is_complex(x.aval.dtype):
                    check_output(x.aval, function_name(fun), "jacfwd", holomorphic)
            return (out[1], out[2]) if has_aux else out[1]

        # The aux result does not depend on the direction, so it has no batch axis.
        pushed = vmap(push, out_axes=(-1, None) if has_aux else -1)(*_basis(leaves))
        columns, aux = pushed if has_aux else (pushed, None)
        result = pytrees.tree_map(
            lambda y: _shaped(treedef, _split_axis(y, leaves, y.ndim - 1), argnums), columns
        )
        return (result, aux) if has_aux else result

    return jacobian


def _shaped(treedef: Any, blocks: list, argnums: Any) -> Any:
    value = pytrees.tree_unflatten(treedef, blocks)
    return value[0] if isinstance(argnums, (int, np.integer)) else value


def jacrev(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """The Jacobian of `fun` by reverse mode: one pass for each output number. Good for few outputs.

    Shapes are those of `jacfwd`. Outputs are real, or, with `holomorphic=True`, inputs and outputs are complex. With
    `allow_int`, the Jacobian with respect to an integer input has dtype float0.
    """
    check_callable(fun, "jacrev")

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        positions = normalize_argnums(argnums, len(args), "jacrev")
        primals = tuple(args[i] for i in positions)
        for x in operands_of(primals, "jacrev")[0]:
            check_differentiable(x, "jacrev", holomorphic, allow_int)
        chosen = chosen_arguments(fun, args, kwargs, positions)
        results = vjp(chosen, *primals, has_aux=has_aux)
        out, pullback = results[:2]
        leaves, out_def = operands_of(out, "jacrev")
        for x in leaves:
            check_output(x.aval, function_name(fun), "jacrev", holomorphic)
        per_input, in_def = _rows(pullback, leaves, out_def)
        blocks = [_split_axis(r, leaves, 0) for r in per_input]
        by_output = [
            _shaped(in_def, [b[i] for b in blocks], argnums) for i in range(len(leaves))
        ]
        result = pytrees.tree_unflatten(out_def, by_output)
        return (result, results[2]) if has_aux else result

    return jacobian


def _rows(pullback: Any, leaves: Sequence[Any], out_def: Any) -> tuple[list, Any]:
    """The pullback of every unit vector: its rows for each input, and the structure of the inputs."""
    total = sum(math.prod(x.aval.shape) for x in leaves)
    structure: list = []

    def pull(*cts: Any) -> list:
        grads, treedef = pytrees.tree_flatten(pullback(pytrees.tree_unflatten(out_def, cts)))
        structure[:] = [treedef, grads]
        return [g for g in grads if g.dtype != float0]

    rows = iter(vmap(pull)(*_basis(leaves)))
    treedef, grads = structure
    return [np.zeros((total, *g.shape), float0) if g.dtype == float0 else next(rows) for g in grads], treedef


def jacobian(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """The Jacobian of `fun`: another name of `jacrev`."""
    return jacrev(fun, argnums, has_aux, holomorphic, allow_int)


def hessian(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The Hessian of `fun`, forward over reverse: leaves have the shapes of the output's and twice the input's."""
    inner = jacrev(fun, argnums, has_aux=has_aux, holomorphic=holomorphic)
    return jacfwd(inner, argnums, has_aux=has_aux, holomorphic=holomorphic)
