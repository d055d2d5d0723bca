"""Imports every family of ops, which fills the registry `axil.dialects.op.OPS`."""

from __future__ import annotations

from axil.dialects import (  # noqa: F401
    bits,
    collective,
    complex,
    contraction,
    cumulative,
    elementwise,
    indexing,
    random,
    reduction,
    scatter,
    shape,
    sorting,
    special,
)
