"""Pytrees: nests of containers seen as a list of leaves and a structure. `axil.tree_util` has JAX's long names too.

Leaves are what is no registered container: arrays, arrays of random keys, numbers, objects. What is a node, and how
that differs from JAX, is said in `pytrees.py`, which does the work.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from axil import pytrees
from axil.pytrees import IsLeaf, KeyEntry, KeyPath, PyTreeDef, tree_unflatten
from axil.tree_registration import is_array_node, register_pytree_node, static

PathIsLeaf = Callable[..., bool]


def _leaf_test(is_leaf: IsLeaf | None) -> IsLeaf:
    """Keys are leaves beside what the user says."""
    if is_leaf is None:
        return is_array_node
    return lambda x: is_array_node(x) or is_leaf(x)


def _path_leaf_test(is_leaf: PathIsLeaf | None, takes_path: bool) -> PathIsLeaf:
    """As `_leaf_test`, for a function that may take the path of a node too."""
    if not takes_path:
        return _leaf_test(is_leaf)
    return lambda path, x: is_array_node(x) or is_leaf is not None and is_leaf(path, x)


# --- flatten


def tree_flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], PyTreeDef]:
    """The leaves of a tree, in order, and its structure; ``is_leaf(x)`` makes leaves of further nodes."""
    return pytrees.tree_flatten(tree, _leaf_test(is_leaf))


def tree_leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """The leaves of a tree, in order."""
    return pytrees.tree_leaves(tree, _leaf_test(is_leaf))


def tree_structure(tree: Any, is_leaf: IsLeaf | None = None) -> PyTreeDef:
    """The structure of a tree."""
    return pytrees.tree_structure(tree, _leaf_test(is_leaf))


def tree_flatten_with_path(
    tree: Any, is_leaf: PathIsLeaf | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[KeyPath, Any]], PyTreeDef]:
    """``([(path, leaf), ...], treedef)``; with `is_leaf_takes_path`, ``is_leaf(path, x)`` decides."""
    test = _path_leaf_test(is_leaf, is_leaf_takes_path)
    return pytrees.tree_flatten_with_path(tree, test, is_leaf_takes_path)


def tree_leaves_with_path(
    tree: Any, is_leaf: PathIsLeaf | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[KeyPath, Any]]:
    """The leaves of a tree with their paths."""
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


# --- map, reduce, transpose


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of ``f(leaf, ...)`` over the leaves of `tree`.

    Each further tree has the structure of the first, or goes on below its leaves and `f` gets subtrees.
    """
    return pytrees.tree_map(f, tree, *rest, is_leaf=_leaf_test(is_leaf))


def tree_map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: PathIsLeaf | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """As `tree_map`, with each leaf's path as the first argument of `f`."""
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    test = _leaf_test(None if is_leaf_takes_path else is_leaf)
    columns = [[path for path, _ in pairs], [leaf for _, leaf in pairs]]
    columns += pytrees.flatten_rest("tree_map_with_path", tree, treedef, rest, test)
    return treedef.unflatten([f(*xs) for xs in zip(*columns)])


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
    """Folds the leaves by halves, which takes logarithmic depth; a tree without leaves gives `identity`."""
    leaves = tree_leaves(tree, is_leaf)
    if not leaves and identity is _MISSING:
        raise TypeError("tree_reduce_associative of a tree without leaves needs identity=...")
    return _by_halves(operation, leaves) if leaves else identity


def _by_halves(operation: Callable[[Any, Any], Any], xs: Sequence[Any]) -> Any:
    if len(xs) == 1:
        return xs[0]
    middle = len(xs) // 2
    return operation(_by_halves(operation, xs[:middle]), _by_halves(operation, xs[middle:]))


def tree_all(tree: Any, *, is_leaf: IsLeaf | None = None) -> bool:
    """Whether all leaves are true."""
    return builtins.all(tree_leaves(tree, is_leaf))


def tree_transpose(outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any) -> Any:
    """Turns a tree of `outer_treedef` whose leaves are trees of `inner_treedef` inside out."""
    leaves, treedef = tree_flatten(pytree_to_transpose)
    if inner_treedef is None:
        inner_treedef = tree_structure(outer_treedef.flatten_up_to(pytree_to_transpose)[0])
    inner, outer = inner_treedef.num_leaves, outer_treedef.num_leaves
    if treedef.num_leaves != inner * outer:
        raise TypeError(
            f"tree_transpose: the tree is\n    {pytrees.show(treedef)}\nand not, as the treedefs say,\n    "
            f"{pytrees.show(outer_treedef.compose(inner_treedef))}"
        )
    columns = [leaves[i::inner] for i in range(inner)]
    return inner_treedef.unflatten([outer_treedef.unflatten(column) for column in columns])


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of `full_tree`'s structure with the leaves of `prefix_tree` repeated."""
    leaves = pytrees.broadcast_prefix(prefix_tree, full_tree, _leaf_test(is_leaf))
    return tree_structure(full_tree).unflatten(leaves)


# --- one level


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf | None = None) -> bool:
    """Whether every element of an iterable is a leaf."""
    test = _leaf_test(is_leaf)
    return builtins.all(test(x) or not is_tree_node(type(x)) for x in iterable)


def is_tree_node(typ: type) -> bool:
    """Whether instances of a type are nodes: built-in containers, namedtuples and registered classes."""
    return pytrees.is_tree_node(typ) and not issubclass(typ, pytrees.ArrayNode)


def flatten_one_level_with_keys(tree: Any) -> tuple[list[tuple[KeyEntry, Any]], Any]:
    """``([(key, child), ...], metadata)`` of a node; ValueError for a leaf."""
    if is_array_node(tree):
        raise ValueError(f"a {type(tree).__qualname__} is a leaf, not a pytree node")
    return pytrees.flatten_one_level_with_keys(tree)


def flatten_one_level(tree: Any) -> tuple[list[Any], Any]:
    """``(children, metadata)`` of a node; ValueError for a leaf."""
    pairs, metadata = flatten_one_level_with_keys(tree)
    return [child for _, child in pairs], metadata


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


# --- the short names; they hide builtins

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
