"""Which types are pytree nodes: registration of classes, and one level of any node with its keys."""

from __future__ import annotations

import collections
import dataclasses
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import optree

from axil.tree_keys import DictKey, FlattenedIndexKey, GetAttrKey, KeyEntry, SequenceKey

NAMESPACE = "axil"
"""The optree namespace that holds the classes registered here."""

C = TypeVar("C", bound=type)


class ArrayNode:
    """Base of classes whose instances are arrays to users: leaves of `axil.tree`, nodes to the transformations.

    They have one leaf, an array with more dimensions, the last ones, than they show.
    """

    __slots__ = ()

    has_values: bool
    """Whether the leaf is an array, and not a `ShapeDtypeStruct`."""


is_array_node: Callable[[Any], bool] = ArrayNode.__instancecheck__  # type: ignore[attr-defined]
"""Whether a value is an `ArrayNode`. A function in C, as it is asked at each node of each tree of users."""


class _Entry(NamedTuple):
    """What is known of a registered class."""

    flatten: Callable[[Any], tuple[Iterable[Any], Any]]
    unflatten: Callable[[Any, Iterable[Any]], Any]
    flatten_with_keys: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Any]] | None


REGISTRY: dict[type, _Entry] = {}
"""The registered classes."""


def register_pytree_node(
    nodetype: type,
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, Any], Any],
    flatten_with_keys_func: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Any]] | None = None,
) -> None:
    """Makes a class a pytree node.

    ``flatten_func(x)`` returns ``(children, aux_data)`` and ``unflatten_func(aux_data, children)`` rebuilds
    x. ``aux_data`` becomes part of the treedef, which is a cache key: it must be hashable and comparable,
    and hold no arrays.
    """
    if not isinstance(nodetype, type):
        raise TypeError(f"register_pytree_node takes a class, got {nodetype!r}")
    if nodetype in REGISTRY:
        raise ValueError(f"{nodetype.__qualname__} is already registered as a pytree node")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # optree's, on registering a namedtuple class
        optree.register_pytree_node(nodetype, flatten_func, unflatten_func, namespace=NAMESPACE)
    REGISTRY[nodetype] = _Entry(flatten_func, unflatten_func, flatten_with_keys_func)


def register_pytree_node_class(cls: C) -> C:
    """Class decorator: makes a class with ``tree_flatten`` and ``tree_unflatten(aux_data, children)`` a node.

    ``tree_unflatten`` may be a classmethod, a staticmethod or a plain function in the class.
    """
    _require_methods(cls, "tree_flatten", "tree_unflatten")
    register_pytree_node(cls, operator.methodcaller("tree_flatten"), cls.tree_unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type,
    flatten_with_keys: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Any]],
    unflatten_func: Callable[[Any, Any], Any],
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Makes a class a pytree node whose children have keys, which appear in paths.

    ``flatten_with_keys(x)`` returns ``([(key, child), ...], aux_data)``; `flatten_func`, if given, is the
    same without the keys, and faster.
    """

    def without_keys(x: Any) -> tuple[list[Any], Any]:
        pairs, aux = flatten_with_keys(x)
        return [child for _, child in pairs], aux

    register_pytree_node(nodetype, flatten_func or without_keys, unflatten_func, flatten_with_keys)


def register_pytree_with_keys_class(cls: C) -> C:
    """Class decorator: as `register_pytree_node_class`, for classes with ``tree_flatten_with_keys(self)``."""
    _require_methods(cls, "tree_flatten_with_keys", "tree_unflatten")
    flatten = operator.methodcaller("tree_flatten") if hasattr(cls, "tree_flatten") else None
    with_keys = operator.methodcaller("tree_flatten_with_keys")
    register_pytree_with_keys(cls, with_keys, cls.tree_unflatten, flatten)
    return cls


def _require_methods(cls: type, *names: str) -> None:
    for name in names:
        if not hasattr(cls, name):
            raise TypeError(f"{cls.__qualname__} needs a method {name} to be registered as a pytree node")


def register_dataclass(
    nodetype: C,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> C:
    """Makes a dataclass a pytree node.

    The `data_fields` are its children, the `meta_fields` part of the structure. Without the lists, fields
    declared with ``axil.tree.static()`` (or ``metadata={"static": True}``) are meta fields and all others
    are data. `drop_fields` are left out. Usable as a class decorator.
    """
    data, meta = _dataclass_fields(nodetype, data_fields, meta_fields, drop_fields)

    def flatten(x: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple([getattr(x, name) for name in data]), tuple([getattr(x, name) for name in meta])

    def with_keys(x: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple((GetAttrKey(name), getattr(x, name)) for name in data), flatten(x)[1]

    def unflatten(aux: tuple[Any, ...], children: Iterable[Any]) -> Any:
        return nodetype(**dict(zip(meta, aux)), **dict(zip(data, children)))

    register_pytree_node(nodetype, flatten, unflatten, with_keys)
    return nodetype


def _dataclass_fields(
    nodetype: type,
    data_fields: Sequence[str] | None,
    meta_fields: Sequence[str] | None,
    drop_fields: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The checked lists of data and meta fields."""
    if (data_fields is None) != (meta_fields is None):
        raise TypeError("register_dataclass: give both data_fields and meta_fields, or neither")
    is_dataclass = dataclasses.is_dataclass(nodetype)
    if data_fields is None or meta_fields is None:
        if not is_dataclass:
            raise TypeError(
                f"register_dataclass: {nodetype!r} is not a dataclass; decorate it with @dataclass "
                "first, or give data_fields and meta_fields"
            )
        fields = [f for f in dataclasses.fields(nodetype) if f.init and f.name not in drop_fields]
        data_fields = [f.name for f in fields if not f.metadata.get("static", False)]
        meta_fields = [f.name for f in fields if f.metadata.get("static", False)]
    data, meta = tuple(data_fields), tuple(meta_fields)
    if overlap := set(data) & set(meta):
        raise ValueError(f"register_dataclass: {sorted(overlap)} are in both data_fields and meta_fields")
    if is_dataclass:
        wanted = {f.name for f in dataclasses.fields(nodetype) if f.init} - set(drop_fields)
        if missing := wanted - {*data, *meta}:
            raise ValueError(
                f"register_dataclass: fields {sorted(missing)} of {nodetype.__qualname__} are in neither "
                "data_fields nor meta_fields; add them to drop_fields if that is meant"
            )
        if unexpected := {*data, *meta} - wanted:
            raise ValueError(
                f"register_dataclass: {sorted(unexpected)} are not init fields of {nodetype.__qualname__}"
            )
    return data, meta


def register_static(cls: C) -> C:
    """Class decorator: makes (hashable) instances nodes without leaves, which are part of the structure."""
    register_pytree_node(cls, lambda x: ((), x), lambda x, _: x, lambda x: ((), x))
    return cls


def static(**kwargs: Any) -> Any:
    """A `dataclasses.field` that `register_dataclass` makes part of the structure."""
    metadata = {"static": True, **(kwargs.pop("metadata", None) or {})}
    return dataclasses.field(metadata=metadata, **kwargs)


# --- one level of a node


def flatten_one_level_with_keys(tree: Any) -> tuple[list[tuple[KeyEntry, Any]], Any]:
    """``([(key, child), ...], metadata)`` of a node; ValueError for a leaf."""
    kind = type(tree)
    entry = REGISTRY.get(kind)
    if entry is not None and entry.flatten_with_keys is not None:
        pairs, aux = entry.flatten_with_keys(tree)
        return [(key, child) for key, child in pairs], aux
    if not is_tree_node(kind):
        raise ValueError(f"a {kind.__qualname__} is a leaf, not a pytree node")
    level = optree.tree_flatten_one_level(tree, namespace=NAMESPACE)
    metadata = tuple(level.metadata) if isinstance(level.metadata, list) else level.metadata
    if kind in (dict, collections.OrderedDict, collections.defaultdict):
        keys: Iterable[Any] = map(DictKey, level.entries)
    elif entry is None and hasattr(kind, "_fields"):
        keys = map(GetAttrKey, kind._fields)
    elif entry is None:
        keys = map(SequenceKey, range(len(level.children)))
    else:
        keys = map(FlattenedIndexKey, range(len(level.children)))
    return list(zip(keys, level.children)), metadata


def flatten_one_level(tree: Any) -> tuple[list[Any], Any]:
    """``(children, metadata)`` of a node; ValueError for a leaf."""
    pairs, metadata = flatten_one_level_with_keys(tree)
    return [child for _, child in pairs], metadata


def is_tree_node(typ: type) -> bool:
    """Whether instances of a type are nodes: built-in containers, namedtuples and registered classes."""
    if typ in REGISTRY or typ in _BUILTIN_NODES:
        return True
    return isinstance(typ, type) and (optree.is_namedtuple_class(typ) or optree.is_structseq_class(typ))


_BUILTIN_NODES = frozenset(
    [type(None), list, tuple, dict, collections.OrderedDict, collections.defaultdict, collections.deque]
)
