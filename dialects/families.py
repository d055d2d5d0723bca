"""Imports every family of ops, which fills the registry `axil.dialects.op.OPS`."""

from __future__ import annotations

from axil.dialects import contraction, cumulative, elementwise, indexing, random, reduction, scatter, shape  # noqa: F401
