"""Pytrees: nests of containers seen as a list of leaves and a structure, with JAX's semantics.

``None`` is a node without leaves; dicts and defaultdicts are ordered by key, OrderedDicts by insertion;
lists, tuples and namedtuples are nodes, other types only where registered. A treedef is hashable and
comparable, and is used as a cache key. The work is done by `optree` in a namespace of our own (``"axil"``),
behind the names below, so that another provider could replace it.

Dict keys that cannot be sorted raise `PyTreeError`. Two differences from JAX, both lenient: deques and
struct sequences (`time.struct_time`) are nodes, and a dict and an OrderedDict of the same keys fit each
other in `tree_map` (by key; not in prefixes).

As a module, ``axil.tree`` offers ``map leaves structure flatten unflatten reduce all transpose broadcast
...``; `axil.tree_util` offers the same functions under their ``tree_`` names.
"""

from __future__ import annotations

import builtins
import collections
import dataclasses
import functools
import operator
import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import optree
from optree import _C, PyTreeKind

from axil.errors import PyTreeError, explain
from axil.source import user_line

NAMESPACE = "axil"
"""The optree namespace that holds the classes registered here."""

PyTreeDef = optree.PyTreeSpec
"""The type of tree structures."""

IsLeaf = Callable[[Any], bool]
KeyEntry = Any
KeyPath = tuple[KeyEntry, ...]
C = TypeVar("C", bound=type)
T = TypeVar("T")


# --- flatten and unflatten


def flatten_unchecked(
    tree: Any, is_leaf: IsLeaf | None = None, _flatten: Callable[..., Any] = _C.flatten
) -> tuple[list[Any], PyTreeDef]:
    """As `tree_flatten` without the check of dict keys, for calls that look the treedef up in a cache.

    Whoever misses the cache calls `check_keys(treedef)`; equal treedefs need it once.
    """
    return _flatten(tree, is_leaf, False, NAMESPACE)  # by position, which is 0.7 us faster


_checked: set[int] = set()  # hashes of treedefs found in order; ints keep nothing alive


def tree_flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], PyTreeDef]:
    """The leaves of a tree, in order, and its structure."""
    leaves, treedef = flatten_unchecked(tree, is_leaf)
    if treedef.num_nodes > 1:
        check_keys(treedef)
    return leaves, treedef


def tree_unflatten(treedef: PyTreeDef, leaves: Iterable[Any]) -> Any:
    """The tree of the given structure and leaves."""
    leaves = leaves if isinstance(leaves, (list, tuple)) else list(leaves)
    if len(leaves) != treedef.num_leaves:
        wanted = f"{show(treedef)} has {treedef.num_leaves} leaves"
        raise PyTreeError(f"tree_unflatten: {wanted}, got {len(leaves)}")
    return treedef.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """The leaves of a tree, in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: IsLeaf | None = None) -> PyTreeDef:
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def check_keys(treedef: PyTreeDef) -> None:
    """Raises `PyTreeError` where a dict's keys cannot be sorted.

    optree leaves such a dict in insertion order, so that two equal dicts could have different leaves.
    """
    try:
        code = hash(treedef)
    except TypeError:  # unhashable auxiliary data: its own error comes when the treedef is used as a key
        _check_keys(treedef)
        return
    if code in _checked:
        return
    _check_keys(treedef)
    if len(_checked) > 65536:
        _checked.clear()
    _checked.add(code)


def _check_keys(treedef: PyTreeDef) -> None:
    if treedef.kind in (PyTreeKind.DICT, PyTreeKind.DEFAULTDICT):
        keys = treedef.entries()
        try:
            sorted(keys)
        except TypeError:
            raise PyTreeError(
                explain(
                    f"the keys of a dict in a pytree must be sortable; {_some(keys)} are not", user_line(),
                    ways_out=["use keys of one type such as str, or an OrderedDict, which keeps its order"],
                )  # fmt: skip
            ) from None
    for child in treedef.children():
        if child.num_nodes > 1:
            _check_keys(child)


def show(treedef: PyTreeDef) -> str:
    """A treedef as text, under our name for it."""
    text = str(treedef).replace("PyTreeSpec(", "PyTreeDef(", 1)
    namespace = f", namespace={NAMESPACE!r})"
    return text.removesuffix(namespace) + ")" if text.endswith(namespace) else text


# --- registration


class _Entry(NamedTuple):
    """What is known of a registered class."""

    flatten: Callable[[Any], tuple[Iterable[Any], Any]]
    unflatten: Callable[[Any, Iterable[Any]], Any]
    flatten_with_keys: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Any]] | None


_registry: dict[type, _Entry] = {}


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
    if nodetype in _registry:
        raise ValueError(f"{nodetype.__qualname__} is already registered as a pytree node")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # optree's, on registering a namedtuple class
        optree.register_pytree_node(nodetype, flatten_func, unflatten_func, namespace=NAMESPACE)
    _registry[nodetype] = _Entry(flatten_func, unflatten_func, flatten_with_keys_func)


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


# --- keys and paths


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


def keystr(keys: KeyPath, *, simple: bool = False, separator: str = "") -> str:
    """A path as text, ``['a'][0].w``; with ``simple`` and a separator, ``a/0/w``."""
    return separator.join(builtins.map(_simple_key if simple else str, keys))


def _simple_key(key: KeyEntry) -> str:
    match key:
        case SequenceKey(inner) | DictKey(inner) | GetAttrKey(inner) | FlattenedIndexKey(inner):
            return str(inner)
    return str(key)


def flatten_one_level_with_keys(tree: Any) -> tuple[list[tuple[KeyEntry, Any]], Any]:
    """``([(key, child), ...], metadata)`` of a node; ValueError for a leaf."""
    kind = type(tree)
    entry = _registry.get(kind)
    if entry is not None and entry.flatten_with_keys is not None:
        pairs, aux = entry.flatten_with_keys(tree)
        return [(key, child) for key, child in pairs], aux
    if not is_tree_node(kind):
        raise ValueError(f"a {kind.__qualname__} is a leaf, not a pytree node")
    level = optree.tree_flatten_one_level(tree, namespace=NAMESPACE)
    metadata = tuple(level.metadata) if isinstance(level.metadata, list) else level.metadata
    if kind in (dict, collections.OrderedDict, collections.defaultdict):
        keys: Iterable[Any] = builtins.map(DictKey, level.entries)
    elif entry is None and hasattr(kind, "_fields"):
        keys = builtins.map(GetAttrKey, kind._fields)
    elif entry is None:
        keys = builtins.map(SequenceKey, range(len(level.children)))
    else:
        keys = builtins.map(FlattenedIndexKey, range(len(level.children)))
    return list(zip(keys, level.children)), metadata


def flatten_one_level(tree: Any) -> tuple[list[Any], Any]:
    """``(children, metadata)`` of a node; ValueError for a leaf."""
    pairs, metadata = flatten_one_level_with_keys(tree)
    return [child for _, child in pairs], metadata


def is_tree_node(typ: type) -> bool:
    """Whether instances of a type are nodes: built-in containers, namedtuples and registered classes."""
    if typ in _registry or typ in _BUILTIN_NODES:
        return True
    return isinstance(typ, type) and (optree.is_namedtuple_class(typ) or optree.is_structseq_class(typ))


_BUILTIN_NODES = frozenset(
    [type(None), list, tuple, dict, collections.OrderedDict, collections.defaultdict, collections.deque]
)


def tree_flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[KeyPath, Any]], PyTreeDef]:
    """``([(path, leaf), ...], treedef)``; with `is_leaf_takes_path`, ``is_leaf(path, x)`` decides."""
    pairs: list[tuple[KeyPath, Any]] = []
    answers: list[bool] = []  # of is_leaf, in the order of the visit

    def visit(path: KeyPath, node: Any) -> None:
        if is_leaf is not None:
            answers.append(bool(is_leaf(path, node) if is_leaf_takes_path else is_leaf(node)))
        if (answers and answers[-1]) or not is_tree_node(type(node)):
            pairs.append((path, node))
            return
        for key, child in flatten_one_level_with_keys(node)[0]:
            visit((*path, key), child)

    treedef = None if is_leaf else tree_structure(tree)  # first, as it checks the keys of dicts
    visit((), tree)
    if treedef is None:
        # optree asks about the same nodes in the same order, but without their paths.
        replay = iter(answers)
        treedef = tree_structure(tree, lambda _: next(replay))
    if treedef.num_leaves != len(pairs):
        raise PyTreeError("a registered class has different children with and without keys")
    return pairs, treedef


def tree_leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[KeyPath, Any]]:
    """The leaves of a tree with their paths."""
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def tree_map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """As `tree_map`, with each leaf's path as the first argument of `f`."""
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    plain_is_leaf = None if is_leaf_takes_path else is_leaf
    columns = [[path for path, _ in pairs], [leaf for _, leaf in pairs]]
    columns += _flatten_rest("tree_map_with_path", tree, treedef, rest, plain_is_leaf)
    return treedef.unflatten([f(*xs) for xs in zip(*columns)])


# --- map, reduce, transpose


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of ``f(leaf, ...)`` over the leaves of `tree`.

    Each further tree has the structure of the first, or goes on below its leaves and `f` gets subtrees.
    """
    leaves, treedef = tree_flatten(tree, is_leaf)
    if not rest:
        return treedef.unflatten([f(x) for x in leaves])
    columns = [leaves, *_flatten_rest("tree_map", tree, treedef, rest, is_leaf)]
    return treedef.unflatten([f(*xs) for xs in zip(*columns)])


def _flatten_rest(
    caller: str, tree: Any, treedef: PyTreeDef, rest: Sequence[Any], is_leaf: IsLeaf | None
) -> list[list[Any]]:
    """The further trees of a map, cut where the first tree's leaves are."""
    columns = []
    for number, other in enumerate(rest, start=2):
        try:
            columns.append(treedef.flatten_up_to(other))
        except (ValueError, TypeError) as error:
            message = _mismatch(tree, other, is_leaf, "tree 1", f"tree {number}") or str(error)
            raise PyTreeError(f"{caller}: the trees have different structures.\n{message}") from None
    return columns


_MISSING: Any = object()


def tree_reduce(
    function: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = _MISSING,
    is_leaf: IsLeaf | None = None,
) -> Any:
    """Folds the leaves of a tree from the left, starting with `initializer` if given."""
    first = () if initializer is _MISSING else (initializer,)
    return functools.reduce(function, tree_leaves(tree, is_leaf), *first)


def tree_reduce_associative(
    operation: Callable[[Any, Any], Any],
    tree: Any,
    *,
    identity: Any = _MISSING,
    is_leaf: IsLeaf | None = None,
) -> Any:
    """Folds the leaves pairwise, which takes logarithmic depth; a tree without leaves gives `identity`."""
    leaves = tree_leaves(tree, is_leaf)
    while len(leaves) > 1:
        pairs = [operation(a, b) for a, b in zip(leaves[::2], leaves[1::2])]
        leaves = pairs + leaves[len(pairs) * 2 :]
    if not leaves and identity is _MISSING:
        raise TypeError("tree_reduce_associative of a tree without leaves needs identity=...")
    return leaves[0] if leaves else identity


def tree_all(tree: Any, *, is_leaf: IsLeaf | None = None) -> bool:
    """Whether all leaves are true."""
    return builtins.all(tree_leaves(tree, is_leaf))


def tree_transpose(
    outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any
) -> Any:
    """Turns a tree of `outer_treedef` whose leaves are trees of `inner_treedef` inside out."""
    leaves, treedef = tree_flatten(pytree_to_transpose)
    if inner_treedef is None:
        inner_treedef = tree_structure(outer_treedef.flatten_up_to(pytree_to_transpose)[0])
    inner, outer = inner_treedef.num_leaves, outer_treedef.num_leaves
    if treedef.num_leaves != inner * outer:
        raise TypeError(
            f"tree_transpose: the tree is\n    {show(treedef)}\nand not, as the treedefs say,\n    "
            f"{show(outer_treedef.compose(inner_treedef))}"
        )
    columns = [leaves[i::inner] for i in range(inner)]
    return inner_treedef.unflatten([outer_treedef.unflatten(column) for column in columns])


# --- prefixes


def broadcast_prefix(
    prefix_tree: Any,
    full_tree: Any,
    is_leaf: IsLeaf | None = None,
    *,
    name: str = "the prefix",
    full_name: str = "the tree",
) -> list[Any]:
    """The leaves of `prefix_tree`, each repeated for every leaf of the subtree that it stands for.

    Used for in_axes and out_axes, where None is a leaf: pass ``is_leaf=lambda x: x is None``. An error
    names the path where the prefix does not fit, calling the two trees `name` and `full_name`.
    """
    leaves, treedef = tree_flatten(prefix_tree, is_leaf)
    if len(leaves) == 1 and treedef.num_nodes == 1:
        return leaves * flatten_unchecked(full_tree)[1].num_leaves
    try:
        subtrees = treedef.flatten_up_to(full_tree)
    except (ValueError, TypeError) as error:
        message = _mismatch(prefix_tree, full_tree, is_leaf, name, full_name) or str(error)
        raise PyTreeError(f"{name} does not fit {full_name}.\n{message}") from None
    if _has_dicts(treedef):
        # A dict and an OrderedDict pair up by key, but then the subtrees are not in the order of the leaves.
        message = _mismatch(prefix_tree, full_tree, is_leaf, name, full_name, same_dicts=True)
        if message is not None:
            raise PyTreeError(f"{name} does not fit {full_name}.\n{message}")
    result: list[Any] = []
    for leaf, subtree in zip(leaves, subtrees):
        result += [leaf] * flatten_unchecked(subtree)[1].num_leaves
    return result


def _has_dicts(treedef: PyTreeDef) -> bool:
    """Whether a structure has dicts of any class, so that its children pair up by key."""
    if treedef.kind in (PyTreeKind.DICT, PyTreeKind.ORDEREDDICT, PyTreeKind.DEFAULTDICT):
        return True
    return treedef.num_nodes > 1 and builtins.any(_has_dicts(child) for child in treedef.children())


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of `full_tree`'s structure with the leaves of `prefix_tree` repeated."""
    return tree_structure(full_tree).unflatten(broadcast_prefix(prefix_tree, full_tree, is_leaf))


def equality_error(tree1: Any, tree2: Any, name1: str = "tree 1", name2: str = "tree 2") -> str | None:
    """Describes the first place where the structures of two trees differ, or None if they are equal."""
    if tree_structure(tree1) == tree_structure(tree2):
        return None
    first = _mismatch(tree1, tree2, None, name1, name2, same_dicts=True)
    return first or _mismatch(tree2, tree1, None, name2, name1, same_dicts=True)


def treedef_error(treedef1: PyTreeDef, treedef2: PyTreeDef, name1: str, name2: str) -> str | None:
    """As `equality_error`, for structures."""
    tree1, tree2 = (t.unflatten([_LEAF] * t.num_leaves) for t in (treedef1, treedef2))
    return equality_error(tree1, tree2, name1, name2)


class _Leaf:
    """Stands for any leaf when only a structure is known."""

    def __repr__(self) -> str:
        return "*"


_LEAF = _Leaf()


def _mismatch(
    prefix: Any, full: Any, is_leaf: IsLeaf | None, name: str, full_name: str, same_dicts: bool = False
) -> str | None:
    """Where and how `prefix` fails to be a prefix of `full`, or None if it is one."""
    found = _first_mismatch((), prefix, full, is_leaf, same_dicts)
    if found is None:
        return None
    path, mine, theirs = found
    width = max(len(name), len(full_name)) + 1
    place = f"  at {keystr(path)}" if path else "  at the root"
    return (
        f"{place}:\n    {name + ':':<{width}} {mine}\n    {full_name + ':':<{width}} {theirs}\n"
        f"  the structures are\n    {name + ':':<{width}} {_abridged(prefix, is_leaf)}\n"
        f"    {full_name + ':':<{width}} {_abridged(full)}"
    )


def _abridged(tree: Any, is_leaf: IsLeaf | None = None, limit: int = 400) -> str:
    text = show(flatten_unchecked(tree, is_leaf)[1])
    return text if len(text) <= limit else text[:limit] + " ..."


def _first_mismatch(
    path: KeyPath, prefix: Any, full: Any, is_leaf: IsLeaf | None, same_dicts: bool
) -> tuple[KeyPath, str, str] | None:
    """``(path, what the prefix has, what the full tree has)`` at the first place that differs."""
    if is_leaf is not None and is_leaf(prefix) or not is_tree_node(type(prefix)):
        return None
    a, b = type(prefix), type(full)
    if a is not b and (same_dicts or a not in _DICTS or b not in _DICTS):
        return path, _describe(prefix), _describe(full)
    mine, my_meta = flatten_one_level_with_keys(prefix)
    theirs, their_meta = flatten_one_level_with_keys(full)
    my_keys, their_keys = [k for k, _ in mine], [k for k, _ in theirs]
    if not isinstance(prefix, _DICTS):
        if len(mine) != len(theirs) or my_keys != their_keys:
            return path, _describe(prefix), _describe(full)
        if my_meta != their_meta:
            return (
                path,
                f"{_describe(prefix)} with metadata {my_meta!r}",
                f"{_describe(full)} with metadata {their_meta!r}",
            )
    elif set(my_keys) != set(their_keys):
        return path, _dict_keys(my_keys, their_keys), _dict_keys(their_keys, my_keys)
    children = dict(theirs)
    for key, child in mine:
        if found := _first_mismatch((*path, key), child, children[key], is_leaf, same_dicts):
            return found
    return None


_DICTS = (dict, collections.OrderedDict, collections.defaultdict)


def _describe(x: Any) -> str:
    """A node or leaf in a few words: ``a tuple of length 2``, ``a leaf of type float``."""
    kind = type(x)
    if x is None:
        return "None"
    if x is _LEAF:
        return "a leaf"
    if kind in _DICTS:
        return f"a {kind.__name__} with keys {_some(x)}"
    if not is_tree_node(kind):
        return f"a leaf of type {kind.__name__}"
    if kind in (list, tuple, collections.deque):
        return f"a {kind.__name__} of length {len(x)}"
    return f"a {kind.__name__} with {len(flatten_one_level(x)[0])} children"


def _some(keys: Iterable[Any], limit: int = 8) -> str:
    names = [repr(k) for k in keys]
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "") if names else "none"


def _dict_keys(keys: list[Any], others: list[Any]) -> str:
    extra = [k.key for k in keys if k not in others]
    only = f" ({_some(extra)} only here)" if extra else ""
    return f"a dict with keys {_some(k.key for k in keys)}{only}"


# --- treedefs


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether a treedef is a single node: a leaf, None or an empty container (as in JAX)."""
    return treedef.num_nodes == 1


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """The treedefs of the immediate children."""
    return treedef.children()


def treedef_tuple(treedefs: Iterable[PyTreeDef]) -> PyTreeDef:
    """The treedef of a tuple of trees of the given structures."""
    return optree.treespec_tuple(list(treedefs), namespace=NAMESPACE)


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf | None = None) -> bool:
    """Whether every element of an iterable is a leaf."""
    return builtins.all(is_leaf is not None and is_leaf(x) or not is_tree_node(type(x)) for x in iterable)


def build_tree(treedef: PyTreeDef, xs: Any) -> Any:
    """The tree of a structure from nested iterables: one iterable for each node, a value for each leaf."""
    if treedef.is_leaf():
        return xs
    children, parts = treedef.children(), list(xs)
    if len(children) != len(parts):
        raise PyTreeError(f"build_tree: {show(treedef)} has {len(children)} children, got {len(parts)}")
    if not children:
        return treedef.unflatten([])
    level = treedef.one_level()
    assert level is not None  # it is None for a leaf only
    return level.unflatten([build_tree(c, x) for c, x in zip(children, parts)])


class Registry:
    """The registry of node types as an object, as JAX's `default_registry`."""

    flatten = staticmethod(tree_flatten)
    flatten_one_level = staticmethod(flatten_one_level)
    flatten_one_level_with_keys = staticmethod(flatten_one_level_with_keys)
    flatten_with_path = staticmethod(tree_flatten_with_path)
    is_node = staticmethod(is_tree_node)
    register_node = staticmethod(register_pytree_node)

    def __repr__(self) -> str:
        return "axil.tree_util.default_registry"


default_registry = Registry()
"""The one registry."""


# --- Partial


class _Boxed:
    """Hides that a callable is a `functools.partial`, which `Partial` would otherwise merge into itself."""

    def __init__(self, fun: functools.partial):
        self.fun = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fun(*args, **kwargs)

    def __hash__(self) -> int:
        return hash(self.fun)

    def __eq__(self, other: object) -> bool:
        return self.fun == (other.fun if isinstance(other, _Boxed) else other)

    def __repr__(self) -> str:
        return repr(self.fun)


class Partial(functools.partial):
    """A `functools.partial` that is a pytree: its bound arguments are the leaves.

    The function is part of the structure. So a function with arrays bound to it can be passed through
    `jit`, `vmap` and the like as an argument.
    """

    def __new__(cls, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Partial:
        """Boxes a `functools.partial`, whose own arguments are not leaves."""
        if isinstance(func, functools.partial):
            func = _Boxed(func)
        return super().__new__(cls, func, *args, **kwargs)


register_pytree_node(
    Partial,
    lambda p: ((p.args, p.keywords), p.func),
    lambda func, children: Partial(func, *children[0], **children[1]),
)


# --- the short names of the module axil.tree; they hide builtins, hence `builtins.map` above

flatten = tree_flatten
unflatten = tree_unflatten
leaves = tree_leaves
structure = tree_structure
map = tree_map  # noqa: A001
reduce = tree_reduce
reduce_associative = tree_reduce_associative
all = tree_all  # noqa: A001
transpose = tree_transpose
broadcast = tree_broadcast
flatten_with_path = tree_flatten_with_path
leaves_with_path = tree_leaves_with_path
map_with_path = tree_map_with_path

__all__ = [
    "all",
    "broadcast",
    "flatten",
    "flatten_with_path",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "reduce",
    "reduce_associative",
    "static",
    "structure",
    "transpose",
    "unflatten",
]
