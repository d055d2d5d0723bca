"""Functions about how a program is put together, which change nothing of what it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil import pytrees
from axil.core import Array, bind
from axil.dialects import effects
from axil.lax.common import ArgumentTypeError, UnsupportedError, fail, operand


def create_token(_: Any = None) -> Any:
    """A token: a value without content, by which programs of JAX order effects. Axil orders them by itself."""
    return Array(np.zeros((0,), bool))


def after_all(*operands: Any) -> Any:
    """A token that stands for all of the given ones."""
    return create_token()


def dce_sink(val: Any, *, prevent_mlir_dce: bool = False) -> None:
    """Keep what computes the arrays of a tree, though nothing else needs them, for `checkify` to check.

    A compiled program computes nothing for it: `prevent_mlir_dce=True` is refused.
    """
    if prevent_mlir_dce:
        fail("lax.dce_sink(prevent_mlir_dce=True): a compiled program computes only what its results need",
             "return the value", kind=UnsupportedError)  # fmt: skip
    for leaf in pytrees.tree_leaves(val):
        bind(effects.sink, operand("dce_sink", leaf))


def with_sharding_constraint(x: Any, shardings: Any) -> Any:
    """A tree of arrays, placed on a device: there is one, so this changes nothing.

    `shardings` is a device, or a tree of them that is a prefix of `x`; anything over several devices is refused.
    """
    from axil.runtime import Device, default_device

    for place in pytrees.tree_leaves(shardings, is_leaf=lambda leaf: leaf is None):
        if not isinstance(place, Device) or place != default_device():
            fail(f"lax.with_sharding_constraint: arrays live on one device, {default_device()}, and cannot be on "
                 f"{place!r}", "pass that device", kind=ArgumentTypeError)  # fmt: skip
    pytrees.broadcast_prefix(shardings, x, name="shardings", full_name="x")
    return pytrees.tree_map(lambda leaf: operand("with_sharding_constraint", leaf), x)


def stage(x: Any, /) -> Any:
    """`x` as an array of the program that is being traced, or as an array."""
    return operand("stage", x)


def composite(decomposition: Callable[..., Any], name: str, version: int = 0) -> Callable[..., Any]:
    """The function under a name for compilers that know it. Axil compiles its decomposition: the name is a label."""
    if not isinstance(name, str) or not name:
        fail(f"lax.composite: the name is a text, got {name!r}", kind=ArgumentTypeError)

    def call(*args: Any, **attributes: Any) -> Any:
        return decomposition(*args, **attributes)

    return call


def platform_dependent(
    *args: Any, default: Callable[..., Any] | None = None, **per_platform: Callable[..., Any]
) -> Any:  # fmt: skip
    """The function for the platform that programs run on: `platform_dependent(x, cpu=f, default=g)`.

    The platform is the default device's when the program is traced. All functions must give the same types.
    """
    from axil.runtime import default_device

    platform = default_device().platform
    chosen = per_platform.get(platform, default)
    if chosen is None:
        fail(f"lax.platform_dependent: nothing is given for platform '{platform}', only "
             f"{', '.join(sorted(per_platform)) or 'no function'}", "give a function as default=",
             kind=UnsupportedError)  # fmt: skip
    return pytrees.tree_map(lambda leaf: operand("platform_dependent", leaf), chosen(*args))
