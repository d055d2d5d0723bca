"""`enable_checks`: programs are verified by MLIR between all passes, which is off otherwise since it takes long."""

from __future__ import annotations


def activate(option: str, active: bool) -> None:
    """Begin or end to verify."""
    from axil.compiler.passes import passes

    passes.verify_always = active
