"""Pytrees: JAX's semantics (compared with JAX where it is installed), registration, paths, error messages."""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect

import pytest

from axil import pytrees, tree, tree_util
from axil.errors import AxilError, PyTreeError
from axil.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, Partial, SequenceKey

try:
    import jax
except ImportError:
    jax = None

needs_jax = pytest.mark.skipif(jax is None, reason="JAX is not installed (test-only oracle)")
Point = collections.namedtuple("Point", "x y")


class Pair:
    """A class registered with both libraries."""

    def __init__(self, a, b, tag=None):
        self.a, self.b, self.tag = a, b, tag

    def __eq__(self, other):
        return isinstance(other, Pair) and (self.a, self.b, self.tag) == (other.a, other.b, other.tag)


def both_register(name, *args):
    """Registers with us and with the oracle."""
    getattr(tree_util, name)(*args)
    if jax is not None:
        getattr(jax.tree_util, name)(*args)


both_register("register_pytree_node", Pair, lambda p: ((p.a, p.b), p.tag), lambda tag, c: Pair(*c, tag))

TREES = [
    None,
    1,
    (),
    [],
    {},
    "text",
    [1, (2, None), {"b": 3, "a": [4]}],
    {"z": 1, "a": {"y": 2, "b": None}},
    collections.OrderedDict([("z", 1), ("a", 2)]),
    collections.defaultdict(list, {"z": 1, "a": [2, 3]}),
    Point(1, Point([2], None)),
    Pair(1, {"k": Pair(2, 3)}, "tag"),
    {3: "c", 1: "a", 2: "b"},
    [[], {}, (), None],
    (Pair(None, []),),
    {(1, 2): 5, (0, 9): 6},
]


@needs_jax
@pytest.mark.parametrize("example", TREES, ids=range(len(TREES)))
def test_leaves_and_structure_as_jax(example):
    leaves, treedef = tree.flatten(example)
    theirs, their_def = jax.tree.flatten(example)
    assert leaves == theirs
    assert treedef.num_leaves == their_def.num_leaves and treedef.num_nodes == their_def.num_nodes
    assert tree.unflatten(treedef, leaves) == example == their_def.unflatten(theirs)
    assert tree_util.treedef_is_leaf(treedef) == jax.tree_util.treedef_is_leaf(their_def)
    paths = [tree_util.keystr(p) for p, _ in tree.leaves_with_path(example)]
    assert paths == [jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(example)]
    simple = [tree_util.keystr(p, simple=True, separator="/") for p, _ in tree.leaves_with_path(example)]
    assert simple == [
        jax.tree_util.keystr(p, simple=True, separator="/") for p, _ in jax.tree.leaves_with_path(example)
    ]


@needs_jax
@pytest.mark.parametrize("is_leaf", [lambda x: x is None, lambda x: isinstance(x, list), lambda x: True])
def test_is_leaf_as_jax(is_leaf):
    for example in TREES:
        assert tree.leaves(example, is_leaf) == jax.tree.leaves(example, is_leaf)
        ours = tree.flatten_with_path(example, is_leaf)
        theirs = jax.tree.flatten_with_path(example, is_leaf)
        assert [(tree_util.keystr(p), x) for p, x in ours[0]] == [
            (jax.tree_util.keystr(p), x) for p, x in theirs[0]
        ]
        assert ours[1] == tree.structure(example, is_leaf)


@needs_jax
def test_every_pair_of_trees_maps_or_fails_as_jax():
    def outcome(tree_map, a, b):
        try:
            return tree_map(lambda x, y: (x, str(y)), a, b)
        except (ValueError, TypeError):
            return "refused"

    for a in TREES:
        for b in TREES:
            ours, theirs = outcome(tree.map, a, b), outcome(jax.tree.map, a, b)
            if ours != theirs:  # ours may fit dicts of different classes together, and nothing else
                assert theirs == "refused", (a, b)
                assert plain(ours) == outcome(jax.tree.map, plain(a), plain(b)), (a, b)


def plain(x):
    """A tree with all dicts made plain dicts."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, Pair):
        return Pair(plain(x.a), plain(x.b), x.tag)
    if isinstance(x, tuple):
        return type(x)(*map(plain, x)) if hasattr(x, "_fields") else tuple(map(plain, x))
    return list(map(plain, x)) if isinstance(x, list) else x


@needs_jax
def test_public_names_as_jax():
    def public(module):
        return {n for n, v in vars(module).items() if not n.startswith("_") and not inspect.ismodule(v)}

    assert public(jax.tree_util) <= set(tree_util.__all__)
    assert public(jax.tree) <= set(tree.__all__)


def test_all_public_names_exist():
    assert all(hasattr(tree_util, n) for n in tree_util.__all__)
    assert all(hasattr(tree, n) for n in tree.__all__)


# --- structure


def test_treedefs_are_cache_keys():
    a, b = tree.structure({"x": 1, "y": [2]}), tree.structure({"y": [5], "x": 7})
    assert a == b and hash(a) == hash(b) and {a: 1}[b] == 1
    assert a != tree.structure({"x": 1, "z": [2]})
    assert tree.structure(Pair(1, 2, "s")) != tree.structure(Pair(1, 2, "t"))
    assert tree.structure((1,)) != tree.structure([1])


def test_treedef_helpers():
    whole = tree.structure(((1, 2), {"a": 3}))
    assert tree_util.treedef_tuple(tree_util.treedef_children(whole)) == whole
    assert tree_util.build_tree(whole, [[1, 2], [3]]) == ((1, 2), {"a": 3})
    assert pytrees.show(tree.structure({"a": (1, None)})) == "PyTreeDef({'a': (*, None)})"
    assert pytrees.show(tree.structure([Pair(1, 2)])).endswith("])")
    with pytest.raises(PyTreeError, match="has 3 leaves, got 1"):
        tree.unflatten(whole, [1])
    assert tree.unflatten(whole, iter("abc")) == (("a", "b"), {"a": "c"})


def test_all_leaves():
    assert tree_util.all_leaves([1, "a", object()])
    assert not tree_util.all_leaves([1, [2]])
    assert not tree_util.all_leaves([None])
    assert tree_util.all_leaves([None, [1]], is_leaf=lambda x: x is None or isinstance(x, list))


def test_unsortable_keys_are_refused():
    class Key:
        pass

    tree.flatten({"a": 1, "b": 2})  # the same shape of tree, already known to be in order
    for bad in [{1: 2, "a": 3}, [({Key(): 1, Key(): 2},)], collections.defaultdict(int, {1: 2, "a": 3})]:
        for _ in range(2):
            with pytest.raises(PyTreeError, match="(?s)must be sortable.*OrderedDict"):
                tree.flatten(bad)
            with pytest.raises(PyTreeError):
                tree.map(str, bad)
    assert tree.leaves(collections.OrderedDict([("a", 1), (1, 2)])) == [1, 2]


# --- registration


def test_class_of_the_guide_with_a_plain_unflatten():
    @tree_util.register_pytree_node_class
    class MLPParams:
        def __init__(self, weights, biases):
            self.weights, self.biases = weights, biases

        def tree_flatten(self):
            return (self.weights, self.biases), None

        def tree_unflatten(aux_data, children):  # noqa: N805 - as the guide writes it
            return MLPParams(*children)

    scaled = tree_util.tree_map(lambda x: x * 2, MLPParams([1, 2], [3]))
    assert isinstance(scaled, MLPParams) and (scaled.weights, scaled.biases) == ([2, 4], [6])
    assert [p for p, _ in tree.leaves_with_path(scaled)][2] == (FlattenedIndexKey(1), SequenceKey(0))


def test_classes_with_classmethod_and_with_keys():
    @tree_util.register_pytree_with_keys_class
    class Special:
        def __init__(self, x, y):
            self.x, self.y = x, y

        def tree_flatten_with_keys(self):
            return ((GetAttrKey("x"), self.x), (GetAttrKey("y"), self.y)), None

        @classmethod
        def tree_unflatten(cls, aux_data, children):
            return cls(*children)

    both = tree.map_with_path(lambda path, v: f"{tree_util.keystr(path)}={v}", Special(1, {"k": 2}))
    assert (both.x, both.y) == (".x=1", {"k": ".y['k']=2"})
    pairs, _ = tree_util.flatten_one_level_with_keys(Special(1, 2))
    assert pairs == [(GetAttrKey("x"), 1), (GetAttrKey("y"), 2)]


def test_dataclasses():
    @tree_util.register_dataclass
    @dataclasses.dataclass
    class Layer:
        w: object
        op: str = tree.static(default="add")
        b: object = 0
        size: int = dataclasses.field(init=False, default=3)

    layer = Layer([1, 2], "mul", 5)
    assert tree.leaves(layer) == [1, 2, 5]
    assert tree.map(lambda x: -x, layer) == Layer([-1, -2], "mul", -5)
    assert tree.structure(layer) != tree.structure(Layer([1, 2], "add", 5))
    assert tree_util.keystr(tree.leaves_with_path(layer)[1][0]) == ".w[1]"

    @functools.partial(tree_util.register_dataclass, data_fields=["x"], meta_fields=["n"])
    @dataclasses.dataclass
    class Explicit:
        x: object
        n: int

    assert tree.leaves(Explicit(1, 2)) == [1]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"data_fields": ["x"]}, "both"),
        ({"data_fields": ["x"], "meta_fields": []}, "neither"),
        ({"data_fields": ["x", "y"], "meta_fields": ["y"]}, "both data_fields and meta_fields"),
        ({"data_fields": ["x", "y"], "meta_fields": ["q"]}, "not init fields"),
    ],
)
def test_wrong_dataclass_registrations(options, message):
    @dataclasses.dataclass
    class Data:
        x: int
        y: int

    with pytest.raises((TypeError, ValueError), match=message):
        tree_util.register_dataclass(Data, **options)


def test_other_wrong_registrations():
    with pytest.raises(ValueError, match="already registered"):
        tree_util.register_pytree_node(Pair, None, None)
    with pytest.raises(TypeError, match="tree_unflatten"):
        tree_util.register_pytree_node_class(type("Empty", (), {"tree_flatten": None}))
    with pytest.raises(TypeError, match="not a dataclass"):
        tree_util.register_dataclass(type("Plain", (), {}))
    with pytest.raises(TypeError, match="takes a class"):
        tree_util.register_pytree_node(3, None, None)
    with pytest.raises(ValueError, match="leaf"):
        tree_util.flatten_one_level(3)


def test_static_classes_are_structure():
    @tree_util.register_static
    class Mode(str):
        pass

    assert tree.leaves([Mode("train"), 1]) == [1]
    assert tree.structure(Mode("a")) == tree.structure(Mode("a")) != tree.structure(Mode("b"))
    assert tree.map(lambda x: x, Mode("a")) == "a"


def test_registered_namedtuple_overrides_the_default():
    Own = collections.namedtuple("Own", "a b")
    tree_util.register_pytree_node(Own, lambda o: ((o.a,), o.b), lambda b, c: Own(c[0], b))
    assert tree.leaves(Own(1, 2)) == [1]
    assert tree.leaves_with_path(Own(1, 2)) == [((FlattenedIndexKey(0),), 1)]


# --- map, reduce, transpose


def test_map_over_several_trees():
    a, b = {"w": [1, 2], "b": 3}, {"b": 30, "w": [10, 20]}
    assert tree.map(lambda x, y: x + y, a, b) == {"w": [11, 22], "b": 33}
    assert tree.map(lambda x, y: (x, y), [1], [{"a": 2}]) == [(1, {"a": 2})]
    assert tree.map(lambda x, y: y, [1, None], [None, None]) == [None, None]
    assert tree.map(lambda x: x, None) is None


def test_mismatch_names_the_path_and_both_structures():
    with pytest.raises(PyTreeError) as caught:
        tree.map(lambda x, y: x, {"net": {"w": (1, 2)}}, {"net": {"w": (1, 2, 3)}})
    text = str(caught.value)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, AxilError)
    for part in ["tree_map", "at ['net']['w']", "tuple of length 2", "tuple of length 3", "{'w': (*, *, *)}"]:
        assert part in text, text


@pytest.mark.parametrize(
    "a, b, parts",
    [
        ({"a": 1}, {"b": 1}, ["at the root", "'a' only here", "'b' only here"]),
        ([1, 2], (1, 2), ["a list of length 2", "a tuple of length 2"]),
        ([{"a": 1}], [3.0], ["at [0]", "a leaf of type float"]),
        ([None], [1], ["at [0]", "None", "a leaf of type int"]),
        (Pair(1, 2, "s"), Pair(1, 2, "t"), ["metadata 's'", "metadata 't'"]),
        (Point(1, [2]), Point(1, [2, 3]), ["at .y", "length 1", "length 2"]),
    ],
)
def test_mismatches(a, b, parts):
    with pytest.raises(PyTreeError) as caught:
        tree.map(lambda x, y: x, a, b)
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_errors_of_the_mapped_function_pass_through():
    def fail(*_):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="^mine$"):
        tree.map(fail, [1], [2])


def test_reduce_and_all():
    example = {"b": [3, 4], "a": 10}
    assert tree.reduce(lambda x, y: x - y, example) == 3
    assert tree.reduce(lambda x, y: x + y, example, 100) == 117
    assert tree.reduce(lambda x, y: x, None, None) is None
    assert tree.reduce_associative(lambda x, y: x + y, ["a", ["b", "c"], "d", "e"]) == "abcde"
    assert tree.reduce_associative(max, [], identity=0) == 0
    with pytest.raises(TypeError, match="identity"):
        tree.reduce_associative(max, [])
    assert tree.all([True, {"a": 1}]) and not tree.all([True, 0]) and tree.all(None)


def test_transpose():
    outer, inner = tree.structure([0, 0, 0]), tree.structure({"a": 0, "b": 0})
    rows = [{"a": i, "b": 10 * i} for i in range(3)]
    columns = {"a": [0, 1, 2], "b": [0, 10, 20]}
    assert tree.transpose(outer, inner, rows) == columns
    assert tree.transpose(outer, None, rows) == columns
    with pytest.raises(TypeError, match="tree_transpose"):
        tree.transpose(outer, inner, rows[:2])


# --- paths


def test_path_keys():
    paths = [p for p, _ in tree.leaves_with_path({"a": [1, Point(2, 3)]})]
    assert paths[2] == (DictKey("a"), SequenceKey(1), GetAttrKey("y"))
    assert tree_util.keystr(paths[2]) == "['a'][1].y"
    assert hash(paths[2]) == hash((DictKey("a"), SequenceKey(1), GetAttrKey("y")))
    assert tree_util.keystr((FlattenedIndexKey(2),)) == "[<flat index 2>]"


def test_is_leaf_that_takes_a_path():
    shared = [1]
    example = {"a": shared, "b": shared}
    pairs, treedef = tree.flatten_with_path(example, lambda p, x: p == (DictKey("a"),), True)
    assert pairs == [((DictKey("a"),), [1]), ((DictKey("b"), SequenceKey(0)), 1)]
    assert treedef.num_leaves == 2 and tree.unflatten(treedef, [7, 8]) == {"a": 7, "b": [8]}


def test_map_with_path_over_several_trees():
    got = tree.map_with_path(lambda p, x, y: (tree_util.keystr(p), x + y), {"a": [1, 2]}, {"a": [10, 20]})
    assert got == {"a": [("['a'][0]", 11), ("['a'][1]", 22)]}
    with pytest.raises(PyTreeError, match="tree_map_with_path"):
        tree.map_with_path(lambda p, x, y: x, [1], [1, 2])


# --- prefixes


def none_is_leaf(x):
    return x is None


def test_broadcast_prefix():
    full = ({"w": 1, "b": [2, 3]}, 4, None)
    assert pytrees.broadcast_prefix(0, full) == [0, 0, 0, 0]
    assert pytrees.broadcast_prefix(None, full, none_is_leaf) == [None] * 4
    assert pytrees.broadcast_prefix((None, 0, 1), full, none_is_leaf) == [None, None, None, 0]
    assert pytrees.broadcast_prefix(({"w": 5, "b": None}, 0, 0), full, none_is_leaf) == [None, None, 5, 0]
    assert pytrees.broadcast_prefix([], []) == []
    assert tree.broadcast({"a": 1}, {"a": [2, 3]}) == {"a": [1, 1]}


def test_broadcast_prefix_error_is_for_the_user():
    with pytest.raises(PyTreeError) as caught:
        pytrees.broadcast_prefix(
            (0, {"w": None}), (1, {"w": 2, "b": 3}), none_is_leaf, name="in_axes", full_name="the arguments"
        )
    text = str(caught.value)
    for part in ["in_axes does not fit the arguments", "at [1]", "'b' only here", "in_axes:"]:
        assert part in text, text
    with pytest.raises(PyTreeError, match="length 2(.|\n)*length 3"):
        pytrees.broadcast_prefix((0, None), (1, 2, 3), none_is_leaf)


@needs_jax
def test_broadcast_prefix_as_jax():
    from jax._src.tree_util import broadcast_prefix

    def outcome(f, *args):
        try:
            return f(*args, is_leaf=none_is_leaf)
        except ValueError:
            return "refused"

    for prefix in [*TREES, (0, None), [0, (1, None), 2], {"z": 1, "a": None}]:
        for full in TREES:
            assert outcome(pytrees.broadcast_prefix, prefix, full) == outcome(broadcast_prefix, prefix, full)


def test_an_ordered_dict_is_no_prefix_of_a_dict():
    """Pairing them by key would give the axes in the wrong order."""
    with pytest.raises(PyTreeError, match="OrderedDict(.|\n)*a dict with keys"):
        pytrees.broadcast_prefix(collections.OrderedDict([("z", 0), ("a", 1)]), {"z": 5, "a": 6}, name="in_axes")
    assert "OrderedDict" in pytrees.equality_error(collections.OrderedDict(a=1), {"a": 1})


def test_structure_errors():
    assert pytrees.equality_error({"a": 1}, {"a": 2}) is None
    assert "length 2" in pytrees.equality_error((1, 2), 3, "the carry", "the result")
    assert "length 2" in pytrees.equality_error(3, (1, 2))
    text = pytrees.treedef_error(tree.structure((1, [2])), tree.structure((1, 2)), "carry in", "carry out")
    assert "at [1]" in text and "a leaf" in text and "carry out" in text


# --- Partial


def test_partial():
    def f(x, y, z=0):
        return x + y + z

    bound = Partial(f, 1, z=3)
    assert bound(2) == 6
    assert tree.leaves(bound) == [1, 3]
    doubled = tree.map(lambda x: 2 * x, bound)
    assert isinstance(doubled, Partial) and doubled(2) == 10
    assert tree.structure(bound) == tree.structure(Partial(f, 9, z=9))
    assert tree.structure(bound) != tree.structure(Partial(print, 9, z=9))


def test_partial_of_partial_keeps_the_inner_arguments_out():
    inner = functools.partial(lambda x, y: x - y, 10)
    outer = Partial(inner, 3)
    assert outer() == 7 and tree.leaves(outer) == [3]
    assert tree.structure(outer) == tree.structure(Partial(inner, 4))
    nested = Partial(Partial(lambda x, y: x - y, 10), 3)
    assert nested() == 7 and tree.leaves(nested) == [3]
