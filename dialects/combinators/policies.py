"""Policies: which values of a checkpointed function are kept, and which are computed again.

A policy is asked about each operation, `policy(prim, *avals, **params)`, where `prim.name` is the name of the op and
`params` are its attributes. Those that exist here have a text form, which the parameter `policy` of `checkpoint` holds;
a user's own is a Python function (`python_rules`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from axil.dialects.avals import Aval
from axil.dialects.combinators import python_rules
from axil.dialects.errors import AttributeValueError, DtypeError

_PYTHON = "python."


class Primitive(NamedTuple):
    """What a policy is asked about: an op, by name."""

    name: str


class _Decision:
    """One of the two plain decisions."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


Saveable = _Decision("Saveable")
"""A policy's decision to keep a value; `True` says the same."""

Recompute = _Decision("Recompute")
"""A policy's decision to compute a value again; `False` says the same."""


class Offloadable(NamedTuple):
    """A policy's decision to keep a value in another memory, `dst`, until it is wanted in `src` again.

    On CPUs both are the same memory, and the value is kept. Other devices' values cannot be moved: an error.
    """

    src: str
    dst: str


def _is_dot_without_batch(prim: Any, params: Mapping[str, Any]) -> bool:
    return prim.name == "dot_general" and not params["dimension_numbers"][1][0]


def _named(prim: Any) -> bool:
    return prim.name == "checkpoint_name"


_RULES: dict[str, Callable[[Any, Mapping[str, Any], tuple[str, ...]], bool]] = {
    "everything_saveable": lambda prim, params, names: True,
    "nothing_saveable": lambda prim, params, names: False,
    "dots_saveable": lambda prim, params, names: prim.name in ("dot_general", "conv_general"),
    "dots_with_no_batch_dims_saveable": lambda prim, params, names: _is_dot_without_batch(prim, params),
    "save_only_these_names": lambda prim, params, names: _named(prim) and params["name"] in names,
    "save_any_names_but_these": lambda prim, params, names: _named(prim) and params["name"] not in names,
    "save_anything_except_these_names": lambda prim, params, names: not (_named(prim) and params["name"] in names),
}


@dataclass(frozen=True)
class Policy:
    """A policy with a text form: a rule of the table above, and the names that it is about."""

    rule: str
    names: tuple[str, ...] = ()

    def __call__(self, prim: Any, *avals: Any, **params: Any) -> bool:
        """Whether the results of an operation may be kept."""
        return _RULES[self.rule](prim, params, self.names)

    @property
    def text(self) -> str:
        """The form in which a program holds it."""
        return self.rule + (json.dumps(self.names) if self.names else "")

    @property
    def __name__(self) -> str:
        return self.rule


def to_text(d: Any, policy: Callable[..., Any] | None) -> str:
    """The parameter of `checkpoint` for a policy, "" for none; `d` keeps the policy where it has no text of its own."""
    if policy is None:
        return ""
    return policy.text if isinstance(policy, Policy) else f"{_PYTHON}{python_rules.keep(d, policy)}"


def from_text(text: str) -> Callable[..., Any]:
    """The policy of a parameter of `checkpoint`."""
    if not text:
        return Policy("nothing_saveable")
    if text.startswith(_PYTHON):
        return python_rules.find(int(text[len(_PYTHON) :]), "the policy of a checkpointed function")
    return _read(text)


def check(text: str) -> None:
    """Raise `AttributeValueError` for a text that is no policy's."""
    if text and not text.startswith(_PYTHON):
        _read(text)


def _read(text: str) -> Policy:
    rule, bracket, rest = text.partition("[")
    if rule not in _RULES:
        raise AttributeValueError(f"'checkpoint': there is no policy '{rule}'; known are {', '.join(sorted(_RULES))}")
    try:
        names: list[Any] = json.loads(bracket + rest) if bracket else []
    except ValueError:
        names = [None]
    if not all(isinstance(n, str) for n in names):
        raise AttributeValueError(
            f"'checkpoint': the policy's names must be a list of strings, as [\"a\"], got {text!r}"
        )
    return Policy(rule, tuple(names))


def is_saved(policy: Callable[..., Any], name: str, avals: Sequence[Aval], attributes: Mapping[str, Any]) -> bool:
    """A policy's decision about an operation. Raises `DtypeError` where it decides nothing."""
    params = dict(attributes)
    if name == "dot_general":
        contract = attributes["lhs_contract"], attributes["rhs_contract"]
        params["dimension_numbers"] = (contract, (attributes["lhs_batch"], attributes["rhs_batch"]))
    decision = policy(Primitive(name), *avals, **params)
    if isinstance(decision, Offloadable):
        _check_offload(decision)
        return True
    if decision is Saveable or decision is Recompute:
        return decision is Saveable
    if not isinstance(decision, bool):
        raise DtypeError(
            "a checkpoint policy must give True, False, Saveable, Recompute or Offloadable(src, dst), got "
            f"{decision!r} for '{name}'"
        )
    return decision


def _check_offload(decision: Offloadable) -> None:
    from axil.runtime import default_device

    platform = default_device().platform
    if platform != "cpu":
        raise AttributeValueError(
            f"a checkpoint policy asks for a value to be kept in {decision.dst!r}: memory of one {platform} device "
            "cannot be moved to another place and back; keep it (Saveable) or compute it again (Recompute)"
        )


__all__ = ["Offloadable", "Policy", "Primitive", "Recompute", "Saveable", "from_text", "is_saved", "to_text"]
