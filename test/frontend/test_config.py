"""Options: what they take, who sees them, and what they change."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading
import warnings

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import lax, random
from axil.config import config, variable
from axil.options import OPTIONS


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


# ---- reading and setting -------------------------------------------------------------------------------


def test_all_spellings_of_an_option():
    with axil.debug_infs(True):
        assert config.debug_infs is config.jax_debug_infs is config.axil_debug_infs is True
        assert config.read("jax_debug_infs") is True and axil.config.values["debug_infs"] is True
    assert config.debug_infs is False


def test_update_is_for_the_process_and_a_block_for_the_thread():
    seen = {}

    def look(name):
        seen[name] = config.numpy_rank_promotion

    def in_thread(name):
        thread = threading.Thread(target=look, args=(name,))
        thread.start()
        thread.join()

    with axil.numpy_rank_promotion("warn"):
        in_thread("block")
        axil.config.update("jax_numpy_rank_promotion", "raise")
        in_thread("update")
        look("own")
    try:
        assert seen == {"block": "allow", "update": "raise", "own": "warn"} and config.numpy_rank_promotion == "raise"
    finally:
        axil.config.update("numpy_rank_promotion", "allow")


@pytest.mark.parametrize("name, value, error, text", [
    ("jax_debug_nans", 1, TypeError, "takes True or False"),
    ("jax_debug_nan", True, AttributeError, "did you mean 'debug_nans'"),
    ("jax_numpy_rank_promotion", "no", ValueError, "'allow', 'warn', 'raise'"),
    ("jax_threefry_partitionable", False, ValueError, "can only be True: each element"),
    ("jax_default_matmul_precision", "BF16_BF16_F32", ValueError, "astype"),
    ("jax_default_device", "gpu", ValueError, "AXIL_PLATFORM"),
    ("jax_default_device", 3, ValueError, "axil.devices"),
    ("jax_num_cpu_devices", 2, AttributeError, "one CPU device"),
    ("jax_transfer_guard", "perhaps", ValueError, "disallow_explicit"),
    ("jax_default_prng_impl", "dice", ValueError, "philox"),
    ("jax_persistent_cache_min_compile_time_secs", 1.0, ValueError, "every compiled program is kept"),
])  # fmt: skip
def test_what_cannot_be_honoured_is_refused(name, value, error, text):
    before = axil.config.values
    with pytest.raises(error, match=text):
        axil.config.update(name, value)
    assert axil.config.values == before


def test_context_managers_check_their_value_at_once():
    with pytest.raises(ValueError, match="takes one of"):
        axil.numpy_dtype_promotion("lax")
    with pytest.raises(TypeError, match="True or False"):
        axil.debug_nans("yes")


def test_options_that_are_as_they_should_be_are_taken():
    for name, value in [("jax_threefry_partitionable", True), ("jax_default_device", "cpu"), ("jax_platforms", "cpu"),
                        ("jax_persistent_cache_min_compile_time_secs", 0), ("jax_default_device", None)]:  # fmt: skip
        axil.config.update(name, value)
    axil.config.update("platforms", None)
    with axil.default_matmul_precision("float32"), axil.default_device(axil.devices()[0]):
        assert config.jax_default_matmul_precision == "float32" and config.default_device is axil.devices()[0]


def test_every_option_has_a_variable_and_a_summary():
    assert variable("debug_nans") == "AXIL_DEBUG_NANS" and variable("compilation_cache_dir") == "AXIL_CACHE_DIR"
    assert all(option.summary for option in OPTIONS.values())
    page = (pathlib.Path(__file__).parents[2] / "docs" / "debugging.md").read_text()
    for name, option in OPTIONS.items():
        assert f"| `{name}` | `{variable(name)}` | `{option.default!r}` | {option.summary} |" in page


def test_variables_are_read_and_bad_ones_refused():
    code = "import axil; c = axil.config; print(c.jax_debug_nans, c.jax_numpy_rank_promotion, c.jax_transfer_guard)"
    done = run(code, AXIL_DEBUG_NANS="1", AXIL_NUMPY_RANK_PROMOTION="raise", AXIL_TRANSFER_GUARD="log")
    assert done.stdout.split() == ["True", "raise", "log"], done.stderr
    done = run("import axil.numpy", AXIL_DEBUG_INFS="perhaps")
    assert done.returncode and "AXIL_DEBUG_INFS='perhaps'" in done.stderr
    done = run("import axil.numpy", AXIL_DEFAULT_PRNG_IMPL="dice")
    assert done.returncode and "AXIL_DEFAULT_PRNG_IMPL='dice'" in done.stderr


def test_an_option_of_the_environment_is_in_force():
    done = run("import axil.numpy as np; np.log(np.array([-1.0]))", AXIL_DEBUG_NANS="1")
    assert "encountered in log" in done.stderr


# ---- caches of traced programs -------------------------------------------------------------------------


def test_trace_key_differs_where_tracing_does():
    keys = {config.trace_key}
    for block in (axil.enable_x64(True), axil.numpy_rank_promotion("raise"), axil.debug_key_reuse(True),
                  axil.check_tracer_leaks(True), axil.default_prng_impl("rbg")):  # fmt: skip
        with block:
            keys.add(config.trace_key)
            with axil.debug_nans(True):  # changes how programs are run, not what they are
                assert config.watching
                keys.add(config.trace_key)
    assert len(keys) == 6 and not config.watching and config.trace_key in keys


def test_a_jitted_function_is_traced_anew_for_another_option():
    count = 0

    @axil.jit
    def f(x, y):
        nonlocal count
        count += 1
        return x + y

    x, y = np.ones((2, 3)), np.ones(3)
    f(x, y), f(x, y)
    with axil.numpy_rank_promotion("raise"), pytest.raises(TypeError, match="different rank"):
        f(x, y)
    f(x, y)
    assert count == 2


# ---- promotion -----------------------------------------------------------------------------------------


def test_rank_promotion():
    x, y = np.ones((2, 3)), np.ones(3)
    with axil.numpy_rank_promotion("raise"):
        with pytest.raises(ValueError, match=r"add got arrays of different rank, of shapes \(2, 3\), \(3,\)"):
            x + y
        assert (x + 1).shape == (x + y[None]).shape == np.where(x > 0, y, 0).shape == (2, 3)
        assert axil.nn.softmax(x).shape == np.linalg.norm(x, axis=1, keepdims=True).shape[:1] + (3,)
    with axil.numpy_rank_promotion("warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x + y
    assert "different rank" in str(caught[0].message) and caught[0].filename == __file__


def test_strict_dtype_promotion():
    with axil.numpy_dtype_promotion("strict"):
        assert (np.float16(1) + 1.5).dtype == "float16" and (np.float32(1) + 1).dtype == "float32"
        assert np.sqrt(np.int32(4)) == 2 and np.mean(np.arange(3)) == 1
        for call in (lambda: np.int32(1) + 1.0, lambda: np.int32(1) + np.int8(1), lambda: np.array(True) + 1,
                     lambda: np.float32(1) + 1j, lambda: np.promote_types("int32", "float32")):  # fmt: skip
            with pytest.raises(ValueError, match="strict"):
                call()
    assert (np.int32(1) + np.int8(1)).dtype == "int32"


# ---- keys ----------------------------------------------------------------------------------------------


def test_options_of_random_keys():
    with axil.default_prng_impl("rbg"):
        assert axil.random.key_impl(random.key(0)) == "rbg" and random.PRNGKey(0).shape == (4,)
        assert onp.asarray(random.split(random.PRNGKey(0))).tolist()[0] == [1797259609, 2579123966] * 2  # JAX's
    with axil.enable_custom_prng(True):
        assert random.PRNGKey(0) == random.key(0)
    with axil.legacy_prng_key("error"):
        random.normal(random.key(0))
        with pytest.raises(ValueError, match="raw key"):
            random.normal(np.array([0, 1], "uint32"))
    with axil.legacy_prng_key("warn"), pytest.warns(UserWarning, match="raw key"):
        random.split(np.array([0, 1], "uint32"))


# ---- guards --------------------------------------------------------------------------------------------


def test_transfer_guards(caplog):
    x, host = np.ones(3), onp.ones(3, "f")
    with axil.transfer_guard("disallow"):
        for call in (lambda: x + host, lambda: axil.jit(lambda v: v + 1)(host)):
            with pytest.raises(RuntimeError, match="host-to-device transfer of a ndarray"):
                call()
        assert (axil.device_put(host) + 1).tolist() == [2, 2, 2] and axil.device_get(x).tolist() == [1, 1, 1]
    with axil.transfer_guard_host_to_device("disallow_explicit"), pytest.raises(RuntimeError):
        axil.device_put(host)
    with axil.transfer_guard("log"):
        x + host
    assert "host-to-device" in caplog.text and "test_config.py" in caplog.text
    x + host


def test_nothing_is_traced_or_run_where_that_is_forbidden():
    f = axil.jit(lambda x: x * 2)
    with axil.no_tracing(True), pytest.raises(RuntimeError, match="no_tracing"):
        f(1.0)
    with axil.no_execution(True):
        assert "stablehlo" in f.lower(1.0).as_text()
        with pytest.raises(RuntimeError, match="the operation add"):
            np.ones(3) + np.ones(3)


def test_arrays_in_cycles_are_reported(caplog):
    import gc

    with axil.array_garbage_collection_guard("log"):
        x = [np.ones(3)]
        x.append(x)
        del x
        gc.collect()
    assert "an array of f32[3] was freed by the garbage collector" in caplog.text
    assert not hasattr(axil.Array, "__del__")


def test_enable_checks_verifies_between_passes():
    from axil.compiler.passes import passes

    with axil.enable_checks(True):
        assert passes.verify_always
        assert axil.jit(lambda x: np.sin(x) * 2)(0.0) == 0
    assert not passes.verify_always


# ---- disable_jit ---------------------------------------------------------------------------------------

LOOPS = """
import axil, axil.numpy as np
from axil import lax
seen = []
def look(x):
    seen.append(float(x))
    return x
@axil.jit
def f(x):
    x = lax.scan(lambda c, v: (look(c) + v, v), x, np.arange(2.0))[0]
    x = lax.fori_loop(0, 2, lambda i, c: look(c) * 2, x)
    x = lax.while_loop(lambda c: c < 20, lambda c: look(c) + 5, x)
    x = lax.cond(x > 3, lambda c: look(c) + 1, lambda c: c, x)
    return x + np.sum(lax.map(look, np.ones(2)))
{call}
print(y, seen)
"""


@pytest.mark.parametrize("call, variables", [
    ("y = f(1.0)", {"AXIL_DISABLE_JIT": "1"}),
    ("axil.config.update('jax_disable_jit', True); y = f(1.0)", {}),
    ("with axil.disable_jit(): y = f(1.0)", {}),
])  # fmt: skip
def test_bodies_run_in_python_with_values_in_all_three_forms(call, variables):
    done = run(LOOPS.format(call=call), **variables)
    assert done.stdout.strip() == "26.0 [1.0, 1.0, 2.0, 4.0, 8.0, 13.0, 18.0, 23.0, 1.0, 1.0]", done.stderr


def test_disable_jit_false_turns_it_on_again():
    def probe(x):
        tracing.append(isinstance(x, axil.core.Tracer))
        return x

    tracing: list = []
    with axil.disable_jit():
        axil.jit(probe)(1.0)
        with axil.disable_jit(False):
            axil.jit(probe)(1.0)
    assert tracing == [False, True]


# ---- names and what is computed while tracing ----------------------------------------------------------


def test_named_scopes_are_in_locations():
    @axil.named_call
    def head(x):
        return np.exp(x)

    @axil.jit
    def f(x):
        with axil.named_scope("layer1"), axil.named_scope("attention"):
            x = x * 2
        return head(x)

    text = f.lower(np.ones(3)).as_text("traced", debug_info=True)
    assert 'loc("layer1/attention"(' in text and 'loc("head"(' in text
    assert "layer1" not in f.lower(np.ones(3)).as_text("traced")
    with pytest.raises(TypeError, match="takes a string"):
        axil.named_scope(3)


def test_compile_time_evaluation():
    @axil.jit
    def f(x):
        with axil.ensure_compile_time_eval():
            n = int(np.arange(4).sum())  # a concrete value, though `f` is being traced
            y = np.sin(x) * n  # traced as ever
        assert isinstance(y, axil.core.Tracer)
        return y[:n].sum()

    assert onp.allclose(f(np.ones(3)), 18 * onp.sin(1))


def test_the_process():
    assert (axil.process_index(), axil.process_count(), axil.process_indices()) == (0, 1, [0])
    assert (axil.host_id(), axil.host_count(), axil.host_ids()) == (0, 1, [0]) and axil.default_backend() == "cpu"
    text = axil.print_environment_info(return_string=True)
    assert "iree-base-compiler" in text and "CpuDevice(id=0)" in text
    x = np.arange(12345)
    assert any(a is x for a in axil.live_arrays()) and axil.live_arrays("cpu")
    assert lax.add(1, 1) == 2
