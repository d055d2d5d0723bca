"""Every declaration, checked by its own samples: a new op needs no new test. (See `axil.testing`.)"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from axil.testing.compiled import CompileError, compile_cases
from axil.testing.declaration_checks import CHECKS, check_compiled
from axil.testing.samples import Case, cases

CASES = cases()
GROUP = 40
PAIRS = [(check, case) for check in CHECKS for case in CASES if CHECKS[check].concerns(case)]


@pytest.mark.parametrize(("check", "case"), PAIRS, ids=[f"{check}-{case[2]}" for check, case in PAIRS])
def test_rules(check: str, case: Case) -> None:
    CHECKS[check].run(case)


@cache
def compiled_group(index: int) -> Any:
    """The modules that hold the cases of one group, by case."""
    return compile_cases(CASES[index * GROUP : (index + 1) * GROUP])


@pytest.mark.parametrize("index", range(len(CASES)), ids=[name for _, _, name in CASES])
def test_compiled_is_the_reference(index: int) -> None:
    compiled = compiled_group(index // GROUP)[CASES[index][2]]
    if isinstance(compiled, CompileError):
        raise compiled
    check_compiled(CASES[index], compiled)
