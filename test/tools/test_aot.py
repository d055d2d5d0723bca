"""`axil.aot`: signatures, constants and trees of artifacts made from functions."""

from __future__ import annotations

import collections
import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from axil import ShapeDtypeStruct, aot, jit, lax, tree_util
from axil.compiler.targets import resolve
from axil.core import as_array
from axil.operands import ArgumentError
from axil.runtime.artifact import open_artifact


def full(value: float, n: int = 2) -> np.ndarray:
    return np.full(n, value, np.float32)


class Point(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any


tree_util.register_dataclass(Layer, ["w", "b"], [])


def test_kinds_of_containers_and_the_order_of_their_leaves(tmp_path: Path) -> None:
    """An OrderedDict keeps its order in a trace and is sorted by the runtime: leaves must not be mixed up."""

    def f(ordered: Any, layer: Any, point: Any, *, last: Any) -> Any:
        result = collections.OrderedDict(z=ordered["b"], a=layer.b)
        return result, lax.sub(layer.w, point.x), Point(point.y, last), None, Layer(ordered["a"], last)

    path = tmp_path / "f.axil"
    ordered = collections.OrderedDict(b=full(1), a=full(2))
    aot.save(path, f, ordered, Layer(full(3), full(4, 3)), Point(full(5), None), last=full(6))
    program = aot.load(path)
    assert str(program.signature).startswith(
        "(ordered: {'a': float32[2], 'b': float32[2]}, layer: Layer(w=float32[2], b=float32[3]), "
        "point: Point(x=float32[2], y=None), last: float32[2])"
    )
    got = program({"a": full(2), "b": full(1)}, (full(3), full(4, 3)), (full(5), None), last=full(6))
    first, difference, point, nothing, layer = got
    assert first["z"][0] == 1 and first["a"].tolist() == [4, 4, 4]
    assert difference[0] == -2 and nothing is None
    assert (point.x, point.y[0]) == (None, 6) and (layer.w[0], layer.b[0]) == (2, 6)


def test_constants_are_stored_and_come_first(tmp_path: Path) -> None:
    weights = as_array(np.arange(32, dtype=np.float32))
    aot.save(tmp_path / "f.axil", lambda x: lax.mul(lax.add(x, weights), weights), ShapeDtypeStruct((32,), "f4"))
    artifact = open_artifact(tmp_path / "f.axil")
    assert artifact.weight_names == ("constant_0",)
    assert np.array_equal(artifact.weights()["constant_0"], np.arange(32))
    ones = np.ones(32, np.float32)
    assert np.array_equal(aot.load(tmp_path / "f.axil")(ones), (1 + np.arange(32)) * np.arange(32))


def test_the_same_function_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        aot.save(tmp_path / name, lambda x: lax.neg(x), full(1), name="f")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_static_and_donated_arguments_of_a_jitted_function(tmp_path: Path) -> None:
    f = jit(lambda n, x, flag: lax.mul(x, x) if flag and n == 2 else x, static_argnums=(0, 2), donate_argnums=1)
    aot.save(tmp_path / "f.axil", f, 2, full(3), True)
    program, x = aot.load(tmp_path / "f.axil"), full(3)
    assert program.signature.names == ("x",)
    assert program(x)[0] == 9 and program(x=x)[0] == 9 and x[0] == 3


def test_targets_by_name_and_object(tmp_path: Path) -> None:
    path = tmp_path / "f.axil"
    aot.save(path, lambda x: x, full(1), targets=["x86-64", "host", "cpu", resolve("aarch64")])
    assert [t.name for t in open_artifact(path).targets] == ["aarch64", "host", "x86-64"]
    with pytest.raises(ArgumentError, match="one target at least"):
        aot.save(path, lambda x: x, full(1), targets=[])


def test_a_function_is_compiled_after_it_was_saved(tmp_path: Path) -> None:
    """Saving leaves the function's own cache and trace alone."""
    f = jit(lambda x: lax.add(x, x))
    aot.save(tmp_path / "f.axil", f, full(1))
    assert np.asarray(f(full(1)))[0] == 2
    aot.save(tmp_path / "f.axil", f, full(1))
    assert aot.load(tmp_path / "f.axil")(full(4))[0] == 8


def test_the_compiler_sees_the_users_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what it refuses is told with the place in the Python file."""
    from axil.compiler import pipeline

    compile_program, seen = pipeline.compile_program, []

    def record(module: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(module.get_asm(enable_debug_info=True))
        return compile_program(module, *args, **kwargs)

    monkeypatch.setattr(pipeline, "compile_program", record)
    aot.save(tmp_path / "f.axil", lambda x: lax.neg(x), full(1), targets=["host", "x86-64"])
    assert len(seen) == 2 and all(f'{Path(__file__).name}":' in text for text in seen)
