"""Imports every family of ops, which fills the registry `axil.dialects.op.OPS`."""

from __future__ import annotations

from axil.dialects import elementwise  # noqa: F401
