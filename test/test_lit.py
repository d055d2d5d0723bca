"""The lit tests, each a test of pytest's too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "lit"


def load_format() -> object:
    """Import `test/lit/axil_format.py`, which is in no package."""
    spec = importlib.util.spec_from_file_location("axil_format", HERE / "axil_format.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["axil_format"] = module
    spec.loader.exec_module(module)
    return module


FORMAT = load_format()
TESTS = sorted(HERE.rglob("*.mlir"))


@pytest.mark.parametrize("path", TESTS, ids=[str(p.relative_to(HERE)) for p in TESTS])
def test_mlir(path: Path) -> None:
    failure = FORMAT.run_test(path)  # type: ignore[attr-defined]
    assert failure is None, failure


def test_there_are_tests() -> None:
    assert len(TESTS) > 50
