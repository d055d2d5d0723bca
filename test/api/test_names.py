"""Which of JAX's public names are there, that each is tried by a case, and that signatures agree with JAX's."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import FOLDER, Table, tables

from axil.tools import api

COMPLETE = [
    "axil.nn", "axil.nn.initializers", "axil.random", "axil.image", "axil.ops", "axil.flatten_util", "axil.tree",
    "axil.tree_util", "axil.dtypes", "axil.dlpack", "axil.errors", "axil.numpy.linalg", "axil.numpy.fft",
]  # fmt: skip
AT_LEAST = {"axil.numpy": 405, "axil.lax": 200, "axil.lax.linalg": 18}
WHOLE_NAMES_IN_TESTS = ("axil.tree", "axil.tree_util", "axil.dtypes", "axil.errors", "axil.dlpack", "axil.flatten_util")
"""Modules whose names are tried by test files of their own, not by tables."""


@pytest.mark.parametrize("module", COMPLETE)
def test_module_is_complete(module: str) -> None:
    assert api.missing(module) == []


@pytest.mark.parametrize("module", AT_LEAST)
def test_module_has_enough(module: str) -> None:
    assert len(api.jax_names()[module]) - len(api.missing(module)) >= AT_LEAST[module], api.missing(module)


def test_nine_tenths_of_scipy_are_there() -> None:
    rows = [row for row in api.counts() if row[0].startswith("axil.scipy")]
    assert sum(there for _, there, _ in rows) >= 0.9 * sum(total for _, _, total in rows)


# ---- each is tried -------------------------------------------------------------------------------------


def _modules_with_tables() -> list[str]:
    chosen = ("axil.numpy", "axil.lax", "axil.nn", "axil.random", "axil.image", "axil.ops", "axil.scipy")
    return [m for m in api.jax_names() if m.startswith(chosen)]


def _texts() -> str:
    """The cases of all tables, and the test files of the frontend."""
    cases = [case for topic in tables() for of in Table(topic).cases.values() for case in of]
    files = [path.read_text() for path in (FOLDER.parent / "frontend").glob("test_*.py")]
    return "\n".join([*cases, *files])


@pytest.fixture(scope="module")
def mentioned() -> set[str]:
    """Every word that follows a dot, and every word in quotes or alone in a list of names, in the tests."""
    sys.path.insert(0, str(FOLDER.parent / "frontend"))
    return set(re.findall(r"\w+", _texts())) | {name for topic in tables() for name in Table(topic).cases}


@pytest.mark.parametrize("module", _modules_with_tables())
def test_every_name_is_tried(module: str, mentioned: set[str]) -> None:
    untried = [name for name in api.jax_names()[module] if name not in mentioned and name not in api.missing(module)]
    assert not untried


# ---- signatures ----------------------------------------------------------------------------------------

ONE_DEVICE = {"out_sharding", "sharding", "device"}
"""Parameters that wait for several devices."""

ACCEPTED = {"axil.lax.all_gather": "JAX's `to` is about types of values that differ between devices"}
"""Functions whose parameters differ from JAX's, with the reason."""


def _functions() -> Iterator[tuple[str, str]]:
    for module in (*_modules_with_tables(), *WHOLE_NAMES_IN_TESTS):
        for name in api.jax_names()[module]:
            yield module, name


def _parameters(function: Any) -> dict[str, Any] | None:
    if inspect.isclass(function):
        return None
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None


def test_parameters_agree_with_jax() -> None:
    pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    found = []
    for module, name in _functions():
        ours = getattr(importlib.import_module(module), name, None) if name not in api.missing(module) else None
        theirs = getattr(importlib.import_module(module.replace("axil", "jax", 1)), name, None)
        mine, wanted = _parameters(ours), _parameters(theirs)
        if ours is None or mine is None or wanted is None or f"{module}.{name}" in ACCEPTED:
            continue
        if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in (*mine.values(), *wanted.values())):
            continue
        named = [p for p, x in wanted.items() if x.kind != x.POSITIONAL_ONLY and p not in ONE_DEVICE]
        lacking = [p for p in named if p not in mine]
        if lacking:
            found.append(f"{module}.{name} lacks {', '.join(lacking)}: {inspect.signature(ours)}")
    assert not found, "\n".join(found)


def test_the_counts_have_every_module() -> None:
    assert len(api.counts()) == len(api.jax_names())
    assert Path(api.__file__).with_name("jax_names.json").exists()
