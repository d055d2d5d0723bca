"""Functions whose derivatives the user writes: `axil.custom_derivatives`."""

from __future__ import annotations

from axil.custom_conversions import closure_convert, custom_gradient, linear_call
from axil.custom_forward import custom_jvp
from axil.custom_reverse import custom_vjp
from axil.custom_rules import CustomRuleError, share_captures
from axil.custom_symbolic import CustomVJPPrimal, SymbolicZero, custom_vjp_primal_tree_values, zero_from_primal

__all__ = [
    "CustomRuleError", "CustomVJPPrimal", "SymbolicZero", "closure_convert", "custom_gradient", "custom_jvp",
    "custom_vjp", "custom_vjp_primal_tree_values", "linear_call", "share_captures", "zero_from_primal",
]  # fmt: skip
