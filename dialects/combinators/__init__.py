"""Combinators: programs made from programs. Importing the package fills `COMBINATORS`."""

from __future__ import annotations

from axil.dialects.combinators import (  # noqa: F401
    bounded_while,
    checkpoint,
    cond,
    custom_jvp,
    custom_linear_solve,
    custom_symbolic,
    custom_vjp,
    custom_vmap,
    host_call,
    linear_call,
    replay,
    scan,
    transformations,
    while_loop,
)
from axil.dialects.combinators.combinator import COMBINATORS, Combinator, Signature, Site

__all__ = ["COMBINATORS", "Combinator", "Signature", "Site"]
