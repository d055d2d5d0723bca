"""Marks on random keys, for the check that none is used twice (`axil.key_reuse`).

They are emitted while `debug_key_reuse` is on, and compute nothing.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.errors import AttributeValueError, DtypeError
from axil.dialects.factories import Aval, Op, no_tangent, sample


def _infer(x: Aval, *, kind: str) -> Aval:
    if x.dtype != "uint32":
        raise DtypeError(f"'key_mark' takes the words of keys, which are u32, got {x}")
    if kind not in ("use", "fresh"):
        raise AttributeValueError(f"'key_mark': the kind is 'use' or 'fresh', got '{kind}'")
    return x


def _batch(size: int, xs: Any, batched: Any, *, kind: str) -> Any:
    return key_mark(xs[0], kind=kind)


key_mark = Op(
    name="key_mark",
    summary="The words of keys that numbers are drawn under ('use'), or that count as new from here on ('fresh').",
    operands=("keys",), attributes={"kind": "str"}, infer=_infer, reference=lambda x, *, kind: x, jvp=no_tangent,
    batch=_batch, lower=lambda values, results, context, *, kind: values[0], moves=True, makes_nan=False,
    marks_keys=True, samples=(sample("u32[2]", kind="use"), sample("u32[3,2]", kind="fresh")),
)  # fmt: skip
