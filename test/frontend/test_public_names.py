"""Every name that the package offers can be had."""

from __future__ import annotations

import importlib

import pytest

import axil

LAZY = ["axil", "axil.scipy", "axil.scipy.stats", "axil.scipy.special", "axil.nn", "axil.lax", "axil.numpy"]


@pytest.mark.parametrize("module", LAZY)
def test_every_name_of_dir_is_there(module: str) -> None:
    found = importlib.import_module(module)
    for name in dir(found):
        getattr(found, name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        axil.nonsense  # noqa: B018
