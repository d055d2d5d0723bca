"""Trees: containers described in JSON, flattened and rebuilt, with errors that name the place."""

from __future__ import annotations

import json
from collections import namedtuple

import pytest

from axil.runtime import ArtifactError, SignatureError
from axil.runtime import tree as trees

Point = namedtuple("Point", ["x", "y"])

CASES = [
    1,
    None,
    [],
    (),
    {},
    [1, [2, (3,)], None],
    {"b": 1, "a": {"z": None, "y": [2]}},
    {3: 1, 1: 2},
    Point(1, {"k": [2, 3]}),
    ((1,), [Point(2, None)]),
]


@pytest.mark.parametrize("value", CASES, ids=repr)
def test_a_tree_survives_json_flattening_and_rebuilding(value):
    tree = json.loads(json.dumps(trees.describe(value)))
    leaves = trees.flatten(tree, value)
    rebuilt = trees.unflatten(tree, leaves)
    assert rebuilt == value and repr(rebuilt) == repr(_sorted(value))
    assert len(trees.paths(tree)) == len(leaves)


def _sorted(value):
    """Dicts come back with sorted keys, as in the frontend."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, Point):
        return Point(*(_sorted(v) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_sorted(v) for v in value)
    return value


def test_leaves_are_in_the_order_of_sorted_keys():
    value = {"b": [1, 2], "a": 3}
    tree = trees.describe(value)
    assert trees.flatten(tree, value) == [3, 1, 2]
    assert trees.paths(tree, "p") == ["p['a']", "p['b'][0]", "p['b'][1]"]


@pytest.mark.parametrize(
    ("wanted", "given", "message"),
    [
        ({"w": 1, "b": 2}, {"w": 1}, r"p: expected the keys \['b', 'w'\]: missing \['b'\]"),
        ({"w": 1}, {"w": 1, "c": 2}, r"p: expected the keys \['w'\]: unexpected \['c'\]"),
        ({"w": [1, 2]}, {"w": [1]}, r"p\['w'\]: expected 2 items as in \[\*, \*\], got 1"),
        ({"w": [1, 2]}, {"w": (1, 2)}, r"p\['w'\]: expected \[\*, \*\], got a tuple of 2"),
        ([1], [None], r"p\[0\]: expected an array, got None"),
        ([None], [1], r"p\[0\]: expected None, got a leaf of type int"),
        (1, [1], r"p: expected an array, got a list of 1"),
        ([{"a": 1}], [1], r"p\[0\]: expected a dict with the keys \['a'\], got a leaf of type int"),
    ],
)
def test_a_mismatch_names_its_path(wanted, given, message):
    with pytest.raises(SignatureError, match=message):
        trees.flatten(trees.describe(wanted), given, "p")


def test_a_plain_tuple_will_do_for_a_named_one():
    assert trees.flatten(trees.describe(Point(1, 2)), (3, 4)) == [3, 4]


def test_keys_that_json_cannot_hold_are_refused():
    for key in (1.5, (1, 2), True, None):
        with pytest.raises(SignatureError, match="must be str or int"):
            trees.describe({key: 1})


def test_a_wrong_number_of_leaves_is_refused():
    for leaves in ([1], [1, 2, 3]):
        with pytest.raises(SignatureError, match=f"a tree of 2 leaves was given {len(leaves)}"):
            trees.unflatten(trees.describe([0, 0]), leaves)


@pytest.mark.parametrize(
    "bad", [1, "leaf", {"set": []}, {"list": 3}, {"dict": [["a"]]}, {"dict": {"a": "*"}}]
)
def test_a_malformed_description_is_an_artifact_error(bad):
    with pytest.raises(ArtifactError, match="malformed tree"):
        trees.check({"list": [bad]})
