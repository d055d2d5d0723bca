"""Functions of rows, columns and elements, applied to whole arrays: `vectorize` and `apply_along_axis`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from axil.numpy.creation import asarray
from axil.numpy.shaping import expand_dims, squeeze
from axil.numpy.values import Value, broadcast_shape, canonical_axis, operand, shape_error, type_error

_DIMENSIONS = r"\((?:\w+(?:,\w+)*)?\)"
_LIST = rf"{_DIMENSIONS}(?:,{_DIMENSIONS})*"
_SIGNATURE = re.compile(rf"{_LIST}->{_LIST}\Z")

Names = tuple[str, ...]


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Collection[int | str] = frozenset(), signature: str | None = None
) -> Callable[..., Any]:
    """A function of elements (or, with a signature, of small arrays) made one of arrays that are broadcast together.

    It is `vmap` over each leading dimension. `signature` names the last dimensions that `pyfunc` takes and gives, as
    in `"(m,n),(n)->(m)"`. `excluded` are positions and keywords of arguments that are passed as they are; an argument
    that is None is too.
    """
    if any(not isinstance(e, (int, str)) for e in excluded):
        raise type_error(f"vectorize: excluded has positions and names of arguments, got {excluded!r}")
    if any(isinstance(e, int) and e < 0 for e in excluded):
        raise shape_error(f"vectorize: excluded={excluded!r} has negative positions; count from the front")
    inputs, outputs = _parse(signature) if signature is not None else (None, None)

    @functools.wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        mapped = [i for i, x in enumerate(args) if i not in excluded]
        dims = inputs if inputs is not None else [()] * len(mapped)
        if len(dims) != len(mapped):
            raise type_error(f"the vectorized function takes {len(dims)} arrays by its signature '{signature}', got "
                             f"{len(mapped)}")  # fmt: skip
        places = [(i, d) for i, d in zip(mapped, dims) if args[i] is not None]
        if any(d and args[i] is None for i, d in zip(mapped, dims)):
            raise shape_error(f"vectorize: None stands for an array with named dimensions in '{signature}'")
        names = [k for k in kwargs if k not in excluded]
        arrays = [asarray(args[i]) for i, _ in places] + [asarray(kwargs[k]) for k in names]
        cores = [d for _, d in places] + [()] * len(names)

        def call(*values: Any) -> Any:
            given = list(args)
            for (i, _), v in zip(places, values):
                given[i] = v
            return pyfunc(*given, **{**kwargs, **dict(zip(names, values[len(places) :]))})

        return _map(call, arrays, cores, outputs, signature)

    return vectorized


def _parse(signature: str) -> tuple[list[Names], list[Names]]:
    text = signature.replace(" ", "")
    if not _SIGNATURE.match(text):
        raise shape_error(f"vectorize: {signature!r} is not a signature such as '(m,n),(n)->(m)'")
    left, right = ([tuple(re.findall(r"\w+", d)) for d in re.findall(_DIMENSIONS, side)] for side in text.split("->"))
    return left, right


def _map(call: Any, arrays: list[Value], cores: list[Names], outputs: list[Names] | None, signature: Any) -> Any:
    """`vmap` of `call` over each dimension of the broadcast shape in which some operand has more than one element."""
    from axil.vectorization import vmap

    sizes: dict[str, int] = {}
    for x, names in zip(arrays, cores):
        if x.ndim < len(names):
            raise shape_error(f"vectorize: {x.aval} has too few dimensions for {names} of '{signature}'")
        _note(sizes, names, x.shape[x.ndim - len(names) :], signature)
    loops = [x.shape[: x.ndim - len(names)] for x, names in zip(arrays, cores)]
    shape = broadcast_shape("vectorize", loops) if loops else ()

    def checked(*values: Any) -> Any:
        result = call(*values)
        if outputs is not None:
            _check_outputs(result, dict(sizes), outputs, signature)
        return result

    function: Any = checked
    arrays = [squeeze(x, tuple(i for i, n in enumerate(loop) if n == 1)) for x, loop in zip(arrays, loops)]
    ones = []
    for d in range(1, len(shape) + 1):  # from the innermost dimension out
        axes = tuple(0 if len(loop) >= d and loop[-d] != 1 else None for loop in loops)
        if all(a is None for a in axes):
            ones.append(len(shape) - d)
        else:
            function = vmap(function, in_axes=axes)
    result = function(*arrays)
    if not ones:
        return result
    if isinstance(result, (tuple, list)):
        return type(result)(expand_dims(r, tuple(ones)) for r in result)
    return expand_dims(result, tuple(ones))


def _note(sizes: dict[str, int], names: Names, shape: Sequence[int], signature: Any) -> None:
    for name, n in zip(names, shape):
        if sizes.setdefault(name, n) != n:
            raise shape_error(f"vectorize: dimension '{name}' of '{signature}' is {sizes[name]} and {n}")


def _check_outputs(result: Any, sizes: dict[str, int], outputs: list[Names], signature: Any) -> None:
    several = isinstance(result, tuple)
    if len(outputs) > 1 and not several:
        raise type_error(f"vectorize: the function must give a tuple, by its signature '{signature}'")
    results = result if several else (result,)
    if len(results) != len(outputs):
        raise type_error(
            f"vectorize: the function gave {len(results)} results; '{signature}' has {len(outputs)}"
        )
    for x, names in zip(results, outputs):
        shape = asarray(x).shape
        if len(shape) != len(names):
            raise shape_error(f"vectorize: a result of shape {shape} is not {names} of '{signature}'")
        _note(sizes, names, shape, signature)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Value:
    """`func1d` of each line along an axis; the dimensions of what it gives take the place of that axis."""
    from axil.vectorization import vmap

    arr = operand("apply_along_axis", arr)
    axis = canonical_axis(axis, arr.ndim)

    def function(line: Any) -> Any:
        return func1d(line, *args, **kwargs)

    for i in range(1, arr.ndim - axis):
        function = vmap(function, in_axes=i, out_axes=-1)
    for _ in range(axis):
        function = vmap(function)
    return function(arr)


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Sequence[int]) -> Value:
    """`func(a, axis)` for one axis after the other; a dimension that it drops is kept with size 1."""
    a = operand("apply_over_axes", a)
    for axis in axes:
        b = func(a, axis)
        if b.ndim == a.ndim - 1:
            b = expand_dims(b, axis)
        elif b.ndim != a.ndim:
            raise shape_error(f"apply_over_axes: the function made {b.aval} of {a.aval} for axis {axis}")
        a = b
    return a
