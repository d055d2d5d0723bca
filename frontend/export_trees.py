"""Structures of arguments and results as JSON, for exported functions: containers, and classes that say how.

A class of the user's is written by a name that `register_pytree_node_serialization` or
`register_namedtuple_serialization` gave it; the reading process must have registered the same name.
"""

from __future__ import annotations

import base64
import collections
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from axil import pytrees
from axil.runtime.errors import ArtifactError
from axil.tree_registration import REGISTRY, flatten_one_level, is_tree_node

T = TypeVar("T")
LEAF = "*"


class UnserializableError(ArtifactError, TypeError):
    """An exported function has something that cannot be written down."""


class _Named(NamedTuple):
    """How a class is written."""

    name: str
    kind: type
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]
    build: Callable[[Any, Sequence[Any]], Any]


_by_type: dict[type, _Named] = {}
_by_name: dict[str, _Named] = {}


def register_pytree_node_serialization(
    nodetype: type[T], *, serialized_name: str, serialize_auxdata: Callable[[Any], bytes],
    deserialize_auxdata: Callable[[bytes], Any], from_children: Callable[[Any, Sequence[Any]], Any] | None = None,
) -> type[T]:  # fmt: skip
    """Let exported functions take and give instances of a registered pytree class; gives the class.

    `serialize_auxdata` turns the node's auxiliary data into bytes, and `deserialize_auxdata` turns them back.
    `from_children(auxdata, children)` builds a node; by default the function registered with the class does.
    """
    if nodetype not in REGISTRY:
        raise ValueError(f"{nodetype.__qualname__} is no pytree node: register it with axil.tree_util first")
    build = from_children or REGISTRY[nodetype].unflatten
    _register(_Named(serialized_name, nodetype, serialize_auxdata, deserialize_auxdata, build))
    return nodetype


def register_namedtuple_serialization(nodetype: type[T], *, serialized_name: str) -> type[T]:
    """Let exported functions take and give instances of a named tuple; gives the class."""
    if not (isinstance(nodetype, type) and issubclass(nodetype, tuple) and hasattr(nodetype, "_fields")):
        raise ValueError(f"register_namedtuple_serialization takes a named tuple class, got {nodetype!r}")
    fields = ",".join(nodetype._fields)  # type: ignore[attr-defined]

    def read(data: bytes) -> None:
        if data.decode() != fields:
            raise ArtifactError(f"the named tuple {serialized_name!r} had the fields {data.decode()}, and has {fields}")

    build: Any = nodetype
    _register(_Named(serialized_name, nodetype, lambda aux: fields.encode(), read, lambda aux, xs: build(*xs)))
    return nodetype


def _register(entry: _Named) -> None:
    if entry.kind in _by_type:
        raise ValueError(f"{entry.kind.__qualname__} is registered for serialization already")
    if entry.name in _by_name:
        other = _by_name[entry.name].kind.__qualname__
        raise ValueError(f"the serialized name {entry.name!r} is taken by {other}; choose another")
    _by_type[entry.kind] = _by_name[entry.name] = entry


def describe(value: Any) -> Any:
    """The structure of a tree as JSON; leaves are what is no container."""
    kind = type(value)
    if value is None:
        return None
    if kind in _by_type:
        entry = _by_type[kind]
        children, aux = flatten_one_level(value)
        data = base64.b64encode(entry.write(aux)).decode()
        return {"named": entry.name, "data": data, "children": [describe(x) for x in children]}
    if kind in (list, tuple):
        return {kind.__name__: [describe(x) for x in value]}
    if kind in (dict, collections.OrderedDict):
        return {"dict" if kind is dict else "ordered": [[_key(k), describe(x)] for k, x in value.items()]}
    if is_tree_node(kind):
        way = "namedtuple" if hasattr(value, "_fields") else "pytree_node"
        raise UnserializableError(
            f"{kind.__qualname__} in the arguments or results of an exported function cannot be written down: register "
            f"it with axil.export.register_{way}_serialization, here and where it is read"
        )
    return LEAF


def _key(key: Any) -> Any:
    if not isinstance(key, (str, int)) or isinstance(key, bool):
        raise UnserializableError(f"the dict key {key!r} cannot be written down: use texts or integers as keys")
    return key


def build(description: Any, leaves: Iterable[Any]) -> Any:
    """A tree of a description, with leaves in its order."""
    if description == LEAF:
        return next(leaves)  # type: ignore[call-overload]
    if description is None:
        return None
    if "named" in description:
        return _build_named(description, leaves)
    ((kind, items),) = description.items()
    if kind in ("list", "tuple"):
        values = [build(x, leaves) for x in items]
        return values if kind == "list" else tuple(values)
    if kind in ("dict", "ordered"):
        pairs = [(k, build(x, leaves)) for k, x in items]
        return dict(pairs) if kind == "dict" else collections.OrderedDict(pairs)
    raise ArtifactError(f"an unknown kind of container: {kind!r}")


def _build_named(description: Any, leaves: Any) -> Any:
    entry = _by_name.get(description["named"])
    if entry is None:
        raise ArtifactError(
            f"an exported function takes or gives nodes called {description['named']!r}, which this process has not "
            "registered: do so with axil.export.register_pytree_node_serialization (or "
            "register_namedtuple_serialization) before reading it"
        )
    aux = entry.read(base64.b64decode(description["data"]))
    return entry.build(aux, [build(x, leaves) for x in description["children"]])


def describe_structure(treedef: Any) -> Any:
    """The JSON form of a treedef."""
    return describe(pytrees.tree_unflatten(treedef, [object() for _ in range(treedef.num_leaves)]))


def structure_of(description: Any) -> Any:
    """The treedef of a JSON form."""
    endless = iter(object, None)
    return pytrees.tree_structure(build(description, endless))


__all__ = [
    "UnserializableError", "describe_structure", "register_namedtuple_serialization",
    "register_pytree_node_serialization", "structure_of",
]  # fmt: skip
