"""Damaged .mlir files: `axil-opt` says what is wrong and where, and never shows a traceback or ends the process."""

from __future__ import annotations

import io
import random
import re
from pathlib import Path

import pytest

from axil.tools import opt

FILES = sorted((Path(__file__).parent.parent / "lit").rglob("*.mlir"))
PIPELINES = (
    "axil-expand,axil-inline,symbol-dce,axil-simplify,cse",
    "axil-import-stablehlo,axil-expand,axil-inline,symbol-dce,axil-simplify,cse,axil-to-stablehlo,cse,axil-guard-inputs",
    "axil-to-stablehlo{kernels=0}",
)


def damaged(text: str, rng: random.Random) -> str:
    """A text with a word replaced or left out, a number changed, a line left out or doubled."""
    for _ in range(rng.randint(1, 3)):
        words = list(re.finditer(r"\w+|[^\w\s]", text))
        if len(words) < 2:
            return text
        a, b = rng.choice(words), rng.choice(words)
        kind = rng.random()
        if kind < 0.4:
            text = text[: a.start()] + b.group() + text[a.end() :]
        elif kind < 0.6:
            text = text[: a.start()] + text[a.end() :]
        elif kind < 0.8:
            numbers = [w for w in words if w.group().isdigit()] or [a]
            a = rng.choice(numbers)
            text = text[: a.start()] + str(rng.choice([0, 1, 2, 3, 7, -1])) + text[a.end() :]
        else:
            lines = text.split("\n")
            i = rng.randrange(len(lines))
            lines[i : i + 1] = [lines[i]] * rng.choice([0, 2])
            text = "\n".join(lines)
    return text


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_end_in_a_message(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(25):
        text = re.sub(r"^\s*//.*$", "", rng.choice(FILES).read_text(), flags=re.M)
        out, err = io.StringIO(), io.StringIO()
        status = opt.main(["--pass-pipeline", rng.choice(PIPELINES)], io.StringIO(damaged(text, rng)), out, err)
        report = err.getvalue()
        assert (status != 0) == bool(report)
        assert "internal error" not in report and "Traceback" not in report, report
        assert all(re.match(r"[^:\n]+(:\d+:\d+)?: (error|note): ", line) for line in report.splitlines()), report


UNKNOWN = ["axil.foo %a : tensor<4xf32>", '"stablehlo.foo"(%a) : (tensor<4xf32>) -> tensor<4xf32>']


@pytest.mark.parametrize("op", UNKNOWN)
def test_the_first_line_has_its_own_columns(op: str) -> None:
    head = "func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> { %0 = "
    out, err = io.StringIO(), io.StringIO()
    opt.main([], io.StringIO(f"{head}{op} return %0 : tensor<4xf32> }}"), out, err)
    assert f":1:{len(head) + 1}: error: " in err.getvalue()
