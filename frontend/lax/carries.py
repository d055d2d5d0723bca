"""What a loop carries: trees whose structure, shapes and dtypes stay, with errors that name the leaf that does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from axil import dtypes, errors, pytrees
from axil.core import Array, Tracer, bind
from axil.dialects.elementwise import convert
from axil.source import user_line
from axil.tree_keys import keystr


def avals_of(values: Sequence[Any]) -> list:
    """Shapes and dtypes."""
    return [x.aval for x in values]


def weak_of(values: Sequence[Any]) -> list[bool]:
    """Which values are weakly typed."""
    return [x.weak_type for x in values]


def converted(x: Any, dtype: Any) -> Any:
    """A value in another dtype."""
    return bind(convert, x, dtype=np.dtype(dtype))


def leaf_names(treedef: Any, root: str, skip: int = 0) -> list[str]:
    """Names of a tree's leaves for messages, such as `carry['w'][0]`, without the first steps of their paths."""
    places = pytrees.tree_unflatten(treedef, range(treedef.num_leaves))
    paths = [path for path, _ in pytrees.tree_leaves_with_path(places)]
    return [root + keystr(path[skip:]) for path in paths]


def check_structure(wanted: Any, given: Any, what: str, names: tuple[str, str] = ("goes in", "comes out")) -> None:
    """Raise an error with both structures, and the place where they differ."""
    if wanted != given:
        where = pytrees.treedef_error(wanted, given, *names)
        raise errors.AxilTypeError(errors.explain(f"{what}\n{where}", user_line()))


class Widen(Exception):
    """The body gives a carry of another dtype where the initial one is weakly typed."""

    def __init__(self, dtypes_: list) -> None:
        self.dtypes = dtypes_


class Carry(NamedTuple):
    """The carry of a loop, for checks: the loop's label, what the user calls the carry, and its structure.

    `skip` steps of the paths of leaves are not the user's.
    """

    label: str
    root: str
    treedef: Any
    skip: int = 0

    def check_structure(self, given: Any) -> None:
        """Raise an error where the body gives a tree of another structure."""
        check_structure(self.treedef, given, f"{self.label}: the carry must keep its structure")

    def fit(self, outputs: list, inputs: list) -> list:
        """What the body gives, with the shapes and dtypes that went in; weak types may adapt either way.

        Raises `Widen` where a weakly typed initial value has to take the body's dtype.
        """
        fitted = [_fit(new, old) for new, old in zip(outputs, inputs)]
        wrong = [i for i, (new, widened) in enumerate(fitted) if widened is None and new.aval is not inputs[i].aval]
        if wrong:
            self._refuse(wrong, outputs, inputs)
        if any(widened is not None for _, widened in fitted):
            raise Widen([widened for _, widened in fitted])
        return [new for new, _ in fitted]

    def _refuse(self, wrong: list[int], outputs: list, inputs: list) -> None:
        names = leaf_names(self.treedef, self.root, self.skip)
        lines = [f"  {names[i]} goes in as {inputs[i].aval} and comes out as {outputs[i].aval}" for i in wrong]
        i = wrong[0]
        old, new, name = inputs[i].aval, outputs[i].aval, names[i]
        if old.shape == new.shape:
            ways = [f"start with that type: give {name} as .astype({new.dtype.name!r})",
                    f"or convert in the body: .astype({old.dtype.name!r})"]  # fmt: skip
        else:
            ways = [f"start with {name} of shape {new.shape}, if that is the shape that it keeps",
                    f"or let the body give shape {old.shape}"]  # fmt: skip
        raise errors.AxilTypeError(
            errors.explain(f"{self.label}: the carry must keep its shapes and dtypes\n" + "\n".join(lines),
                           user_line(), ways_out=ways)  # fmt: skip
        )


def _fit(new: Any, old: Any) -> tuple[Any, Any]:
    """A leaf that the body gives, converted where it is weak; and the dtype that the initial one has to take."""
    if new.aval.shape != old.aval.shape or new.aval.dtype == old.aval.dtype:
        return new, None
    common = dtypes.promote_types(new.aval.dtype, new.weak_type, old.aval.dtype, old.weak_type)[0]
    if new.weak_type and common == old.aval.dtype:
        return converted(new, common), None
    return new, common if old.weak_type and common != old.aval.dtype else None


def weak_fixpoint(trace_body: Callable[[list], Any], carry: list) -> tuple[Any, list]:
    """Trace the body; a weakly typed initial carry takes the dtype that the body gives it."""
    while True:  # ends: each round makes a weakly typed value strong
        try:
            return trace_body(carry), carry
        except Widen as e:
            carry = [x if d is None else _strong(converted(x, d)) for x, d in zip(carry, e.dtypes)]


def _strong(x: Any) -> Any:
    if type(x) is Array:
        x = Array(x._numpy)
    elif type(x) is Tracer:
        x = Tracer(x.owner, x.value, x.aval, False, x.location)
    return x


def with_weak(results: list, weak: Sequence[bool]) -> list:
    """Results, marked as weakly typed where the body's are."""
    for r, w in zip(results, weak):
        r.weak_type = w
    return results
