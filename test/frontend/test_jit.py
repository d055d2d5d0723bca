"""`jit`: what is compiled when, static and donated arguments, results of all kinds, stages, threads.

Compiling is slow, so one compiled function serves several checks.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import numpy as onp
import pytest
from checks import counted, error_here, same

import axil
import axil.numpy as np
from axil import ShapeDtypeStruct, eval_shape, grad, jit, lax, make_ir, vmap

# ---- calling -------------------------------------------------------------------------------------------


def test_a_program_is_traced_once_for_each_kind_of_arguments() -> None:
    f, calls = counted(lambda p: p["a"] + p["b"])
    g = jit(f)
    x = np.ones(3)
    same([g({"a": x, "b": x}), g({"b": x * 2, "a": x})], [2 * onp.ones(3), 3 * onp.ones(3)])
    assert len(calls) == 1
    g({"a": x, "b": 1.0})
    assert len(calls) == 2
    g({"a": x, "b": 2.0})  # Python numbers are arguments like others
    assert len(calls) == 2
    same(g({"a": x, "b": np.ones((), np.float32)}), [2, 2, 2])  # strongly typed
    assert len(calls) == 3
    assert g({"a": np.ones(3, np.float16), "b": 1.0}).dtype == np.float16
    assert len(calls) == 4
    axil.clear_caches()
    g({"a": x, "b": x})
    assert len(calls) == 5


def test_arguments_are_untouched() -> None:
    f = jit(lambda x, i: (x.at[i].set(9.0), np.sort(x), lax.dynamic_update_slice(x, x[:2] * 0, (i,)), x))
    n = onp.arange(1000.0, dtype="f4")[::-1].copy()
    x = np.asarray(n)
    before = onp.array(x)
    first = [onp.array(v) for v in f(x, 3)]
    for _ in range(2):
        same(list(f(x, 3)), first)
        same(list(f(n, 3)), first)
    same([x, n], [before, before])


def test_keywords_defaults_methods_and_partial_functions() -> None:
    @jit
    def f(x: Any, y: Any = 2.0, *, z: Any = 3.0) -> Any:
        return x * 100 + y * 10 + z

    same([f(1.0), f(1.0, z=4.0), f(x=1.0, y=5.0), partial(f, 1.0)(z=0.0)], [123, 124, 153, 120])
    assert f.__name__ == "f" and "f" in repr(f)

    class Model:
        scale = 3.0

        @partial(jit, static_argnums=0)
        def method(self, x: Any) -> Any:
            return x * self.scale

    same(Model().method(2.0), 6.0)


def test_results_of_all_kinds() -> None:
    constant = np.arange(20.0)

    def f(x: Any, n: Any) -> Any:
        y = x * 2
        return {"x": x, "y": (y, y), "none": None, "number": 3, "const": constant, "new": n + 1, "empty": x[:0]}

    g = jit(f)
    x = np.ones(3)
    for _ in range(2):
        got = g(x, 4)
        wanted = {"x": [1, 1, 1], "y": ([2, 2, 2],) * 2, "none": None, "number": 3, "const": onp.arange(20.0), "new": 5}
        same(got, {**wanted, "empty": onp.zeros(0)})
    assert got["number"].dtype == np.int32 and got["number"].weak_type and got["empty"].shape == (0,)
    same(x, [1, 1, 1])


def test_results_without_arrays() -> None:
    assert jit(lambda x: None)(1.0) is None
    assert jit(lambda: ((), {}, [None]))() == ((), {}, [None])
    same(jit(lambda: (1.5, np.zeros((0, 2))))(), (1.5, onp.zeros((0, 2))))


def test_dtypes() -> None:
    f = jit(lambda *xs: [x + x for x in xs[1:]] + [~xs[0]])
    kinds = ["i1", "u1", "i2", "u2", "i4", "u4", "f2", "f4"]
    xs = [np.asarray(onp.arange(5), k) for k in kinds] + [np.arange(5).astype(np.bfloat16)]
    got = f(np.array([True, False]), *xs)
    for x, y in zip(xs, got):
        assert y.dtype == x.dtype
        same(onp.asarray(y, "f8"), 2.0 * onp.arange(5))
    assert got[-1].tolist() == [False, True] and got[-1].dtype == bool


def test_64_bits() -> None:
    f, calls = counted(lambda x: x * 3)
    g = jit(f)
    with axil.enable_x64():
        y = g(onp.float64(1) / 3)
        assert y.dtype == np.float64 and float(y) == 1.0
        assert g(onp.int64(2**40)).tolist() == 3 * 2**40
    assert g(onp.float64(1) / 3).dtype == np.float32
    assert len(calls) == 3


def test_large_constants_are_hidden_operands() -> None:
    table = np.asarray(onp.random.default_rng(0).random(5000), np.float32)
    f = jit(lambda i: table[i] + table.sum())
    same(f(7), table[7] + table.sum())
    assert len(f.lower(7).as_text("traced")) < 10_000


def test_random_and_loops_inside() -> None:
    @jit
    def f(key: Any) -> Any:
        a, b = axil.random.split(key)
        return axil.random.uniform(a, (3,)) + lax.fori_loop(0, 3, lambda i, s: s + i, 0) * axil.random.normal(b)

    key = axil.random.PRNGKey(3)
    with axil.disable_jit():
        wanted = f(key)
    same(f(key), wanted, 1e-4)


def test_methods_callables_and_partial_functions() -> None:
    class Model:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def method(self, x: Any) -> Any:
            return x * self.scale

        def __call__(self, x: Any) -> Any:
            return x + self.scale

        @jit
        def decorated(self, x: Any) -> Any:
            return x

    same([jit(Model(2.0).method)(3.0), jit(Model(2.0))(3.0), jit(partial(Model.method, Model(4.0)))(3.0)], [6, 5, 12])
    with error_here(TypeError, "Model", "as self", "static"):
        Model(1.0).decorated(3.0)
    assert Model(1.0).decorated.__self__.scale == 1.0


def test_generators_and_coroutines_are_refused() -> None:
    def generator(x: Any) -> Any:
        yield x

    async def coroutine(x: Any) -> Any:
        return x

    with error_here(TypeError, "generator function", "list or a tuple"):
        jit(generator)
    with error_here(TypeError, "coroutine function"):
        jit(coroutine)


def test_weak_types_do_not_compile_twice() -> None:
    f, calls = counted(lambda x: x + 1)
    g = jit(f)
    y = g(1.0)  # a Python number is a weakly typed array, and so is what comes of it
    assert y.weak_type and g(y).weak_type
    g(g(y))
    assert len(calls) == 1


def test_arguments_without_a_use_are_not_passed() -> None:
    f = lambda x, unused, y: x + y
    sizes = lambda g: g.lower(*[ShapeDtypeStruct((n,), np.float32) for n in (3, 99, 3)]).compile().memory_analysis()
    assert sizes(jit(f)).argument_size_in_bytes == 24
    assert sizes(jit(f, keep_unused=True)).argument_size_in_bytes == 24 + 4 * 99
    never_uploaded = np.ones(5000)
    same(jit(f)(np.ones(3), never_uploaded, np.ones(3)), [2, 2, 2])
    assert never_uploaded._buffer is None


def test_device_and_backend_are_deprecated() -> None:
    device = axil.devices()[0]
    with pytest.warns(DeprecationWarning, match="AXIL_PLATFORM"):
        same(jit(lambda x: x, device=device)(1.0), 1)
    with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="not on tpu"):
        jit(lambda x: x, backend="tpu")


# ---- under other transformations -----------------------------------------------------------------------


def test_a_jitted_function_is_traced_once_in_a_program() -> None:
    f, calls = counted(lambda x, n: np.abs(x) * n + TABLE[0])
    g = jit(f, static_argnums=1)
    h = jit(lambda x: sum((g(x + i, 2) for i in range(100)), g(x, 3)))
    text = h.trace(1.0).ir
    assert len(calls) == 2 and text.count("axil.abs") == 2 and text.count(" call @") == 101 + 2
    same(h(0.0), 2 * 99 * 50)
    calls.clear()
    same(grad(lambda x: g(x, 2) + g(2 * x, 2))(1.0), 6.0)
    assert len(calls) == 1
    calls.clear()
    h.trace(np.ones(2))
    assert len(calls) == 2


TABLE = np.zeros(30)


def test_what_closes_over_traced_values_is_traced_each_time() -> None:
    box: dict[str, Any] = {}
    g = jit(lambda y: box["x"] * y)

    def f(x: Any) -> Any:
        box["x"] = x
        first = g(1.0)
        box["x"] = x + 1
        return first * 100 + g(1.0)

    same(jit(f)(2.0), 203)


def test_inline() -> None:
    f = jit(lambda x: {"y": np.sin(x) if hasattr(x, "shape") else x}, inline=True)
    text = make_ir(lambda x: f(x)["y"] + f(1.0)["y"])(2.0)
    assert "call @" not in text and text.count("axil.sin") == 2
    same(jit(grad(lambda x: f(x)["y"]))(0.0), 1)


def test_recursion_with_static_arguments() -> None:
    @partial(jit, static_argnums=1)
    def power(x: Any, n: int) -> Any:
        return x * power(x, n - 1) if n else 1.0

    same([power(2.0, 5), grad(lambda x: power(x, 3))(2.0)], [32, 12])



def test_jit_within_jit_grad_and_vmap() -> None:
    inner = jit(lambda x, k: np.sin(x) * k, static_argnames="k")
    x = np.arange(3.0)
    sin, cos = onp.sin(onp.arange(3)), onp.cos(onp.arange(3))
    same(jit(lambda x: inner(inner(x, k=2), k=3))(x), 3 * onp.sin(2 * sin))
    same(vmap(lambda v: inner(v, k=2))(x), 2 * sin)
    same(grad(lambda x: inner(x, k=2).sum())(x), 2 * cos)
    same(vmap(grad(lambda v: inner(v, k=2)))(x), 2 * cos)


def test_a_jitted_function_closes_over_outer_values() -> None:
    def f(x: Any) -> Any:
        g = jit(lambda y: x * y)
        return g(x) + g(3.0)

    same(grad(f)(2.0), 7.0)
    same(jit(f)(2.0), 10.0)


# ---- static arguments ----------------------------------------------------------------------------------


def test_static_arguments_by_position_and_name() -> None:
    def power(x: Any, n: int, mode: str = "up") -> Any:
        assert isinstance(n, (int, float)) and isinstance(mode, str)
        return x**n if mode == "up" else x - n

    f, calls = counted(power)
    g = jit(power, static_argnums=(1, 2))
    same([g(2.0, 3), g(2.0, n=3), g(2.0, 3, "down"), g(2.0, 3, mode="down")], [8, 8, -1, -1])
    same(jit(power, static_argnames=["n", "mode"])(2.0, 3), 8.0)
    same(jit(power, static_argnums=(-2, -1))(2.0, 3), 8.0)
    h = jit(f, static_argnums=1)
    h(2.0, 3), h(3.0, 3)
    assert len(calls) == 1
    h(2.0, 4)
    assert len(calls) == 2


def test_equal_static_values_of_different_types_are_different() -> None:
    f = jit(lambda x, n: x.astype(np.int32) + n, static_argnums=1)
    assert f(np.ones(2), 1).dtype == np.int32
    assert f(np.ones(2), 1.0).dtype == np.float32
    assert f(np.ones(2), True).dtype == np.int32


def test_static_objects_are_compared() -> None:
    @dataclasses.dataclass(frozen=True)
    class Config:
        n: int

    f, calls = counted(lambda x, c: x * c.n)
    g = jit(f, static_argnums=1)
    same([g(2.0, Config(3)), g(2.0, Config(3)), g(2.0, Config(4))], [6, 6, 8])
    assert len(calls) == 2


def test_static_arguments_that_are_wrong() -> None:
    f = jit(lambda x, n: x, static_argnums=1)
    with error_here(ValueError, "static argument 1", "list", "hashed", "tuple"):
        f(1.0, [1, 2])
    with error_here(ValueError, "static argument 1", "hashed"):
        jit(lambda x: f(x, [1]))(1.0)
    with error_here(ValueError, "argument number 5", "2 positional"):
        jit(lambda x, n: x, static_argnums=5)
    with error_here(ValueError, "no argument named 'm'", "n, x"):
        jit(lambda x, n: x, static_argnames="m")
    with error_here(TypeError, "'1'"):
        jit(lambda x, n: x, static_argnums=("1",))
    with error_here(TypeError, "options", "static_argument"):
        jit(lambda x: x, static_argument=1)


def test_arguments_that_are_no_arrays() -> None:
    with error_here(TypeError, "'text'", "str", "static"):
        jit(lambda x: x)("text")
    with error_here(TypeError, "ShapeDtypeStruct", "eval_shape"):
        jit(lambda x: x)(ShapeDtypeStruct((3,), np.float32))


# ---- donation ------------------------------------------------------------------------------------------


def test_a_donated_array_is_gone_and_others_are_untouched() -> None:
    f = jit(lambda x, y: (x.at[0].set(5.0) + y, y), donate_argnums=0)
    x, y = np.zeros(1000), np.ones(1000)
    z, y2 = f(x, y)
    same([z[0], z[1], y[0], y2[0]], [6, 1, 1, 1])
    error = ("f32[1000]", "donated", "donate_argnums")
    with error_here(RuntimeError, *error):
        x + 1
    with error_here(RuntimeError, *error):
        onp.asarray(x)
    with error_here(RuntimeError, *error):
        f(x, y)
    with error_here(RuntimeError, *error):
        print(x)
    z, _ = f(z, y)  # a result can be donated in its turn
    same(z[:2], [6, 2])


def test_donation_does_not_reach_views_and_copies() -> None:
    f = jit(lambda x: x.at[0].set(5.0) * 1.0, donate_argnums=0)
    source = onp.zeros(1000, "f4")
    x = np.asarray(source)
    view, alias = onp.asarray(x), x.reshape(10, 100)
    y = f(x)
    same([view[0], alias[0, 0], source[0], y[0]], [0, 0, 0, 5])
    again = onp.asarray(y)
    f(y)
    same(again[:2], [5, 0])


def test_results_that_share_memory_can_be_donated_one_by_one() -> None:
    same_twice = jit(lambda x: (x, x, x * 2))
    f = jit(lambda x: x.at[0].set(7.0) + 0.0, donate_argnums=0)
    x = f(np.zeros(1000))  # lives on the device only
    a, b, _ = same_twice(x)
    f(a)
    same([x[:2], b[:2]], [[7, 0], [7, 0]])


def test_donating_twice() -> None:
    f = jit(lambda x, y: x + y, donate_argnums=0)
    x = np.ones(4)
    with error_here(ValueError, "f32[4]", "donated", "second time"):
        f(x, x)
    same(f(x, np.ones(4)), [2, 2, 2, 2])
    p = {"a": np.ones(2)}
    g = jit(lambda p, k: p["a"] * k, donate_argnames="p")
    same(g(p, 2.0), [2, 2])
    with error_here(RuntimeError, "donated"):
        p["a"].sum()


# ---- stages --------------------------------------------------------------------------------------------


def test_stages_of_lowering() -> None:
    f = jit(grad(lambda x: np.sum(np.sin(x) * 2.0)))
    lowered = f.lower(ShapeDtypeStruct((3,), np.float32))
    assert 'combinator = "vjp"' in lowered.as_text("traced")
    assert "axil.cos" in lowered.as_text("expanded") and "axil.derived" not in lowered.as_text("expanded")
    assert "stablehlo.multiply" in lowered.as_text("stablehlo") and "axil." not in lowered.as_text()
    assert lowered.out_info == ShapeDtypeStruct((3,), np.float32)
    with error_here(ValueError, "'hlo'", "traced, expanded, stablehlo"):
        lowered.as_text("hlo")
    compiled = lowered.compile()
    x = np.arange(3.0)
    same([compiled(x), lowered.compile()(x)], [2 * onp.cos(range(3))] * 2)
    assert "axil.cos" in lowered.as_text("expanded") and "stablehlo" in compiled.as_text()
    with error_here(ValueError, "f32[3]", "f32[4]"):
        compiled(np.ones(4))
    with error_here(ValueError, "structure"):
        compiled(x, x)


def test_eval_shape() -> None:
    f = lambda p, n: {"y": p["x"] @ p["x"].T, "n": n}
    x = ShapeDtypeStruct((3, 4), np.float16)
    got = eval_shape(f, {"x": x}, 2)
    assert got["y"] == ShapeDtypeStruct((3, 3), np.float16) and got["n"].dtype == np.int32
    assert eval_shape(jit(f), {"x": x}, 2)["y"].shape == (3, 3)
    inside = []
    jit(lambda v: inside.append(eval_shape(lambda u: u[None] * v, v)) or v)(np.ones(2))
    assert inside[0].shape == (1, 2)


def test_make_ir() -> None:
    text = make_ir(lambda x, n: x * n, static_argnums=1)(np.ones(3), 2)
    assert "func.func @main(%arg0: tensor<3xf32>) -> tensor<3xf32>" in text and "axil.mul" in text


# ---- without compiling ---------------------------------------------------------------------------------


def test_disable_jit() -> None:
    values = []

    @jit
    def f(x: Any) -> Any:
        values.append(float(x.sum()))
        carry, ys = lax.scan(lambda c, v: (c + v, c * v), 0.0, x)
        return lax.cond(carry > 0, lambda v: v + ys.sum(), lambda v: v, lax.fori_loop(0, 2, lambda i, v: v * 2, carry))

    x = np.arange(4.0)
    with axil.disable_jit():
        got = f(x)
        same(grad(lambda x: f(x))(x).shape, (4,))
        same(vmap(lambda n: lax.while_loop(lambda v: v < n, lambda v: v + 1, 0))(np.arange(3)), [0, 1, 2])
        same(vmap(lambda p: lax.cond(p, lambda: 1, lambda: 2))(np.array([True, False])), [1, 2])
    assert values[0] == 6.0
    same(jit(lambda x: lax.scan(lambda c, v: (c + v, c * v), 0.0, x))(x)[1], [0, 0, 2, 9])
    same(got, 24 + 11)


def test_disable_jit_by_the_environment() -> None:
    code = "import axil; print(axil.jit(lambda x: float(x) + 1)(2.0), axil.config.jax_disable_jit)"
    env = {"AXIL_DISABLE_JIT": "1", "PATH": ""}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60)
    assert out.stdout.split() == ["3.0", "True"], out.stderr


# ---- threads -------------------------------------------------------------------------------------------


def test_threads_share_one_function() -> None:
    traced, calls = counted(lambda x: np.tanh(x) @ x)
    f = jit(traced)
    g = lambda v: grad(lambda x: (np.sin(x) * x).sum())(v)
    x = np.arange(8.0)
    results: list = []

    def work(i: int) -> None:
        for _ in range(5):
            results.append((i, float(f(x * i)), onp.asarray(g(x * i))))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 20 and len(calls) == 1
    for i, y, dy in results:
        v = onp.arange(8.0) * i
        same([y, dy], [onp.tanh(v) @ v, onp.sin(v) + v * onp.cos(v)], 1e-4, 1e-4)


# ---- after an error ------------------------------------------------------------------------------------


def test_an_exception_inside_leaves_the_state_clean() -> None:
    def bad(x: Any) -> Any:
        raise KeyError("mine")

    for f in (jit(bad), grad(bad), vmap(bad), lambda x: lax.scan(lambda c, v: (bad(v), None), 0.0, x),
              lambda x: lax.cond(True, bad, bad, x)):  # fmt: skip
        with pytest.raises(KeyError, match="mine"):
            f(np.ones(2))
        assert axil.core.state.trace is None and axil.core.state.axis_sizes == {}
        same(np.ones(2) + 1, [2, 2])
    with pytest.raises(KeyError):
        vmap(bad, axis_name="i")(np.ones(2))
    assert axil.core.state.axis_sizes == {}


def test_an_error_that_is_caught_within_a_trace() -> None:
    def f(x: Any) -> Any:
        try:
            return lax.scan(lambda c, _: (c[:-1], None), x, None, length=3)[0]
        except TypeError:
            return x * 2

    same(jit(f)(np.ones(3)), [2, 2, 2])
    same(grad(lambda x: f(x).sum())(np.ones(3)), [2, 2, 2])
