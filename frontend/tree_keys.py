"""Keys and paths: where in a pytree a leaf stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

KeyEntry = Any
"""A step into a node: one of the keys below, or what a registered class names its children by."""

KeyPath = tuple[KeyEntry, ...]
"""The steps from a tree's root to a leaf."""


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A step into a list or tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


@dataclasses.dataclass(frozen=True)
class DictKey:
    """A step into a dict."""

    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """A step to an attribute: a namedtuple's or a dataclass's field."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@dataclasses.dataclass(frozen=True)
class FlattenedIndexKey:
    """A step into a registered class that names no keys: the index of the child."""

    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


@dataclasses.dataclass(frozen=True)
class HiddenKey:
    """A step from an array of random keys to its words, which users do not see."""

    def __str__(self) -> str:
        return ""


def keystr(keys: KeyPath, *, simple: bool = False, separator: str = "") -> str:
    """A path as text, ``['a'][0].w``; with ``simple`` and a separator, ``a/0/w``."""
    return separator.join(map(_simple_key if simple else str, keys))


def _simple_key(key: KeyEntry) -> str:
    match key:
        case SequenceKey(inner) | DictKey(inner) | GetAttrKey(inner) | FlattenedIndexKey(inner):
            return str(inner)
    return str(key)
