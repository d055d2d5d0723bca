"""`static_argnums`, `donate_argnames` and the like: arguments of a function by position and by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from axil import errors
from axil.operands import ArgumentError
from axil.source import user_line

Chosen = tuple[tuple[int, ...], frozenset[str]]
"""Arguments by position and by name: each says the same as far as it can."""


def parameters_of(fun: Any) -> list[inspect.Parameter]:
    """The parameters of a function; none where Python does not know them."""
    try:
        return list(inspect.signature(fun).parameters.values())
    except (ValueError, TypeError):
        return []


def chosen_arguments(
    parameters: list, argnums: int | Sequence[int] | None, argnames: str | Iterable[str] | None, label: str
) -> Chosen:
    """Arguments by position and by name, each completed from the other through the signature."""
    numbers = () if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    names = () if argnames is None else (argnames,) if isinstance(argnames, str) else tuple(argnames)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    _check_numbers(numbers, len(positional), _takes_any_number(parameters), label)
    _check_names(names, parameters, label)
    count = len(positional)
    numbers = tuple(i % count if i < 0 and count else i for i in numbers)
    by_name = [i for i, p in enumerate(positional) if p.name in names]
    chosen = [positional[i] for i in numbers if i < count]
    by_number = [p.name for p in chosen if p.kind != p.POSITIONAL_ONLY]
    return tuple(sorted({*numbers, *by_name})), frozenset([*names, *by_number])


def check_disjoint(static: Chosen, donated: Chosen, label: str) -> None:
    """Raise if an argument is both static and donated: a static one has no memory to give."""
    both = sorted({*map(str, set(static[0]) & set(donated[0]))} | (static[1] & donated[1]))
    if both:
        raise ArgumentError(
            errors.explain(f"{label}: the argument {both[-1]} is both static and donated", user_line(),
                           ways_out=["leave it out of static_argnums and static_argnames, or out of the donated ones"])
        )  # fmt: skip


def _takes_any_number(parameters: list) -> bool:
    return any(p.kind == p.VAR_POSITIONAL for p in parameters) or not parameters


def _check_numbers(numbers: tuple, count: int, any_number: bool, label: str) -> None:
    for i in numbers:
        if not isinstance(i, int):
            raise errors.AxilTypeError(
                errors.explain(f"{label}: argument numbers must be ints, got {i!r}", user_line())
            )
        if not any_number and not -count <= i < count:
            raise ArgumentError(
                errors.explain(
                    f"{label}: argument number {i} is out of range for a function of {count} positional arguments",
                    user_line(),
                )
            )


def _check_names(names: tuple, parameters: list, label: str) -> None:
    known = {p.name for p in parameters}
    takes_any = not parameters or any(p.kind == p.VAR_KEYWORD for p in parameters)
    for name in names:
        if not isinstance(name, str):
            raise errors.AxilTypeError(
                errors.explain(f"{label}: argument names must be texts, got {name!r}", user_line())
            )
        if name not in known and not takes_any:
            raise ArgumentError(
                errors.explain(f"{label}: there is no argument named {name!r}; there are {', '.join(sorted(known))}",
                               user_line())  # fmt: skip
            )


__all__ = ["Chosen", "check_disjoint", "chosen_arguments", "parameters_of"]
