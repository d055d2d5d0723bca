"""Order of the tests: those that touch a Vulkan device come last.

Once a process has a Vulkan device, Mesa's lavapipe and IREE's driver keep two threads of it busy until it ends, at the
expense of every test that follows.
"""

from __future__ import annotations

import inspect

import pytest


def _touches_vulkan(item: pytest.Item) -> bool:
    text = item.nodeid.lower()
    if "vulkan" in text or "doctor" in text:
        return True
    function = getattr(item, "function", None)
    if function is None:
        return False
    called = [function.__globals__.get(name) for name in function.__code__.co_names]
    functions = [function, *filter(inspect.isfunction, called)]
    return any("vulkan" in inspect.getsource(f).lower() for f in functions)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort stably by whether a test touches a Vulkan device."""
    items.sort(key=_touches_vulkan)
