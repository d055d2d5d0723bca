"""Trees of containers, described in JSON: how an artifact records the structure of its arguments and results.

A description is one of

    "*"                                              a leaf (an array)
    null                                             None
    {"list": [tree, ...]}, {"tuple": [tree, ...]}    in order
    {"dict": [[key, tree], ...]}                     keys (str or int) in sorted order
    {"namedtuple": name, "fields": [[field, tree], ...]}

The frontend has its own trees, with custom classes and on optree; this is the small part that a deployed
program needs. A named tuple comes back as a named tuple of the same name and fields, and any tuple will do on
the way in.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from axil.runtime.errors import ArtifactError, SignatureError

Tree = Any  # a JSON value of the form above
LEAF = "*"


def describe(value: Any, is_leaf: Any = None) -> Tree:
    """The description of `value`: every object that is no container is a leaf, and so is what `is_leaf` says.

    Raises `SignatureError` for a dict key that is neither str nor int.
    """
    if is_leaf is not None and is_leaf(value):
        return LEAF
    again = functools.partial(describe, is_leaf=is_leaf)
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {"dict": [[key, again(value[key])] for key in _sorted_keys(value, "")]}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is not None:
            fields = [[name, again(item)] for name, item in zip(names, value)]
            return {"namedtuple": type(value).__name__, "fields": fields}
        return {"tuple": [again(item) for item in value]}
    if isinstance(value, list):
        return {"list": [again(item) for item in value]}
    return LEAF


def flatten(tree: Tree, value: Any, path: str = "") -> list[Any]:
    """The leaves of `value`, which must have the structure of `tree`; else `SignatureError` with the path."""
    leaves: list[Any] = []
    _flatten(tree, value, path, leaves)
    return leaves


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """The value of structure `tree` with the given leaves."""
    rest = iter(leaves)
    try:
        value = _build(tree, rest)
    except StopIteration:
        raise SignatureError(f"a tree of {len(paths(tree))} leaves was given {len(leaves)}") from None
    if next(rest, rest) is not rest:
        raise SignatureError(f"a tree of {len(paths(tree))} leaves was given {len(leaves)}")
    return value


def paths(tree: Tree, path: str = "") -> list[str]:
    """The path of each leaf, as in `params['w'][0]`."""
    if tree == LEAF:
        return [path]
    return [leaf for step, child in _children(tree) for leaf in paths(child, path + step)]


def check(tree: Tree) -> Tree:
    """Give `tree` back if it is a well-formed description; else raise `ArtifactError`."""
    if tree is None or tree == LEAF:
        return tree
    try:
        for _, child in _children(tree):
            check(child)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ArtifactError(f"malformed tree description: {error!r}") from None
    return tree


def show(tree: Tree) -> str:
    """The structure in Python's notation, leaves as `*`."""
    if tree is None or tree == LEAF:
        return str(tree)
    inner = [show(child) for _, child in _children(tree)]
    if "list" in tree:
        return f"[{', '.join(inner)}]"
    if "tuple" in tree:
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    if "dict" in tree:
        return "{" + ", ".join(f"{key!r}: {text}" for (key, _), text in zip(tree["dict"], inner)) + "}"
    fields = ", ".join(f"{name}={text}" for (name, _), text in zip(tree["fields"], inner))
    return f"{tree['namedtuple']}({fields})"


def _children(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """(step of the path, child) of a node."""
    if tree is None:
        return
    if not isinstance(tree, dict):
        raise TypeError(f"{tree!r} is no tree")
    if "dict" in tree:
        for key, child in tree["dict"]:
            yield f"[{key!r}]", child
    elif "namedtuple" in tree:
        for name, child in tree["fields"]:
            yield f".{name}", child
    else:
        for i, child in enumerate(tree["list"] if "list" in tree else tree["tuple"]):
            yield f"[{i}]", child


def _flatten(tree: Tree, value: Any, path: str, leaves: list[Any]) -> None:
    if tree == LEAF:
        if value is None or isinstance(value, (list, tuple, Mapping)):
            raise SignatureError(f"{_at(path)}expected an array, got {_kind(value)}")
        leaves.append(value)
    elif tree is None:
        if value is not None:
            raise SignatureError(f"{_at(path)}expected None, got {_kind(value)}")
    elif "dict" in tree:
        _flatten_dict(tree["dict"], value, path, leaves)
    else:
        children = list(_children(tree))
        wanted = list if "list" in tree else tuple
        if not isinstance(value, wanted):
            raise SignatureError(f"{_at(path)}expected {show(tree)}, got {_kind(value)}")
        if len(value) != len(children):
            raise SignatureError(
                f"{_at(path)}expected {len(children)} items as in {show(tree)}, got {len(value)}"
            )
        for (step, child), item in zip(children, value):
            _flatten(child, item, path + step, leaves)


def _flatten_dict(items: list[Any], value: Any, path: str, leaves: list[Any]) -> None:
    keys = [key for key, _ in items]
    if not isinstance(value, Mapping):
        raise SignatureError(f"{_at(path)}expected a dict with the keys {keys}, got {_kind(value)}")
    missing = [key for key in keys if key not in value]
    extra = [key for key in value if key not in keys]
    if missing or extra:
        parts = [f"{what} {names}" for what, names in (("missing", missing), ("unexpected", extra)) if names]
        raise SignatureError(f"{_at(path)}expected the keys {keys}: {', '.join(parts)}")
    for key, child in items:
        _flatten(child, value[key], f"{path}[{key!r}]", leaves)


def _build(tree: Tree, leaves: Iterator[Any]) -> Any:
    if tree == LEAF:
        return next(leaves)
    if tree is None:
        return None
    items = []  # no comprehension: a generator would turn StopIteration into RuntimeError
    for _, child in _children(tree):
        items.append(_build(child, leaves))
    if "list" in tree:
        return items
    if "tuple" in tree:
        return tuple(items)
    if "dict" in tree:
        return {key: item for (key, _), item in zip(tree["dict"], items)}
    return _named(tree["namedtuple"], tuple(name for name, _ in tree["fields"]))(*items)


@functools.cache
def _named(name: str, fields: tuple[str, ...]) -> Any:
    try:
        return collections.namedtuple(name, fields)
    except ValueError as error:
        raise ArtifactError(f"malformed tree description: {error}") from None


def _sorted_keys(value: Mapping[Any, Any], path: str) -> list[Any]:
    for key in value:
        if not isinstance(key, (str, int)) or isinstance(key, bool):
            raise SignatureError(
                f"{_at(path)}dict keys of an artifact's arguments and results must be str or int, not {key!r}"
            )
    return sorted(value, key=lambda key: (isinstance(key, str), key))


def _at(path: str) -> str:
    return f"{path}: " if path else ""


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, Mapping):
        return f"a dict with the keys {list(value)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a leaf of type {type(value).__name__}"
