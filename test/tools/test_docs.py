"""The pages of docs/ that are generated, or hold code: they must say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command

from axil.dialects.combinators import COMBINATORS
from axil.dialects.op import OPS
from axil.tools import api, docs

ROOT = Path(docs.__file__).resolve().parents[1]
CASES = ROOT / "test" / "api" / "cases"
TUTORIAL = ROOT / "docs" / "adding-an-op.md"

CHECKS = """
for block in {blocks!r}:
    exec(block, globals())
from axil.dialects.op import OPS
from axil.testing import check_op

for name in {names!r}:
    check_op(OPS[name])
    print("checked", name)
"""


def blocks(language: str) -> list[str]:
    """The code blocks of the tutorial."""
    return re.findall(rf"```{language}\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)


def test_the_op_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "ops.md").read_text() == docs.page(), "run: axil docs"


def test_the_op_reference_holds_every_op_once() -> None:
    titles = re.findall(r"^### `(?:axil\.)?(\w+)`$", docs.page(), re.MULTILINE)
    registered = [op.name for _, ops in docs.families() for op in ops]
    assert sorted(titles) == sorted([*registered, *COMBINATORS])
    # (Names with a dot are of packages that extend Axil: other tests declare some.)
    assert set(registered) == {name for name, op in OPS.items() if op.source != "test" and "." not in name}


@pytest.mark.parametrize(
    ("op", "differentiable", "takes"),
    [("sin", True, "floating point or complex"), ("eq", False, "any dtype"), ("floor", False, "floating point"),
     ("reshape", True, "any dtype"), ("neg", True, "numbers"), ("real", True, "complex")],
)  # fmt: skip
def test_what_the_rules_say(op: str, differentiable: bool, takes: str) -> None:
    assert docs.differentiable(OPS[op]) is differentiable
    assert docs.accepted(OPS[op]) == takes


def test_the_api_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "api.md").read_text() == api.page(CASES), "run: axil docs"


def test_the_api_page_lists_the_differences_from_jax() -> None:
    for table, exceptions in api.exceptions_of(CASES).items():
        for case, reason in exceptions.items():
            assert reason.strip(), f"{table}: {case} has no reason"


def test_the_command_writes_and_checks(axil: Command, tmp_path: Path) -> None:
    options = ("-o", tmp_path, "--cases", CASES)
    assert axil("docs", *options, "--check").status == 1
    assert axil("docs", *options).status == 0
    assert axil("docs", *options, "--check").status == 0


def test_the_tutorials_ops_pass_their_generated_checks() -> None:
    """In a process of its own: an op is declared before the dialect is loaded."""
    code = CHECKS.format(blocks=blocks("python"), names=("sinc", "roll"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "checked sinc\nchecked roll\n"


def test_the_tutorials_ops_are_new() -> None:
    assert not {"sinc", "roll"} & set(OPS)


def test_the_tutorials_commands(tmp_path: Path) -> None:
    """The .mlir file runs, with the op declared as the tutorial says."""
    (text,) = blocks("mlir")
    (tmp_path / "sinc.mlir").write_text(text)
    code = "\n".join(blocks("python")) + (
        "from axil.tools.cli import main\n"
        f"raise SystemExit(main(['opt', '--run', '--input', '3xf32=0,0.5,1', {str(tmp_path / 'sinc.mlir')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3xf32=1 0.636619")
