"""The declaration of a combinator: a program that is made from other programs.

A *derived function* is a private declaration that names a combinator and the functions it works on:

    func.func private @loss.vjp(tensor<4xf32>, tensor<f32>) -> (tensor<f32>, tensor<4xf32>)
        attributes {axil.derived = {combinator = "vjp", of = [@loss], wrt = array<i64: 0>, outs = array<i64: 0>}}

It is called with plain `func.call`. Two kinds of combinator exist. *Transformations* (`jvp vjp linearize
transpose vmap`) are removed by expansion: a traversal in the compiler writes the function's body. *Control*
(`scan while cond checkpoint custom_jvp custom_vjp custom_linear_solve`) survives transformations, as new control of
transformed bodies, and is lowered last; it carries the rules that the traversals ask for, as an op does.

Rules receive a *deriver*, the compiler's interface to derivation (`axil.compiler.derive.Deriver`), so that
this floor imports nothing from above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from axil.dialects.avals import Aval, is_inexact
from axil.dialects.errors import DeclarationError
from axil.dialects.op import zeros_like_aval

COMBINATORS: dict[str, Combinator] = {}
"""All declared combinators by name."""


class Signature(NamedTuple):
    """Avals of a function's inputs and outputs."""

    inputs: tuple[Aval, ...]
    outputs: tuple[Aval, ...]


class Site(NamedTuple):
    """A derived function, as rules see it: which functions, with which parameters."""

    combinator: Combinator
    functions: tuple[str, ...]
    parameters: Mapping[str, Any]

    def replace(self, functions: tuple[str, ...], **parameters: Any) -> Site:
        """The same combinator on other functions, with some parameters changed."""
        return Site(self.combinator, functions, {**self.parameters, **parameters})


class SavedCall(NamedTuple):
    """A call of control flow in a function of which parts are run again (see `axil.compiler.passes.save`).

    `known(operands)` emits the call that runs first, and gives its results and the values that it keeps;
    `again(operands, kept)` emits what is run again, and gives results, those that are not wanted perhaps `None`.
    `used` marks the operands that `again` needs, and `count` says how many values are kept.
    """

    known: Callable[[list], tuple[list, list]]
    again: Callable[[list, list], list]
    used: tuple[bool, ...]
    count: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Combinator:
    """One combinator, with every rule of its own.

    - `signature(functions, **parameters) -> Signature`: types, from the signatures of the functions. Raises
      `ShapeError` or `DtypeError` where they do not fit together.
    - `reference(functions, operands, **parameters)`: the meaning, over callables and NumPy arrays.
    - `jvp(deriver, site, primals, tangents)`: emits the forward-mode program; gives outputs and their tangents
      (`None` where zero).
    - `linearize(deriver, site, primals, tangents)`: the same, but with a part that does not depend on tangents
      and one that is linear in them, as separate calls.
    - `transpose(deriver, site, cts, operands)`: cotangents of the `Linear` operands, `None` for the others.
    - `jet(deriver, site, operands, series, order)` (optional): results and their Taylor coefficients, see `jets`.
      Without it these follow from `jvp`.
    - `prune(deriver, site, used)` (optional): the call without results that are not used, see `pruning`.
    - `batch(deriver, site, operands, batched, size, axis_name)`: results and which of them are batched.
    - `steps(walk, functions, operands, **parameters)`: which functions run with what, for walks that follow values
      without computing them (`axil.compiler.key_uses`); gives the results. Without it, `functions[0]` runs once, with
      the operands.
    - `lower(lowering, site, operands)`: emits StableHLO or a kernel call.
    - `save(deriver, site, policy, wanted)` (optional): splits a call for recomputation, see `SavedCall`. Without it a
      call is kept or run again as a whole.
    - `checkify(deriver, site, operands, categories)`: emits the call with its checks; gives results and a `Failure` or
      `None`. See `axil.dialects.combinators.checking`.
    - `effects(**parameters)` (optional): whether a call does something beside giving results. Calls that have
      effects, and those of functions that make them, are never dropped, merged or moved past one another.
    - `holds(**parameters)` (optional): an object that must live as long as the module.
    - `repeats(**parameters)` (optional): how many times a call runs its functions, `None` where values decide; once
      without it. `exclusive`: a call runs one of its functions; `runs`: how many, from the first (the others are rules
      for derivatives); default: all. For estimates of cost.

    Transformations have `signature` only; their traversal is the compiler's.
    """

    name: str
    summary: str
    functions: tuple[str, ...]
    signature: Callable[..., Signature]
    parameters: Mapping[str, str] = field(default_factory=dict)
    transformation: bool = False
    reference: Callable[..., Any] | None = None
    jvp: Callable[..., Any] | None = None
    linearize: Callable[..., Any] | None = None
    transpose: Callable[..., Any] | None = None
    jet: Callable[..., tuple[list, list]] | None = None
    prune: Callable[..., Any] | None = None
    batch: Callable[..., Any] | None = None
    lower: Callable[..., Any] | None = None
    steps: Callable[..., Any] | None = None
    save: Callable[..., SavedCall] | None = None
    checkify: Callable[..., tuple[list, Any]] | None = None
    optional: tuple[str, ...] = ()  # parameters that need not be given
    effects: Callable[..., bool] | None = None
    holds: Callable[..., Any] | None = None
    repeats: Callable[..., int | None] | None = None
    exclusive: bool = False
    runs: int | None = None

    def __post_init__(self) -> None:
        rules = () if self.transformation else ("reference", "jvp", "linearize", "batch", "lower")
        missing = [r for r in ("summary", "signature", *rules) if not getattr(self, r)]
        if missing:
            raise DeclarationError(f"combinator '{self.name}' is incomplete: it has no {', '.join(missing)}")
        if self.name in COMBINATORS:
            raise DeclarationError(f"combinator '{self.name}' is declared twice")
        COMBINATORS[self.name] = self


def differentiable(avals: tuple[Aval, ...]) -> tuple[int, ...]:
    """Positions of the values that have tangents."""
    return tuple(i for i, a in enumerate(avals) if is_inexact(a.dtype))


def pick(values: Any, mask: Any) -> list:
    """The values whose entry in `mask` is true."""
    return [v for v, m in zip(values, mask, strict=True) if m]


def instantiate(values: Any, avals: Any, mask: Any = None) -> list:
    """Zeros for values that are `None`; with a mask, only where it wants one."""
    wanted = [True] * len(values) if mask is None else mask
    return [zeros_like_aval(a) if w and v is None else v for v, a, w in zip(values, avals, wanted)]


def split(values: Any, *counts: int) -> list[list]:
    """Split a sequence into groups of given sizes, and what is left."""
    values, groups = list(values), []
    for n in counts:
        groups.append(values[:n])
        values = values[n:]
    return [*groups, values]


def spread(values: Any, mask: Any) -> list:
    """The inverse of `pick`: values at the true places, `None` elsewhere."""
    rest = iter(values)
    return [next(rest) if m else None for m in mask]


def given(values: Any) -> list[bool]:
    """Which entries are not `None`."""
    return [v is not None for v in values]
