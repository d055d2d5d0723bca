"""Signatures: what a compiled program takes and gives. Checked at every call, so that errors come from here.

A program takes exactly the dtypes and shapes it was compiled for. Only Python scalars adapt (`2` is a fine
float32); nothing is cast silently, since a cast that the compiler did not see gives other results than the
traced function.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axil.runtime import tree as trees
from axil.runtime.buffers import ELEMENT_TYPES
from axil.runtime.errors import ArtifactError, SignatureError

_BY_NAME = {dtype.name: dtype for dtype in ELEMENT_TYPES}


@dataclass(frozen=True)
class Leaf:
    """One array of a signature: `shape`, `dtype`, and the `path` it has in messages (`params['w'][0]`)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    path: str = ""

    def __str__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Signature:
    """Structure, shapes and dtypes of a program's arguments and results.

    `arguments` is a tree of a tuple (positional), `keywords` one of a dict (keyword-only); `names` are the
    names of the positional arguments as far as known, which may then also be passed by name. `inputs` are the
    leaves of both in order, `outputs` those of `results`.
    """

    arguments: trees.Tree
    keywords: trees.Tree
    results: trees.Tree
    inputs: tuple[Leaf, ...]
    outputs: tuple[Leaf, ...]
    names: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls,
        arguments: Sequence[Any],
        results: Any,
        *,
        keywords: Mapping[str, Any] | None = None,
        names: Sequence[str] = (),
    ) -> Signature:
        """The signature of a call with these values; leaves are arrays, scalars, or have `shape` and
        `dtype`."""
        args_tree = trees.describe(tuple(arguments))
        kw_tree = trees.describe(dict(keywords or {}))
        out_tree = trees.describe(results)
        values = trees.flatten(args_tree, tuple(arguments)) + trees.flatten(kw_tree, dict(keywords or {}))
        places = _input_paths(args_tree, kw_tree, names)
        inputs = tuple(_leaf(value, path) for value, path in zip(values, places))
        out_values = trees.flatten(out_tree, results)
        outputs = tuple(_leaf(v, path) for v, path in zip(out_values, trees.paths(out_tree, "result")))
        return cls(args_tree, kw_tree, out_tree, inputs, outputs, tuple(names))

    def bind(
        self, arguments: Sequence[Any], keywords: Mapping[str, Any], what: str = "the program"
    ) -> list[Any]:
        """The checked leaves of a call as NumPy arrays. Raises `SignatureError` naming argument and way
        out."""
        try:
            positional, named = self._split(arguments, dict(keywords))
            values = trees.flatten(self.arguments, positional, "\0")
            values += trees.flatten(self.keywords, named, "\0")
        except SignatureError as error:
            message = self._name_paths(str(error))
            raise SignatureError(f"{what}: {message}\nIt is called as {self}.") from None
        return [_convert(value, leaf, what) for value, leaf in zip(values, self.inputs)]

    def _split(self, arguments: Sequence[Any], keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        wanted = len(self.arguments["tuple"])
        positional = list(arguments)
        while len(positional) < min(wanted, len(self.names)) and self.names[len(positional)] in keywords:
            positional.append(keywords.pop(self.names[len(positional)]))
        if len(positional) != wanted:
            plural = "" if wanted == 1 else "s"
            raise SignatureError(f"takes {wanted} positional argument{plural}, got {len(positional)}")
        return tuple(positional), keywords

    def _name_paths(self, message: str) -> str:
        """Replace the marked root of a path (`\\0[1]['w']`) by the argument's name."""
        for i in range(len(self.arguments["tuple"])):
            message = message.replace(f"\0[{i}]", _argument_name(i, self.names))
        for key, _ in self.keywords["dict"]:
            message = message.replace(f"\0[{key!r}]", key)
        return message.replace("\0: ", "keyword arguments: ").replace("\0", "")

    def __str__(self) -> str:
        leaves = iter(self.inputs)
        parts = []
        for i, child in enumerate(self.arguments["tuple"]):
            texts = [str(next(leaves)) for _ in trees.paths(child)]
            parts.append(f"{_argument_name(i, self.names)}: {_fill(child, texts)}")
        for key, child in self.keywords["dict"]:
            texts = [str(next(leaves)) for _ in trees.paths(child)]
            parts.append(f"{key}: {_fill(child, texts)}")
        results = _fill(self.results, [str(leaf) for leaf in self.outputs])
        return f"({', '.join(parts)}) -> {results}"

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `from_json` reads back."""
        return {
            "arguments": self.arguments,
            "keywords": self.keywords,
            "names": list(self.names),
            "inputs": [_leaf_json(leaf) for leaf in self.inputs],
            "results": self.results,
            "outputs": [_leaf_json(leaf) for leaf in self.outputs],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signature:
        """Read what `to_json` wrote. Raises `ArtifactError` where it is malformed."""
        try:
            signature = cls(
                trees.check(value["arguments"]),
                trees.check(value["keywords"]),
                trees.check(value["results"]),
                tuple(_leaf_from_json(leaf) for leaf in value["inputs"]),
                tuple(_leaf_from_json(leaf) for leaf in value["outputs"]),
                tuple(value.get("names", ())),
            )
            count = len(trees.paths(signature.arguments)) + len(trees.paths(signature.keywords))
            consistent = count == len(signature.inputs) and "tuple" in signature.arguments
            consistent &= len(trees.paths(signature.results)) == len(signature.outputs)
            consistent &= "dict" in signature.keywords
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"malformed signature: {error!r}") from None
        if not consistent:
            raise ArtifactError("malformed signature: trees and leaves do not agree")
        return signature


def dtype_named(name: str) -> np.dtype[Any]:
    """The dtype of this name ('float32', 'bfloat16', ...). Raises `ArtifactError` for another."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ArtifactError(f"unknown dtype {name!r}") from None


def _convert(value: Any, leaf: Leaf, what: str) -> np.ndarray[Any, Any]:
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        array = _from_scalar(value, leaf, what)
    else:
        array = np.asarray(value)
        if array.dtype != leaf.dtype:
            raise SignatureError(
                f"{what}: {leaf.path} must be {leaf}, got {_text(array)}; nothing is cast silently: convert "
                f"it, for example with numpy.asarray(value, {_spelling(leaf.dtype)})"
            )
    if array.shape != leaf.shape:
        raise SignatureError(
            f"{what}: {leaf.path} must be {leaf}, got {_text(array)}; a program is compiled for one shape: "
            f"pass that, or compile another for this shape"
        )
    return array


def _from_scalar(value: Any, leaf: Leaf, what: str) -> np.ndarray[Any, Any]:
    kind = _kind(leaf.dtype)
    allowed = {"b": (bool,), "i": (int,), "u": (int,), "f": (int, float), "c": (int, float, complex)}[kind]
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind != "b"):
        raise SignatureError(f"{what}: {leaf.path} must be {leaf}, got the {type(value).__name__} {value!r}")
    try:
        return np.asarray(value, leaf.dtype)
    except OverflowError:
        raise SignatureError(f"{what}: {leaf.path} must be {leaf}; {value!r} does not fit into it") from None


def _kind(dtype: np.dtype[Any]) -> str:
    """The letter of a dtype's kind; NumPy's own says nothing of ml_dtypes' types."""
    if dtype.kind != "V":
        return dtype.kind
    return "f" if "float" in dtype.name else "u" if dtype.name.startswith("u") else "i"


def _leaf(value: Any, path: str) -> Leaf:
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        value = np.asarray(value)
    dtype = np.dtype(value.dtype)
    if dtype not in ELEMENT_TYPES:
        raise SignatureError(f"{path}: arrays of dtype {dtype} cannot go to a device")
    return Leaf(tuple(int(d) for d in value.shape), dtype, path)


def _leaf_json(leaf: Leaf) -> dict[str, Any]:
    return {"shape": list(leaf.shape), "dtype": leaf.dtype.name, "path": leaf.path}


def _leaf_from_json(value: Mapping[str, Any]) -> Leaf:
    shape = tuple(value["shape"])
    if not all(isinstance(d, int) and d >= 0 for d in shape) or math.prod(shape) >= 2**62:
        raise ValueError(f"shape {shape}")
    return Leaf(shape, dtype_named(value["dtype"]), str(value["path"]))


def _input_paths(arguments: trees.Tree, keywords: trees.Tree, names: Sequence[str]) -> list[str]:
    found = []
    for i, child in enumerate(arguments["tuple"]):
        found += trees.paths(child, _argument_name(i, names))
    for key, child in keywords["dict"]:
        found += trees.paths(child, str(key))
    return found


def _argument_name(index: int, names: Sequence[str]) -> str:
    return names[index] if index < len(names) else f"argument {index}"


def _fill(tree: trees.Tree, texts: list[str]) -> str:
    """The structure in Python's notation with the leaves' texts in place of `*`."""
    pieces = trees.show(tree).split(trees.LEAF)
    return "".join(piece + text for piece, text in zip(pieces, [*texts, ""]))


def _text(array: np.ndarray[Any, Any]) -> str:
    return f"{array.dtype.name}[{','.join(map(str, array.shape))}]"


def _spelling(dtype: np.dtype[Any]) -> str:
    return f"{'numpy' if hasattr(np, dtype.name) else 'ml_dtypes'}.{dtype.name}"
