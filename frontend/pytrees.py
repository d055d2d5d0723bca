"""Pytrees as the transformations see them: nests of containers, a list of leaves and a structure.

With JAX's semantics: ``None`` is a node without leaves; dicts and defaultdicts are ordered by key, OrderedDicts by
insertion; lists, tuples and namedtuples are nodes, other types only where registered. A treedef is hashable and
comparable, and is used as a cache key. The work is done by `optree` in a namespace of our own (``"axil"``),
behind the names below, so that another provider could replace it.

Dict keys that cannot be sorted raise `PyTreeError`. Two differences from JAX, both lenient: deques and
struct sequences (`time.struct_time`) are nodes, and a dict and an OrderedDict of the same keys fit each
other in `tree_map` (by key; not in prefixes).

Arrays of random keys are nodes here, whose leaf is the array of their words, so that a transformation needs to know
nothing of them. For users they are leaves: `axil.tree` and `axil.tree_util` are the functions below for users. Keys
and paths are in `tree_keys.py`, the registration of classes in `tree_registration.py`.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import optree
from optree import _C, PyTreeKind

from axil.errors import PyTreeError, explain
from axil.source import user_line
from axil.tree_keys import (  # noqa: F401  (this module offers all of them)
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    KeyEntry,
    KeyPath,
    SequenceKey,
    keystr,
)
from axil.tree_registration import (  # noqa: F401  (as above)
    NAMESPACE,
    ArrayNode,
    flatten_one_level,
    flatten_one_level_with_keys,
    is_tree_node,
    register_dataclass,
    register_pytree_node,
    register_pytree_node_class,
    register_pytree_with_keys,
    register_pytree_with_keys_class,
    register_static,
    static,
)

PyTreeDef = optree.PyTreeSpec
"""The type of tree structures."""

IsLeaf = Callable[[Any], bool]


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


# --- paths


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


# --- map


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of ``f(leaf, ...)`` over the leaves of `tree`.

    Each further tree has the structure of the first, or goes on below its leaves and `f` gets subtrees.
    """
    leaves, treedef = tree_flatten(tree, is_leaf)
    if not rest:
        return treedef.unflatten([f(x) for x in leaves])
    columns = [leaves, *flatten_rest("tree_map", tree, treedef, rest, is_leaf)]
    return treedef.unflatten([f(*xs) for xs in zip(*columns)])


def flatten_rest(
    caller: str, tree: Any, treedef: PyTreeDef, rest: Sequence[Any], is_leaf: IsLeaf | None
) -> list[list[Any]]:
    """The further trees of a map, cut where the first tree's leaves are; errors name `caller`."""
    columns = []
    for number, other in enumerate(rest, start=2):
        try:
            columns.append(treedef.flatten_up_to(other))
        except (ValueError, TypeError) as error:
            message = _mismatch(tree, other, is_leaf, "tree 1", f"tree {number}") or str(error)
            raise PyTreeError(f"{caller}: the trees have different structures.\n{message}") from None
    return columns


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
    return treedef.num_nodes > 1 and any(_has_dicts(child) for child in treedef.children())


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
