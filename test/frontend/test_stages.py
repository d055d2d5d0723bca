"""The stages of compiling ahead of time: `jit(f).trace`, `.lower`, `.compile`, and what each knows."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import ShapeDtypeStruct, grad, jit, stages, typeof


def _function() -> Any:
    return jit(lambda p, n, *, k=1.0: {"y": p["w"][0] * n + k}, static_argnames="n", donate_argnums=0)


def _struct(*shape: int) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(shape, np.float32)


def test_each_stage_knows_arguments_and_results() -> None:
    traced = _function().trace({"w": [_struct(3)]}, n=2)
    lowered = traced.lower()
    compiled = lowered.compile()
    info = stages.ArgInfo(typeof(np.ones(3)), True)
    for stage in (traced, lowered, compiled):
        assert stage.in_tree == axil.tree_util.tree_structure((({"w": [0]},), {}))
        assert stage.out_tree == axil.tree_util.tree_structure({"y": 0})
        assert stage.args_info == (({"w": [info]},), {}) and info.shape == (3,) and info.dtype == np.float32
        assert stage.out_info == {"y": _struct(3)} and stage.donate_argnums == (0,)
        assert str(stage.in_avals[0][0]["w"][0]) == "float32[3]" and stage.fun_name == "<lambda>"
    assert isinstance(_function(), stages.Wrapped)
    assert isinstance(traced, stages.Traced) and isinstance(lowered, stages.Lowered)
    assert isinstance(compiled, stages.Compiled)


def test_texts_of_the_stages() -> None:
    traced = jit(grad(lambda x: np.sum(np.exp(x)))).trace(_struct(3))
    assert 'combinator = "vjp"' in traced.ir and traced.ir == traced.jaxpr == traced.lower().as_text("traced")
    assert repr(traced.ir) == str(traced.ir)
    lowered = traced.lower()
    assert "axil.exp" in lowered.as_text("expanded") and "stablehlo.exponential" in lowered.as_text()
    assert "test_stages.py" in lowered.as_text(debug_info=True) and "test_stages.py" not in lowered.as_text()
    module = lowered.compiler_ir()
    assert "stablehlo.exponential" in str(module) and type(module).__name__ == "Module"
    with error_here(ValueError, "'hlo'", "traced, expanded, stablehlo"):
        lowered.compiler_ir("hlo")
    with error_here(ValueError, "device of this process", "axil.aot.save"):
        traced.lower(lowering_platforms=["cuda"])


def test_compiled_functions_take_what_they_were_compiled_for() -> None:
    compiled = _function().lower({"w": [_struct(3)]}, n=2).compile()
    fresh = lambda *shape: {"w": [np.ones(shape or 3)]}
    same(compiled(fresh())["y"], [3, 3, 3])
    with error_here(ValueError, "p['w'][0]", "f32[3]", "f32[4]"):
        compiled(fresh(4))
    with error_here(ValueError, "structure", "static arguments n"):
        compiled(fresh(), n=2)
    with error_here(TypeError, "traced value", "grad", "jitted function instead"):
        grad(lambda x: compiled({"w": [x]})["y"].sum())(np.ones(3))
    x = np.ones(3)
    compiled({"w": [x]})
    with error_here(RuntimeError, "donated"):
        x + 1
    assert compiled.runtime_executable().result_count == 1
    assert "stablehlo" in compiled.as_text() and set(compiled.seconds) == {"transform", "lower", "iree"}


def test_stages_cannot_be_pickled_and_say_why() -> None:
    traced = jit(lambda x: x).trace(1.0)
    for stage in (traced, traced.lower()):
        with pytest.raises(TypeError, match="cannot be pickled.*axil.export"):
            pickle.dumps(stage)


@jit
def doubled(x: Any) -> Any:
    """A function of the module, which pickle finds by name."""
    return x * 2


def test_jitted_functions_are_pickled_by_name_or_with_their_function() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    again = pickle.loads(pickle.dumps(jit(onp.negative, donate_argnums=0)))
    assert again.fun is onp.negative and again.donate_argnums == (0,)


def test_there_are_no_shardings() -> None:
    compiled = jit(lambda x: x).lower(1.0).compile()
    with pytest.raises(AttributeError, match="one device"):
        compiled.input_shardings  # noqa: B018
    assert not hasattr(compiled, "output_shardings")
    with error_here(TypeError, "in_shardings", "one device"):
        jit(lambda x: x, in_shardings=None)


def test_compiler_options() -> None:
    f = jit(lambda x: x * 3, compiler_options={"iree-opt-level": "O1"})
    same(f(2.0), 6)
    same(f.lower(2.0).compile({"iree_opt_data_tiling": False})(2.0), 6)
    for options, message in (
        ({"xla_cpu_enable_fast_math": True}, "XLA's"),
        ({"iree-opt-levl": "O1"}, "did you mean 'iree-opt-level'"),
        ({"iree-opt-level": "O9"}, "'O0', 'O1', 'O2', 'O3'"),
    ):
        with pytest.raises(ValueError, match=message):
            jit(lambda x: x, compiler_options=options)


def test_shape_dtype_structs() -> None:
    s = ShapeDtypeStruct((2, 3), "float16")
    assert s.update(shape=(4,)) == ShapeDtypeStruct((4,), "float16") and s.update(dtype="int32").dtype == np.int32
    assert ShapeDtypeStruct.like(1.0) == ShapeDtypeStruct((), "float32", weak_type=True) != ShapeDtypeStruct((), "f4")
    assert (s.ndim, s.size, len(s)) == (2, 6, 2) and hash(s) == hash(s.update())
    with pytest.raises(TypeError, match="'size'"):
        s.update(size=3)
    with pytest.raises(NotImplementedError, match="one device"):
        s.update(sharding=object())


def test_typeof() -> None:
    seen = []
    jit(lambda x: seen.append(typeof(x)) or x).trace(_struct(2, 3))
    assert [str(t) for t in (typeof(1), typeof(onp.ones(2, "f4")), *seen)] == ["int32[]", "float32[2]", "float32[2,3]"]
    assert repr(typeof(1.0)) == "ShapedArray(float32[], weak_type=True)"
    with error_here(TypeError, "typeof"):
        typeof("text")


def test_make_ir_is_make_jaxpr() -> None:
    text, shape = axil.make_jaxpr(lambda x, n: x * n, static_argnums=1, return_shape=True)(np.ones(3), 2)
    assert "axil.mul" in text and shape == _struct(3)
    with error_here(TypeError, "axis_env", "vmap"):
        axil.make_ir(lambda x: x, axis_env=[("i", 2)])
