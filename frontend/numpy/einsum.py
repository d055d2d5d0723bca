"""Einstein summation. The order of contractions comes from opt_einsum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from axil import dtypes
from axil.numpy.contraction import dot_general
from axil.numpy.creation import asarray, eye
from axil.numpy.logic import pick
from axil.numpy.reductions import sum as sum_
from axil.numpy.shaping import permute
from axil.numpy.ufuncs import multiply
from axil.numpy.values import Value, convert, operand, promote, reshape_to, shape_error, type_error

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(
    subscripts: Any, /, *operands: Any, out: None = None, optimize: Any = "auto", precision: Any = None,
    preferred_element_type: Any = None, **placement: Any,
) -> Value:  # fmt: skip
    """Sum of products over indices: `einsum("ij,jk->ik", a, b)` is a matrix product."""
    subscripts, values = _standard_form(subscripts, operands)
    values, weak = promote("einsum", *(operand("einsum", x, i) for i, x in enumerate(values)))
    inputs, output = _parse(subscripts, values)
    dtype = None
    if preferred_element_type is not None:
        dtype = dtypes.check_user_dtype(preferred_element_type, "einsum")
        values = [convert(v, dtype) for v in values]
        weak = False
    terms = [_diagonals(v, names) for v, names in zip(values, inputs)]
    _check_sizes(subscripts, terms)
    terms = _without_ones(terms)
    for pair in _path(terms, output, optimize):
        picked = [terms.pop(i) for i in sorted(pair, reverse=True)]
        while len(picked) > 1:
            rest = {n for _, names in [*terms, *picked[:-2]] for n in names} | set(output)
            b, a = picked.pop(), picked.pop()
            picked.append(_contract(b, a, rest, output))
        terms.append(picked[0])
    value, names = _sum_out(*terms[0], set(output))
    # Indices of size 1 that were left out come back.
    value = permute(value, tuple(names.index(n) for n in output if n in names))
    sizes = dict(zip([n for n in output if n in names], value.shape))
    value = reshape_to(value, tuple(sizes.get(n, 1) for n in output))
    return convert(value, value.dtype if dtype is None else dtype, weak)


# ---- reading the subscripts ----------------------------------------------------------------------------


def _standard_form(subscripts: Any, operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """Subscripts as text; they may also be given as lists of numbers, after each operand."""
    if isinstance(subscripts, str):
        return subscripts.replace(" ", ""), list(operands)
    items = [subscripts, *operands]
    output = items.pop() if len(items) % 2 else None
    values, lists = items[0::2], items[1::2]
    text = ",".join(_spell(names) for names in lists)
    return text + ("" if output is None else "->" + _spell(output)), values


def _spell(names: Any) -> str:
    return "".join("..." if n is Ellipsis else _LETTERS[n] for n in names)


def _parse(subscripts: str, values: Sequence[Value]) -> tuple[list[str], str]:
    """Index names of each operand and of the result; an ellipsis becomes names of its own."""
    left, arrow, right = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(values):
        raise shape_error(f"einsum: {subscripts!r} has {len(inputs)} operands, but {len(values)} were given")
    letters = set(subscripts) - set(",.->")
    if not all(n.isalpha() for n in letters):
        raise type_error(f"einsum: {subscripts!r} has characters that are not letters")
    free = [n for n in _LETTERS if n not in letters]
    depth = 0
    for names, v in zip(inputs, values):
        if "..." in names:
            depth = max(depth, v.ndim - len(names) + 3)
    spread = "".join(free[:depth])
    expanded = []
    for names, v in zip(inputs, values):
        n = v.ndim - len(names) + 3 if "..." in names else 0
        if n < 0 or "..." not in names and len(names) != v.ndim:
            raise shape_error(f"einsum: the term {names!r} of {subscripts!r} does not fit {v.aval}")
        expanded.append(names.replace("...", spread[depth - n :]))
    if arrow:
        output = right.replace("...", spread)
    else:
        count = Counter("".join(inputs).replace(".", ""))
        output = spread + "".join(sorted(n for n in letters if count[n] == 1))
    if len(set(output)) != len(output):
        raise shape_error(f"einsum: {subscripts!r} names an index of the result twice")
    for n in output:
        if not any(n in names for names in expanded) and n not in spread:
            raise shape_error(f"einsum: index {n!r} of the result of {subscripts!r} is in no operand")
    return expanded, "".join(n for n in output)


def _check_sizes(subscripts: str, terms: Sequence[tuple[Value, str]]) -> None:
    sizes: dict[str, int] = {}
    for value, names in terms:
        for n, size in zip(names, value.shape):
            if sizes.setdefault(n, size) != size:
                if sizes[n] != 1 and size != 1:
                    raise shape_error(
                        f"einsum: index {n!r} of {subscripts!r} has sizes {sizes[n]} and {size}"
                    )
                sizes[n] = max(sizes[n], size)


# ---- terms ---------------------------------------------------------------------------------------------


def _diagonals(value: Value, names: str) -> tuple[Value, str]:
    """A term with an index that repeats: its diagonal."""
    while len(set(names)) != len(names):
        name = next(n for n in names if names.count(n) > 1)
        i, j = [k for k, n in enumerate(names) if n == name][:2]
        size = value.shape[i]
        if value.shape[j] != size:
            raise shape_error(f"einsum: index {name!r} has sizes {size} and {value.shape[j]} in one operand")
        order = (*(k for k in range(value.ndim) if k not in (i, j)), i, j)
        value = sum_(pick(eye(size, dtype=bool), permute(value, order), 0), -1, value.dtype)
        names = "".join(names[k] for k in order[:-1])
    return value, names


def _without_ones(terms: Sequence[tuple[Value, str]]) -> list[tuple[Value, str]]:
    """Dimensions of size 1 broadcast, so they can be left out."""
    result = []
    for value, names in terms:
        kept = [k for k, n in enumerate(value.shape) if n != 1]
        result.append(
            (reshape_to(value, tuple(value.shape[k] for k in kept)), "".join(names[k] for k in kept))
        )
    return result


def _sum_out(value: Value, names: str, keep: set[str]) -> tuple[Value, str]:
    """Sum over the indices that nothing else needs."""
    axes = tuple(k for k, n in enumerate(names) if n not in keep)
    if axes:
        value = sum_(value, axes, value.dtype)
    return value, "".join(n for n in names if n in keep)


def _contract(a: tuple[Value, str], b: tuple[Value, str], keep: set[str], output: str) -> tuple[Value, str]:
    """The product of two terms, summed over the indices that nothing else needs."""
    (x, xs), (y, ys) = _sum_out(*a, keep | set(b[1])), _sum_out(*b, keep | set(a[1]))
    shared = [n for n in xs if n in ys]
    batch = [n for n in shared if n in keep]
    contract = [n for n in shared if n not in keep]
    x_free, y_free = [n for n in xs if n not in shared], [n for n in ys if n not in shared]
    if not shared and not x_free or not shared and not y_free:
        return multiply(x, y), xs + ys  # one of them is a scalar
    # The operand whose free indices come first in the result goes first: no transposition after the last product.
    if "".join([*batch, *y_free, *x_free]) == output and output != "".join([*batch, *x_free, *y_free]):
        (x, xs, x_free), (y, ys, y_free) = (y, ys, y_free), (x, xs, x_free)
    result = dot_general(
        x, y, (tuple(map(xs.index, contract)), tuple(map(ys.index, contract))),
        (tuple(map(xs.index, batch)), tuple(map(ys.index, batch))),
    )  # fmt: skip
    return result, "".join([*batch, *x_free, *y_free])


# ---- the order of contractions -------------------------------------------------------------------------


def _path(terms: Sequence[tuple[Value, str]], output: str, optimize: Any) -> list[tuple[int, ...]]:
    """Which terms to contract in turn, as positions in the list of terms that are left."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))] if len(terms) > 1 else []
    if isinstance(optimize, (list, tuple)):
        return [tuple(p) for p in optimize if not isinstance(p, str)]
    import opt_einsum

    named = "".join(n for n in output if any(n in t for _, t in terms))
    text = ",".join(names for _, names in terms) + "->" + named
    how: Any = "auto" if isinstance(optimize, bool) else optimize
    path, _ = opt_einsum.contract_path(text, *(v.shape for v, _ in terms), shapes=True, optimize=how)
    return [tuple(p) for p in path]


def einsum_path(subscripts: Any, /, *operands: Any, optimize: Any = "auto") -> tuple[list[Any], Any]:
    """The order in which `einsum` contracts its operands, as positions, and opt_einsum's account of what that costs."""
    import opt_einsum

    text, values = _standard_form(subscripts, operands)
    shapes = [asarray(v).shape for v in values]
    how: Any = "auto" if isinstance(optimize, bool) else optimize
    path, account = opt_einsum.contract_path(text, *shapes, shapes=True, optimize=how)
    return list(path), account
