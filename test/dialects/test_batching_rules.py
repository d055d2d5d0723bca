"""Batching rules of all ops: every choice of batched operands, and no loop over the batch.

That one operand, or all, are batched is tested with the other rules (`axil.testing`); here are the choices between.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from axil.compiler.functions import operations
from axil.dialects.mlir import ir
from axil.testing.declaration_checks import check_close
from axil.testing.samples import Case, avals_of, cases, determined, function, module, operands, results

CASES = cases()
SOME = [c for c in CASES if len(c[1].operands) > 2]
WITH_OPERANDS = [c for c in CASES if c[1].operands]


def _names(cases: list[Case]) -> list[str]:
    return [name for _, _, name in cases]


@pytest.mark.parametrize("case", SOME, ids=_names(SOME))
def test_any_operands_may_be_batched(case: Case) -> None:
    op, sample, _ = case
    count, size = len(sample.operands), 2
    masks = [m for m in itertools.product((False, True), repeat=count) if 1 < sum(m) < count]
    for batched in masks[:14]:
        xs = operands(case, batched, size)
        got = results(op.batch(size, xs, list(batched), **sample.attributes))
        rows = [results(op(*[x[i] if b else x for x, b in zip(xs, batched)], **sample.attributes)) for i in range(size)]
        wanted = [np.stack(parts) for parts in zip(*rows)]
        for y, want in zip(determined(case, got), determined(case, wanted), strict=True):
            check_close(y, want)


@pytest.mark.parametrize("case", WITH_OPERANDS, ids=_names(WITH_OPERANDS))
def test_a_batch_of_any_size_is_as_many_operations(case: Case) -> None:
    """A rule that looped over the examples would emit more for more of them, or call a loop."""
    counts = [_emitted(case, size) for size in (3, 8)]
    assert counts[0] == counts[1]
    assert "func.call" not in counts[0]


def _emitted(case: Case, size: int) -> list[str]:
    op, sample, _ = case

    def body(*xs: Any) -> Any:
        return op.batch(size, list(xs), [True] * len(xs), **sample.attributes)

    avals = [a.with_shape((size, *a.shape)) for a in avals_of(sample)]
    made = module(lambda: function("f", avals, body))
    block: ir.Block = made.body.operations[0].operation.regions[0].blocks[0]
    return [o.name for o in operations(block)]
