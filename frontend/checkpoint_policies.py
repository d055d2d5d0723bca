"""Policies for `checkpoint(f, policy=...)`: which intermediate values are kept for the backward pass.

A policy is asked about each operation of the forward pass: `policy(prim, *avals, **params)`, where `prim.name` is the
op's name in `docs/ops.md` and `params` are its attributes (`dot_general` has JAX's `dimension_numbers` too). It gives
`True` or `Saveable` where the results may be kept, `False` or `Recompute` where they are computed again. Only values
that the backward pass needs are kept. A user's own function will do as well as those here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axil import errors
from axil.dialects.combinators.policies import Offloadable, Policy, Recompute, Saveable
from axil.source import user_line

everything_saveable = Policy("everything_saveable")
"""Keep all that the backward pass needs, as without `checkpoint`."""

nothing_saveable = Policy("nothing_saveable")
"""Keep nothing but the arguments, as `checkpoint` without a policy."""

dots_saveable = checkpoint_dots = Policy("dots_saveable")
"""Keep the results of matrix products and convolutions, which are dear; compute the rest again."""

dots_with_no_batch_dims_saveable = checkpoint_dots_with_no_batch_dims = Policy("dots_with_no_batch_dims_saveable")
"""Keep the results of matrix products without batch dimensions: those with weights, and not those of attention."""


def save_only_these_names(*names_which_can_be_saved: str) -> Policy:
    """Keep the values that `checkpoint_name` gives one of these names."""
    return Policy("save_only_these_names", _names("save_only_these_names", names_which_can_be_saved))


def save_any_names_but_these(*names_not_to_save: str) -> Policy:
    """Keep the values that have a name, unless it is one of these."""
    return Policy("save_any_names_but_these", _names("save_any_names_but_these", names_not_to_save))


def save_anything_except_these_names(*names_not_to_save: str) -> Policy:
    """Keep all values, named or not, but those of these names."""
    return Policy("save_anything_except_these_names", _names("save_anything_except_these_names", names_not_to_save))


def save_from_both_policies(policy_1: Callable[..., Any], policy_2: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what one of two policies keeps. Both must give booleans: `ValueError` where one does not."""

    def policy(prim: Any, *avals: Any, **params: Any) -> bool:
        decisions = policy_1(prim, *avals, **params), policy_2(prim, *avals, **params)
        if not all(isinstance(d, bool) for d in decisions):
            raise PolicyError(
                f"save_from_both_policies takes policies that give booleans, got {decisions[0]!r} and {decisions[1]!r} "
                f"for '{prim.name}'; write a policy of your own instead"
            )
        return any(decisions)

    return policy


def save_and_offload_only_these_names(
    *, names_which_can_be_saved: Sequence[str], names_which_can_be_offloaded: Sequence[str], offload_src: str,
    offload_dst: str,
) -> Callable[..., Any]:  # fmt: skip
    """Keep values of some names, and move those of others from memory `offload_src` to `offload_dst` meanwhile.

    On CPUs both are the same memory: see `Offloadable`. Raises `ValueError` where a name is in both lists.
    """
    saved, moved = set(names_which_can_be_saved), set(names_which_can_be_offloaded)
    if saved & moved:
        raise PolicyError(
            errors.explain(
                "save_and_offload_only_these_names: a name can be saved or offloaded, not both: "
                f"{', '.join(sorted(saved & moved))}",
                user_line(),
            )
        )

    def policy(prim: Any, *avals: Any, **params: Any) -> Any:
        if prim.name == "checkpoint_name" and params["name"] in saved:
            return Saveable
        if prim.name == "checkpoint_name" and params["name"] in moved:
            return Offloadable(offload_src, offload_dst)
        return Recompute

    return policy


def offload_dot_with_no_batch_dims(offload_src: str, offload_dst: str) -> Callable[..., Any]:
    """As `dots_with_no_batch_dims_saveable`, but values move to memory `offload_dst`; see `Offloadable`."""

    def policy(prim: Any, *avals: Any, **params: Any) -> Any:
        keep = dots_with_no_batch_dims_saveable(prim, *avals, **params)
        return Offloadable(offload_src, offload_dst) if keep else Recompute

    return policy


class PolicyError(errors.AxilTypeError, ValueError):
    """A policy that contradicts itself."""


def _names(where: str, names: Sequence[Any]) -> tuple[str, ...]:
    for name in names:
        if not isinstance(name, str):
            raise errors.AxilTypeError(
                errors.explain(
                    f"{where} takes names, one argument each, got {name!r}", user_line(),
                    ways_out=["unpack a list of them: *names"],
                )  # fmt: skip
            )
    return tuple(names)


__all__ = [
    "checkpoint_dots", "checkpoint_dots_with_no_batch_dims", "dots_saveable", "dots_with_no_batch_dims_saveable",
    "everything_saveable", "nothing_saveable", "offload_dot_with_no_batch_dims", "save_and_offload_only_these_names",
    "save_any_names_but_these", "save_anything_except_these_names", "save_from_both_policies", "save_only_these_names",
]  # fmt: skip
