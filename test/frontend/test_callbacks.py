"""`pure_callback` and `io_callback`: values, transformations, order, errors, and what must not happen twice."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil import errors, lax
from axil.experimental import io_callback

ONE = np.float32(1.0)
THREE = np.arange(3, dtype=np.float32)
SCALAR = axil.ShapeDtypeStruct((), np.float32)


def like(x):
    return axil.ShapeDtypeStruct(anp.shape(x), x.dtype)


def doubled(x):
    return axil.pure_callback(lambda v: np.asarray(v) * 2, like(x), x, vmap_method="sequential")


class Counter:
    """Counts its calls, and gives the count."""

    def __init__(self):
        self.calls = []

    def __call__(self, *args):
        self.calls.append(tuple(np.asarray(x).tolist() for x in args))
        return np.float32(len(self.calls))

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__


# ---- values --------------------------------------------------------------------------------------------


def test_trees_of_arguments_and_results():
    def host(x, *, named):
        return {"sum": x + named["y"], "n": (np.int32(x.size), None)}

    def f(x):
        shapes = {"sum": like(x), "n": (axil.ShapeDtypeStruct((), np.int32), None)}
        return axil.pure_callback(host, shapes, x, named={"y": x})

    for call in (f, axil.jit(f)):
        result = call(THREE)
        assert np.array_equal(result["sum"], 2 * THREE) and result["n"][0] == 3 and result["n"][1] is None


def test_arguments_are_arrays_of_axil():
    kinds = []
    axil.pure_callback(lambda *v: kinds.extend(type(x).__name__ for x in v) or ONE, SCALAR, THREE, 2)
    assert kinds == ["Array", "Array"]


DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "float32", "complex64",
          "float8_e4m3fn", "int4", "uint4"]  # fmt: skip


def test_every_dtype_and_shape_goes_through_a_compiled_program():
    def host(*xs):
        return [np.asarray(x)[..., ::-1] if np.ndim(x) else np.asarray(x) for x in xs]

    xs = [anp.asarray(np.array([0, 1, 1, 0])).astype(d) for d in DTYPES]
    xs += [anp.zeros((0, 3)), anp.asarray(ONE), anp.ones((2, 1, 3))]
    results = axil.jit(lambda *xs: axil.pure_callback(host, [like(x) for x in xs], *xs))(*xs)
    for x, y, want in zip(xs, results, host(*xs)):
        assert y.dtype == x.dtype and np.array_equal(np.asarray(y).astype("complex64"), want.astype("complex64"))


def test_64_bits():
    with axil.enable_x64():
        x = np.array([1.0, 1e300])
        f = axil.jit(lambda x: axil.pure_callback(lambda v: v + 1, like(x), x))
        assert np.array_equal(f(x), x + 1) and f(x).dtype == np.float64
    with pytest.raises(ValueError, match="needs 64-bit types"):
        axil.pure_callback(lambda: 1.0, axil.ShapeDtypeStruct((), np.float64))


def test_python_numbers_are_narrowed():
    like = [SCALAR, axil.ShapeDtypeStruct((), np.int32), SCALAR]
    f = axil.jit(lambda: axil.pure_callback(lambda: (1.5, 2, np.float64(3)), like))
    assert [float(x) for x in f()] == [1.5, 2.0, 3.0]


def test_what_a_callback_keeps_is_not_overwritten():
    """Programs update buffers in place, also those that a callback has seen or has given."""
    kept = []

    def host(x):
        kept.append(x)
        kept.append(np.array(x))
        return kept[-1]

    def f(x):
        y = axil.pure_callback(host, like(x), x)
        return anp.sort(y), y, y.at[0].set(9.0), x

    x = np.array([3, 1, 2], np.float32)
    ordered, y, updated, same = axil.jit(f)(x)
    assert np.array_equal(ordered, [1, 2, 3]) and np.array_equal(updated, [9, 1, 2])
    for array in (y, same, x, *kept):
        assert np.array_equal(array, [3, 1, 2])


def test_results_in_loops_are_not_overwritten():
    def step(c, i):
        y = axil.pure_callback(lambda c, i: np.asarray(c)[::-1] + np.asarray(i), like(c), c, i)
        return y.at[0].add(1.0), y

    want_c, want = THREE, []
    for i in range(3):
        y = want_c[::-1] + i
        want.append(y)
        want_c = y + np.array([1, 0, 0])
    c, ys = axil.jit(lambda x: lax.scan(step, x, anp.arange(3)))(THREE)
    assert np.array_equal(c, want_c) and np.array_equal(ys, want)


def test_an_eager_result_is_not_the_users_array():
    own = np.zeros(2, np.float32)
    result = axil.pure_callback(lambda: own, axil.ShapeDtypeStruct((2,), np.float32))
    own[0] = 1
    assert np.array_equal(result, [0, 0])


# ---- vmap ----------------------------------------------------------------------------------------------

SHAPES = {
    "sequential": ["() ()"] * 3, "sequential_unrolled": ["() ()"] * 3, "expand_dims": ["(3,) (1,)"],
    "broadcast_all": ["(3,) (3,)"], "legacy_vectorized": ["(3,) ()"],
}  # fmt: skip
NESTED = {"sequential": ["() ()"] * 6, "expand_dims": ["(1, 3) (2, 1)"], "broadcast_all": ["(2, 3) (2, 3)"]}


def added(method, seen):
    def host(x, y):
        seen.append(f"{x.shape} {y.shape}")
        return np.asarray(x) + np.asarray(y)

    def f(x, y):
        return axil.pure_callback(host, SCALAR, x, y, vmap_method=method)

    return f


@pytest.mark.parametrize("method", SHAPES)
def test_vmap_methods(method):
    seen = []
    assert np.array_equal(axil.vmap(added(method, seen), in_axes=(0, None))(THREE, ONE), THREE + 1)
    assert seen == SHAPES[method]


@pytest.mark.parametrize("method", NESTED)
def test_nested_vmap_methods(method):
    seen = []
    f = axil.vmap(axil.vmap(added(method, seen), in_axes=(0, None)), in_axes=(None, 0))
    assert np.array_equal(f(THREE, THREE[:2]), THREE[None] + THREE[:2, None])
    assert seen == NESTED[method]


def test_vmap_compiled():
    seen = []
    fs = [axil.vmap(axil.vmap(added(m, seen), in_axes=(0, None)), in_axes=(None, 0)) for m in NESTED]
    for result in axil.jit(lambda x, y: [f(x, y) for f in fs])(THREE, THREE[:2]):
        assert np.array_equal(result, THREE[None] + THREE[:2, None])
    assert seen == [s for m in NESTED for s in NESTED[m]]


def test_vmap_needs_a_method():
    with pytest.raises(NotImplementedError, match="without a vmap_method.*'sequential'"):
        axil.vmap(added(None, []))(THREE, THREE)
    with pytest.raises(ValueError, match="vmap_method must be one of sequential"):
        added("other", [])(ONE, ONE)


def test_vmap_of_what_is_not_mapped_calls_once():
    count = Counter()
    f = lambda x: x + axil.pure_callback(count, SCALAR, ONE)
    assert np.array_equal(axil.vmap(f)(THREE), THREE + 1) and count.calls == [(1.0,)]


def test_vmap_of_io_callback():
    count = Counter()
    assert np.array_equal(axil.vmap(lambda x: io_callback(count, SCALAR, x))(THREE), [1, 2, 3])
    assert count.calls == [(0.0,), (1.0,), (2.0,)]
    with pytest.raises(ValueError, match="ordered io_callback"):
        axil.vmap(lambda x: io_callback(count, SCALAR, x, ordered=True))(THREE)


# ---- derivatives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("callback", [axil.pure_callback, io_callback])
def test_no_derivative(callback):
    f = lambda x: callback(lambda v: v, SCALAR, x)
    for transformed in (axil.grad(f), lambda x: axil.jvp(f, (x,), (x,)), axil.jit(axil.grad(f))):
        with pytest.raises(errors.AxilError, match="has no derivative.*custom_jvp") as e:
            transformed(ONE)
        assert isinstance(e.value, TypeError)


def test_derivatives_go_round_it():
    constant = lambda x: x * doubled(lax.stop_gradient(x))
    assert float(axil.grad(constant)(ONE)) == 2.0

    @axil.custom_jvp
    def square(x):
        return axil.pure_callback(lambda v: v * v, like(x), x, vmap_method="expand_dims")

    square.defjvp(lambda p, t: (square(p[0]), 2 * p[0] * t[0]))
    assert float(axil.grad(square)(np.float32(3.0))) == 6.0
    assert np.array_equal(axil.jit(axil.vmap(axil.grad(square)))(THREE), 2 * THREE)


# ---- effects: once, and in order -----------------------------------------------------------------------


def test_pure_calls_that_nothing_needs_are_dropped_and_others_are_not():
    pure, io = Counter(), Counter()

    def f(x):
        axil.pure_callback(pure, SCALAR, x)
        a = io_callback(io, SCALAR, x)
        io_callback(io, SCALAR, x)  # equal to the one before, and not merged with it
        return x, a

    assert axil.jit(f)(ONE)[1] == 1.0
    assert pure.calls == [] and io.calls == [(1.0,), (1.0,)]


def test_effects_in_loops_and_branches_whose_results_nobody_needs():
    count = Counter()

    def f(x):
        lax.fori_loop(0, 3, lambda i, c: (io_callback(count, None, i), c)[1], 0)
        lax.cond(x > 0, lambda: io_callback(count, None, 10), lambda: io_callback(count, None, 20))
        lax.while_loop(lambda c: c < 2, lambda c: (io_callback(count, None, c), c + 1)[1], 0)
        return x

    def host(v):
        count.calls.append(int(v))

    count.__class__ = type("Silent", (Counter,), {"__call__": lambda self, v: host(v)})
    for call in (f, axil.jit(f), axil.grad(f), axil.jit(axil.grad(f))):
        count.calls.clear()
        call(ONE)
        assert count.calls == [0, 1, 2, 10, 0, 1]


def test_an_effect_happens_once_under_eager_grad():
    """Python asks for the value while the function is traced, and the whole program runs later."""
    count = Counter()

    def f(x):
        n = io_callback(count, SCALAR)
        if n > 0:
            x = x * n
        m = io_callback(count, SCALAR)
        if m > n:
            x = x * m
        return x * io_callback(count, SCALAR)

    assert float(axil.grad(f)(ONE)) == 6.0 and len(count.calls) == 3
    assert float(axil.grad(lambda x: f(axil.jit(lambda y: y * 1)(x)))(ONE)) == 4 * 5 * 6 and len(count.calls) == 6


def test_checkpoint_keeps_what_was_read():
    """A pure callback is called again in the backward pass; what an io_callback gave is kept, as it may change."""
    io, pure = Counter(), Counter()

    @axil.checkpoint
    def f(x):
        p = axil.pure_callback(pure, SCALAR, lax.stop_gradient(x))
        return anp.sin(x) * io_callback(io, SCALAR) * anp.sin(p * x)

    axil.grad(lambda x: anp.sin(f(x)))(ONE)
    assert len(io.calls) == 1 and len(pure.calls) == 2


def test_gradients_of_loops_call_in_the_forward_pass():
    count = Counter()

    def step(c, x):
        return c * x * io_callback(count, SCALAR, x), c

    grad = axil.grad(lambda c: lax.scan(step, c, THREE + 1)[0])
    assert float(grad(ONE)) == 6 * 6 and count.calls == [(1.0,), (2.0,), (3.0,)]
    assert float(axil.jit(grad)(ONE)) == 6 * 4 * 5 * 6 and len(count.calls) == 6


# ---- errors --------------------------------------------------------------------------------------------


class OwnError(Exception):
    pass


def raising(x):
    def host(v):
        try:
            raise KeyError("cause")
        except KeyError as e:
            raise OwnError("the user's own") from e

    return axil.pure_callback(host, like(x), x, vmap_method="sequential")  # called here


def test_exceptions_come_out_as_they_are():
    for call in (raising, axil.jit(raising), axil.vmap(lambda x: raising(x) * 2), axil.jit(lambda x: raising(x) * 2)):
        with pytest.raises(OwnError, match="the user's own") as e:
            call(THREE)
        assert isinstance(e.value.__cause__, KeyError)
        (note,) = e.value.__notes__
        assert "pure_callback of 'host'" in note and "# called here" in note
    assert "example 0 of vmap" in _note_of(axil.vmap(raising))
    assert float(axil.jit(doubled)(ONE)) == 2.0  # and the next program runs as if nothing had been


def _note_of(call):
    with pytest.raises(OwnError) as e:
        call(THREE)
    return e.value.__notes__[0]


@pytest.mark.parametrize("result, message", [
    (np.int32(1), r"gave i32\[\] as result 0, and f32\[\] was declared"),
    (np.zeros(3, np.float32), r"gave f32\[3\] as result 0"),
    ((1.0, 2.0), "gave 2 results, and 1 were declared"),
])  # fmt: skip
def test_results_that_were_not_declared(result, message):
    f = lambda x: axil.pure_callback(lambda v: result, SCALAR, x)
    for call in (f, axil.jit(f)):
        with pytest.raises(errors.AxilError, match=message) as e:
            call(ONE)
        assert isinstance(e.value, RuntimeError) and "test_callbacks.py" in e.value.__notes__[0]


def test_arguments_that_do_not_fit():
    with pytest.raises(TypeError, match="must have leaves with a shape and a dtype"):
        axil.pure_callback(lambda: 1, 3.0)
    with pytest.raises(TypeError, match="takes arrays and numbers, got 'text'"):
        axil.pure_callback(lambda x: x, SCALAR, "text")
    with pytest.raises(TypeError, match="expects a function"):
        io_callback(3, SCALAR)


def test_artifacts_refuse_callbacks(tmp_path):
    with pytest.raises(errors.AxilError, match="calls the Python function 'host'"):
        axil.aot.save(tmp_path / "f.axil", lambda x: raising(x) + 1, THREE)


def test_text_of_another_process():
    from axil.compiler.derive import Deriver
    from axil.compiler.interpreter import Interpreter
    from axil.dialects.mlir import context, ir, parse_module

    text = axil.make_ir(doubled)(ONE)
    number = text.split('host = "')[1].split(":")[0]
    module = parse_module(text.replace(f'host = "{number}:', 'host = "123456789:'))
    with context(), ir.Location.unknown(), pytest.raises(ValueError, match="not in this process"):
        Interpreter(Deriver(module)).run("main", [ONE])


# ---- programs ------------------------------------------------------------------------------------------


def test_programs_of_the_same_functions_are_the_same_text():
    assert axil.make_ir(doubled)(ONE) == axil.make_ir(doubled)(ONE)
    local = Counter()
    closing = lambda n: axil.make_ir(lambda x: axil.pure_callback(lambda v: local(v) + n, SCALAR, x))
    texts = {closing(n)(ONE) for n in range(2)}
    assert len(texts) == 2  # each closes over a variable of its own, for all that is known
    first, second = (axil.grad(lambda x, n=n: x * io_callback(lambda: np.float32(n), SCALAR)) for n in (2, 3))
    assert float(first(ONE)) == 2.0 and float(second(ONE)) == 3.0


def test_programs_on_disk_do_not_know_their_functions():
    """Equal programs of different functions share the compiled code, and each calls its own."""
    make = lambda n: axil.jit(lambda x: axil.pure_callback(lambda v: v + np.float32(n), like(x), x))
    one, two = make(1), make(2)
    assert float(one(ONE)) == 2.0 and float(two(ONE)) == 3.0
    assert one.lower(ONE).as_text() == two.lower(ONE).as_text()


def test_dropped_programs_free_their_functions():
    class Held:
        def __call__(self, x):
            return x

    def run():
        held = Held()
        axil.jit(lambda x: axil.pure_callback(held, SCALAR, x))(ONE)
        return weakref.ref(held)

    ref = run()
    gc.collect()
    assert ref() is None


def test_callbacks_may_run_programs():
    inner = axil.jit(lambda x: anp.sin(x) * 2)
    outer = axil.jit(lambda x: axil.pure_callback(lambda v: axil.grad(inner)(v) + inner(v), SCALAR, x) + 1)
    want = 2 * np.cos(ONE) + 2 * np.sin(ONE) + 1
    assert np.allclose(outer(ONE), want)
    each = axil.vmap(lambda x: axil.pure_callback(inner, SCALAR, x, vmap_method="sequential"))
    assert np.allclose(each(THREE), 2 * np.sin(THREE))


def test_large_programs_and_threads():
    """Programs of much work run on the threads of a pool; callbacks come on the thread that called."""
    names = []

    def f(x):
        y = x @ x
        io_callback(lambda v: names.append(threading.current_thread().name), None, y[0, 0])
        return y @ x

    x, call = np.eye(256, dtype=np.float32), axil.jit(f)
    call(x)
    threads = [threading.Thread(target=call, args=(x,), name=f"worker {i}") for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert sorted(names) == ["MainThread", *[f"worker {i}" for i in range(4)]]


def test_in_a_forked_child():
    import multiprocessing

    f = axil.jit(lambda x: doubled(x) + 1)
    f(ONE)
    parent, child = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(target=lambda: child.send(float(f(ONE))))
    process.start()
    assert parent.poll(60) and parent.recv() == 3.0
    process.join()


def test_without_jit():
    with axil.disable_jit():
        assert float(axil.jit(doubled)(ONE)) == 2.0


def test_barrier():
    axil.effects_barrier()


VULKAN = """
import numpy as np
import axil, axil.numpy as anp
from axil import debug, lax

@axil.jit
def f(x):
    y = axil.pure_callback(lambda v: np.asarray(v) * 2, axil.ShapeDtypeStruct((3,), np.float32), x)
    z = lax.fori_loop(0, 2, lambda i, c: (debug.print("step {} {}", i, c), c + y)[1], x)
    return anp.sort(y), y, z

print([np.asarray(v).tolist() for v in f(np.array([3, 1, 2], np.float32))])
"""


def test_on_vulkan():
    """Operands are copied from the device, and results to it."""
    import os
    import subprocess
    import sys

    import axil.runtime as rt

    if not rt.device_count("vulkan"):
        pytest.skip("there is no Vulkan device (apt-get install mesa-vulkan-drivers libvulkan1)")
    done = subprocess.run(
        [sys.executable, "-c", VULKAN], env={**os.environ, "AXIL_PLATFORM": "vulkan"}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "step 0 [3. 1. 2.]", "step 1 [9. 3. 6.]", "[[2.0, 4.0, 6.0], [6.0, 2.0, 4.0], [15.0, 5.0, 10.0]]"
    ], done.stderr  # fmt: skip
