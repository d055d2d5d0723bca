"""Rules that stay Python functions: a program names them by number, for as long as somebody holds them.

Most rules of the user's are traced where they are called, and are functions of the module. Some depend on what only a
transformation knows: which tangents are zero, the size of a batch, which operation a policy is asked about. Those are
asked when the transformation runs. The module's deriver holds them (`keep`), so that they live as long as the module
may be transformed; text that leaves the process cannot take them along.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import Any

from axil.dialects.errors import AttributeValueError

_rules: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_next = itertools.count(1)
_lock = threading.Lock()


def keep(d: Any, rule: Any) -> int:
    """The number of a rule, which lives as long as the functions of `d` do. Equal rules have one number."""
    with _lock:
        number = _numbers.get(rule, 0)
        known = _rules.get(number)
        if known is None:
            number = _numbers[rule] = next(_next)
            known = _rules[number] = rule
    d.held[number] = known
    return number


def find(number: int, what: str) -> Any:
    """The rule of a number; an error that says what is missing where it is gone."""
    rule = _rules.get(number)
    if rule is None:
        raise AttributeValueError(
            f"{what} is a Python function of the process that traced this program, and cannot be found here. "
            "Differentiate and batch the function before its program is written out"
        )
    return rule


__all__ = ["find", "keep"]
