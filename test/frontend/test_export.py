"""`axil.export`: functions as bytes, called, differentiated and batched in another process without their code."""

from __future__ import annotations

import collections
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import ShapeDtypeStruct, export, grad, jit, lax, vmap
from axil.runtime.errors import ArtifactError

State = collections.namedtuple("State", ["a", "b"])
export.register_namedtuple_serialization(State, serialized_name="test.State")


@axil.tree_util.register_pytree_node_class
class Scaled:
    """A class of the user's."""

    def __init__(self, value: Any, scale: float) -> None:
        self.value, self.scale = value, scale

    def tree_flatten(self) -> Any:
        return (self.value,), self.scale

    @classmethod
    def tree_unflatten(cls, scale: float, children: Any) -> Scaled:
        return cls(children[0], scale)


TABLE = np.asarray(onp.linspace(0, 1, 50), np.float32)  # large enough to be a constant of its own


def _function(state: Any, n: Any, *, scale: Any = 2.0) -> Any:
    last, all_ = lax.scan(lambda c, x: (np.tanh(c * x + TABLE[n]), c), state.a, state.b)
    return {"last": last * scale, "all": [all_, None]}


def _arguments() -> tuple:
    return State(np.ones(3), np.full((4, 3), 0.5)), 20


@pytest.fixture(scope="module")
def exported() -> Any:
    return export.export(jit(_function))(*_arguments())


@pytest.fixture(scope="module")
def data(exported: Any) -> bytes:
    return bytes(exported.serialize())


def test_what_is_known_of_an_exported_function(exported: Any, data: bytes) -> None:
    for e in (exported, export.deserialize(data)):
        assert e.fun_name == "_function" and e.platforms == (export.default_export_platform(),) and e.nr_devices == 1
        assert [str(a) for a in e.in_avals] == ["float32[3]", "float32[4,3]", "int32[]"] and e.in_avals[2].weak_type
        assert [str(a) for a in e.out_avals] == ["float32[4,3]", "float32[3]"]
        assert e.in_tree == axil.tree_util.tree_structure((_arguments(), {}))
        assert e.out_tree == axil.tree_util.tree_structure({"last": 0, "all": [0, None]})
        assert "func.func" in e.mlir_module() and "_function(float32[3], " in repr(e)


def test_it_gives_what_the_function_gives(exported: Any, data: bytes) -> None:
    wanted = _function(*_arguments())
    for e in (exported, export.deserialize(data)):
        got = e.call(*_arguments())
        same(got, wanted, 1e-5)
    with axil.disable_jit():
        same(export.deserialize(data).call(*_arguments()), wanted, 1e-5)


def test_it_is_differentiated_and_batched(data: bytes) -> None:
    g = export.deserialize(data).call
    state, n = _arguments()
    of = lambda f: lambda a: f(State(a, state.b), n)["last"].sum()
    a = np.asarray([0.1, 0.2, 0.3])
    same(grad(of(g))(a), grad(of(_function))(a), 1e-4)
    same(jit(axil.hessian(of(g)))(a), axil.hessian(of(_function))(a), 1e-4)
    same(axil.jvp(of(g), (a,), (a,)), axil.jvp(of(_function), (a,), (a,)), 1e-4)
    rows = np.stack([a, 2 * a])
    same(vmap(of(g))(rows), vmap(of(_function))(rows), 1e-4)
    same(jit(lambda a: of(g)(a) + of(g)(2 * a))(a), of(_function)(a) + of(_function)(2 * a), 1e-4)


def test_the_exported_derivative(data: bytes) -> None:
    e = export.deserialize(data)
    assert e.has_vjp()
    pullback = export.deserialize(e.vjp().serialize(vjp_order=1))
    assert [str(a) for a in pullback.out_avals] == [str(a) for a in e.in_avals]
    state, n = _arguments()
    cotangents = np.zeros((4, 3)), np.ones(3)
    da, db, dn = pullback.call(state.a, state.b, n, *cotangents)
    wanted = grad(lambda s: _function(s, n)["last"].sum())(state)
    same([da, db, dn], [wanted.a, wanted.b, 0], 1e-4)
    assert pullback.vjp().in_avals[:5] == pullback.in_avals


def test_another_process_needs_no_python_code(tmp_path: Path) -> None:
    f = jit(lambda p, key: {"y": np.sin(p["x"]) @ TABLE, "u": axil.random.uniform(key, (2,))})
    p, key = {"x": np.ones((2, 50))}, axil.random.key(0)
    (tmp_path / "f.bin").write_bytes(export.export(f)(p, key).serialize())
    code = (
        "import axil, axil.numpy as np, sys\n"
        "f = axil.export.deserialize(open(sys.argv[1], 'rb').read()).call\n"
        "g = lambda x: f({'x': x}, axil.random.key(0))\n"
        "print(g(np.ones((2, 50)))['u'].tolist(), axil.grad(lambda x: g(x)['y'].sum())(np.ones((2, 50))).sum())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "f.bin")], capture_output=True, text=True, timeout=120
    )
    assert out.returncode == 0, out.stderr
    numbers = onp.fromstring(out.stdout.replace("[", "").replace("]", "").replace(",", " "), sep=" ")
    onp.testing.assert_allclose(numbers[:2], f(p, key)["u"], rtol=1e-6)
    onp.testing.assert_allclose(numbers[2], 2 * onp.cos(1) * 25, rtol=1e-4)


def test_damaged_bytes(data: bytes) -> None:
    flipped = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    for bad, message in (
        (data[:-1], "damaged"), (data[:20], "damaged"), (flipped, "damaged"), (data + b"x", "damaged"),
        (b"", "AXILEXP"), (b"PK\3\4" + data, "AXILEXP"), (b"AXILEXP9" + data[8:], "later format"),
    ):  # fmt: skip
        with pytest.raises((ArtifactError, RuntimeError), match=message):
            export.deserialize(bad)


def test_wrong_calls(exported: Any) -> None:
    state, n = _arguments()
    with error_here(ValueError, "structure", "State"):
        exported.call(state)
    with error_here(ValueError, "float32[3]", "[0][0].a", "f32[4]"):
        exported.call(State(np.ones(4), state.b), n)
    with error_here(TypeError, "'text'"):
        exported.call(State("text", state.b), n)


def test_platforms(exported: Any) -> None:
    f = jit(lambda x: x)
    elsewhere = export.export(f, platforms=["tpu"])(1.0)
    with error_here(ValueError, "tpu", "cpu", "platforms="):
        elsewhere.call(1.0)
    same(export.export(f, platforms=["tpu", "cpu"])(1.0).call(2.0), 2)
    unchecked = export.export(f, platforms=["tpu"], disabled_checks=[export.DisabledSafetyCheck.platform()])(1.0)
    same(export.deserialize(unchecked.serialize()).call(2.0), 2)
    with error_here(ValueError, "xpu", "rocm"):
        export.export(f, platforms=["xpu"])
    with error_here(ValueError, "jitted", "axil.jit"):
        export.export(lambda x: x)


def test_classes_of_the_user() -> None:
    f = jit(lambda s: Scaled(s.value * s.scale, s.scale + 1))
    e = export.export(f)(Scaled(np.ones(2), 3.0))
    same(e.call(Scaled(np.ones(2), 3.0)).value, [3, 3])
    with pytest.raises(TypeError, match="Scaled.*register_pytree_node_serialization"):
        e.serialize()
    export.register_pytree_node_serialization(
        Scaled, serialized_name="test.Scaled", serialize_auxdata=lambda s: repr(s).encode(),
        deserialize_auxdata=lambda d: float(d.decode()),
    )  # fmt: skip
    again = export.deserialize(e.serialize()).call(Scaled(np.ones(2), 3.0))
    assert again.scale == 4.0
    with pytest.raises(ValueError, match="already"):
        export.register_namedtuple_serialization(State, serialized_name="other")
    with pytest.raises(ValueError, match="'test.State' is taken by State"):
        export.register_namedtuple_serialization(collections.namedtuple("T", "x"), serialized_name="test.State")
    with pytest.raises(ValueError, match="named tuple"):
        export.register_namedtuple_serialization(dict, serialized_name="d")


def test_static_arguments_are_a_part_of_the_program() -> None:
    e = export.export(jit(lambda x, n: x**n, static_argnums=1))(ShapeDtypeStruct((2,), np.float32), 3)
    same(e.call(np.full(2, 2.0)), [8, 8])


def test_what_cannot_be_exported() -> None:
    callback = jit(lambda x: axil.pure_callback(lambda v: v, ShapeDtypeStruct((2,), np.float32), x))
    e = export.export(callback)(np.ones(2))
    with pytest.raises(TypeError, match="callbacks"):
        e.serialize()
    with error_here(NotImplementedError, "fixed", "pad"):
        export.symbolic_shape("a, b")
    for wanted in (lambda: export.symbolic_args_specs((), "a"), export.SymbolicScope):
        with pytest.raises(NotImplementedError, match="fixed"):
            wanted()
    assert not export.is_symbolic_dim(3)
    with pytest.raises(ValueError, match="vjp_order"):
        e.serialize(vjp_order=-1)
