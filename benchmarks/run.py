"""Axil's figures beside NumPy's and, where it is installed, JAX's: interleaved, in one process, medians.

    python benchmarks/run.py                 # all figures
    python benchmarks/run.py matmul jit      # those whose name contains a word

Each contender is called in turn, round after round, so that a machine whose speed drifts slows all of them alike.
Ratios are what to read; absolute times belong to the machine. Figures that need a cold start run in processes of their
own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import axil
import axil.numpy as anp

try:
    import jax
    import jax.numpy as jnp
except ImportError:  # a test-only extra
    jax = jnp = None  # type: ignore[assignment]

FIGURES: list[tuple[str, str, Callable[[], dict[str, Any]]]] = []


def figure(name: str, limit: str) -> Callable[..., Any]:
    """Register a figure with its limit, as the issue states it."""

    def register(make: Callable[[], dict[str, Any]]) -> Any:
        FIGURES.append((name, limit, make))
        return make

    return register


def interleave(contenders: dict[str, Callable[[], Any]], rounds: int = 11, budget: float = 0.05) -> dict[str, float]:
    """Median seconds a call of each contender; each round calls each of them for about `budget` seconds.

    Calls of over 0.2 ms are timed one by one, shorter ones in groups of that length.
    """
    plans = {}
    for name, call in contenders.items():
        call()
        started = time.perf_counter()
        call()
        seconds = max(time.perf_counter() - started, 1e-7)
        group = max(1, int(2e-4 / seconds))
        plans[name] = group, max(1, int(budget / (seconds * group)))
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            time.sleep(0.02)  # let the threads of the one before stop spinning: they take the cores
            group, count = plans[name]
            for _ in range(count):
                started = time.perf_counter()
                for _ in range(group):
                    call()
                samples[name].append((time.perf_counter() - started) / group)
    return {name: statistics.median(values) for name, values in samples.items()}


def with_jax(contenders: dict[str, Callable[[], Any]], make: Callable[[], Callable[[], Any]]) -> dict[str, Any]:
    """Add JAX's contender, where JAX is installed."""
    return {**contenders, "jax": make()} if jax is not None else contenders


@figure("jit call, a+b on 4 floats", "8 us")
def jit_call() -> dict[str, Any]:
    """A compiled call on arrays that are ours already."""
    f = axil.jit(lambda a, b: a + b)
    a, b = anp.ones(4), anp.ones(4)

    def make() -> Callable[[], Any]:
        g, c = jax.jit(lambda a, b: a + b), jnp.ones(4)
        return lambda: g(c, c).block_until_ready()

    return with_jax({"axil": lambda: f(a, b)}, make)


@figure("eager x+x on 3 floats", "5 us")
def eager_add() -> dict[str, Any]:
    """An operator on concrete arrays."""
    x = anp.arange(3.0)
    return with_jax({"axil": lambda: x + x}, lambda: (lambda y: lambda: y + y)(jnp.arange(3.0)))


@figure("eager x[1] on 3 floats", "8 us")
def eager_index() -> dict[str, Any]:
    """Indexing with an int."""
    x = anp.arange(3.0)
    return with_jax({"axil": lambda: x[1]}, lambda: (lambda y: lambda: y[1])(jnp.arange(3.0)))


@figure("eager x.at[1].set(5.) on 3 floats", "30 us")
def eager_update() -> dict[str, Any]:
    """A functional update."""
    x = anp.arange(3.0)
    return with_jax({"axil": lambda: x.at[1].set(5.0)}, lambda: (lambda y: lambda: y.at[1].set(5.0))(jnp.arange(3.0)))


@figure("eager grad of a polynomial, after the first", "1.5 ms")
def eager_grad() -> dict[str, Any]:
    """Trace, differentiate and evaluate, anew in every call."""
    f = lambda x: x**3 + 2 * x**2 - 5 * x + 3
    g = axil.grad(f)
    return with_jax({"axil": lambda: g(2.0)}, lambda: (lambda h: lambda: h(2.0))(jax.grad(f)))


SIZES = (784, 512, 256, 10)


def mlp_params(array: Any) -> list:
    """Weights of the 3-layer network."""
    rng = np.random.default_rng(0)
    return [
        (array((rng.standard_normal((n, m)) / n**0.5).astype(np.float32)), array(np.zeros(m, np.float32)))
        for n, m in zip(SIZES, SIZES[1:])
    ]


def mlp_step(np_: Any, value_and_grad: Any, tree_map: Any) -> Callable[..., Any]:
    """A training step of the 3-layer network: forward, backward and update."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        for w, b in params[:-1]:
            x = np_.maximum(x @ w + b, 0)
        w, b = params[-1]
        scores = x @ w + b
        scores = scores - np_.max(scores, axis=1, keepdims=True)
        log_p = scores - np_.log(np_.sum(np_.exp(scores), axis=1, keepdims=True))
        return -np_.mean(np_.sum(log_p * y, axis=1))

    def step(params: Any, x: Any, y: Any) -> Any:
        value, grads = value_and_grad(loss)(params, x, y)
        return tree_map(lambda p, g: p - 0.1 * g, params, grads), value

    return step


def batch(array: Any) -> tuple:
    """A batch of 128 examples."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((128, 784)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 128)]
    return array(x), array(y)


@figure("MLP training step 784-512-256-10, batch 128, run", "1.2 x JAX")
def mlp_run() -> dict[str, Any]:
    """The compiled step."""
    step = axil.jit(mlp_step(anp, axil.value_and_grad, axil.tree_map))
    params, data = mlp_params(anp.asarray), batch(anp.asarray)

    def make() -> Callable[[], Any]:
        other = jax.jit(mlp_step(jnp, jax.value_and_grad, jax.tree_util.tree_map))
        p, d = mlp_params(jnp.asarray), batch(jnp.asarray)
        return lambda: jax.block_until_ready(other(p, *d))

    return with_jax({"axil": lambda: step(params, *data)}, make)


def matmul(n: int) -> dict[str, Any]:
    """f32 matrix product."""
    x = np.random.default_rng(0).standard_normal((n, n)).astype(np.float32)
    ours, f = anp.asarray(x), axil.jit(lambda a, b: a @ b)

    def make() -> Callable[[], Any]:
        y, g = jnp.asarray(x), jax.jit(lambda a, b: a @ b)
        return lambda: g(y, y).block_until_ready()

    return with_jax({"axil": lambda: f(ours, ours), "numpy": lambda: x @ x}, make)


figure("f32 matmul 1024", "1.6 x NumPy")(lambda: matmul(1024))
figure("f32 matmul 2048", "1.6 x NumPy")(lambda: matmul(2048))


def sort(shape: tuple[int, ...]) -> dict[str, Any]:
    """Stable sort along the last axis."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    ours, f = anp.asarray(x), axil.jit(anp.sort)

    def make() -> Callable[[], Any]:
        y, g = jnp.asarray(x), jax.jit(jnp.sort)
        return lambda: g(y).block_until_ready()

    return with_jax({"axil": lambda: f(ours), "numpy": lambda: np.sort(x, kind="stable")}, make)


figure("sort of 1,000 floats", "0.7 x JAX")(lambda: sort((1000,)))
figure("sort of 256 x 1,024 floats", "0.7 x JAX")(lambda: sort((256, 1024)))


def rnn(h: int, u: int, np_: Any, scan: Any) -> Callable[..., Any]:
    """1,000 steps of tanh(W @ h + U @ x), and the sum of all states."""

    def loss(w: Any, v: Any, start: Any, xs: Any) -> Any:
        def step(state: Any, x: Any) -> Any:
            state = np_.tanh(w @ state + v @ x)
            return state, state

        last, states = scan(step, start, xs)
        return np_.sum(states) + np_.sum(last)

    return loss


def rnn_data(h: int, u: int, array: Any) -> list:
    """Weights, initial state and inputs."""
    rng = np.random.default_rng(0)
    shapes, scales = [(h, h), (h, u), (h,), (1000, u)], [0.5 / h**0.5, 0.5 / u**0.5, 0.1, 1.0]
    return [array((rng.standard_normal(s) * c).astype(np.float32)) for s, c in zip(shapes, scales)]


def scan_figure(h: int, u: int, gradient: bool) -> dict[str, Any]:
    """The recurrent network above, or its gradient in the weights."""
    from axil import lax

    ours = rnn(h, u, anp, lax.scan)
    f = axil.jit(axil.grad(ours, argnums=(0, 1)) if gradient else ours)
    data = rnn_data(h, u, anp.asarray)

    def make() -> Callable[[], Any]:
        theirs = rnn(h, u, jnp, jax.lax.scan)
        g, d = jax.jit(jax.grad(theirs, argnums=(0, 1)) if gradient else theirs), rnn_data(h, u, jnp.asarray)
        return lambda: jax.block_until_ready(g(*d))

    return with_jax({"axil": lambda: f(*data)}, make)


figure("scan, 1,000 steps, h of 10: forward", "1.5 x JAX")(lambda: scan_figure(10, 5, False))
figure("scan, 1,000 steps, h of 10: gradient", "3 x JAX")(lambda: scan_figure(10, 5, True))
figure("scan, 1,000 steps, h of 128: forward", "1.5 x JAX")(lambda: scan_figure(128, 64, False))
figure("scan, 1,000 steps, h of 128: gradient", "3 x JAX")(lambda: scan_figure(128, 64, True))


def oscillators(fori_loop: Any) -> Callable[..., Any]:
    """Twelve coupled equations by Euler's method, each a scalar carry."""

    def simulate(*start: Any) -> Any:
        def step(i: Any, s: Any) -> Any:
            return tuple(a + 0.001 * (s[(k + 1) % 12] * s[(k + 5) % 12] - a) for k, a in enumerate(s))

        return fori_loop(0, 10_000, step, start)

    return simulate


@figure("fori_loop, 12 scalar carries, 10,000 steps", "1.0 x JAX")
def fori() -> dict[str, Any]:
    """A simulation of an ordinary differential equation."""
    from axil import lax

    start = [np.float32(0.1 * i + 0.2) for i in range(12)]
    f, ours = axil.jit(oscillators(lax.fori_loop)), [anp.asarray(x) for x in start]

    def make() -> Callable[[], Any]:
        g, theirs = jax.jit(oscillators(jax.lax.fori_loop)), [jnp.asarray(x) for x in start]
        return lambda: jax.block_until_ready(g(*theirs))

    return with_jax({"axil": lambda: f(*ours)}, make)


def mlp_loss(np_: Any) -> Callable[..., Any]:
    """The loss of a small network on one example."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        for w, b in params[:-1]:
            x = np_.tanh(x @ w + b)
        w, b = params[-1]
        return np_.sum((x @ w + b - y) ** 2)

    return loss


def examples(array: Any) -> tuple:
    """Weights of a network 64-64-32-8, and 512 examples."""
    rng = np.random.default_rng(0)
    normal = lambda *shape: array(rng.standard_normal(shape).astype(np.float32))
    sizes = (64, 64, 32, 8)
    return [(normal(n, m), normal(m)) for n, m in zip(sizes, sizes[1:])], normal(512, 64), normal(512, 8)


@figure("vmap(grad) of an MLP, 512 examples", "1.2 x JAX")
def per_example() -> dict[str, Any]:
    """Gradients of each example by itself."""
    f, ours = axil.jit(axil.vmap(axil.grad(mlp_loss(anp)), in_axes=(None, 0, 0))), examples(anp.asarray)

    def make() -> Callable[[], Any]:
        g, theirs = jax.jit(jax.vmap(jax.grad(mlp_loss(jnp)), in_axes=(None, 0, 0))), examples(jnp.asarray)
        return lambda: jax.block_until_ready(g(*theirs))

    return with_jax({"axil": lambda: f(*ours)}, make)


# ---- figures of fresh processes ------------------------------------------------------------------------

_IMPORT = "import time; t = time.perf_counter(); import {0}; import {0}.numpy; print(time.perf_counter() - t)"

_COMPILE = """
import sys, time
sys.path.insert(0, {folder!r})
started = time.perf_counter()
import axil, axil.numpy as anp, run
step = axil.jit(run.mlp_step(anp, axil.value_and_grad, axil.tree_map))
params, data = run.mlp_params(anp.asarray), run.batch(anp.asarray)
imported = time.perf_counter()
if {warm}:  # the bindings and the dialect are loaded, and the process has compiled before
    axil.jit(lambda x: x + 1)(anp.ones(3))
before = time.perf_counter()
lowered = step.lower(params, *data)
traced = time.perf_counter()
compiled = lowered.compile()
done = time.perf_counter()
seconds = compiled.seconds
print(traced - before + seconds["transform"] + seconds["lower"], done - before, seconds["iree"], done - imported)
"""


def fresh(code: str, cache: str) -> list[float]:
    """Run code in a new process; the floats that it prints. Bytecode may be kept, as a user's shell lets it."""
    env = {**os.environ, "AXIL_CACHE_DIR": cache}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    printed = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in printed.split()]


def cold_figures() -> list[tuple[str, str, str]]:
    """Import and compile times, each the median of three processes."""
    here = os.path.dirname(os.path.abspath(__file__))
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        ours = [fresh(_IMPORT.format("axil"), cache)[0] for _ in range(5)]
        numpy_ = [fresh("import time; t = time.perf_counter(); import numpy; print(time.perf_counter() - t)", cache)[0]
                  for _ in range(5)]  # fmt: skip
        text = f"{statistics.median(ours):.3f} s (numpy alone {statistics.median(numpy_):.3f} s)"
        rows.append(("import axil and axil.numpy", "0.35 s", text))
    shares, colds, ireed, warms = [], [], [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as cache:
            cold = fresh(_COMPILE.format(folder=here, warm=False), cache)
            colds.append(cold[3])
            ireed.append(cold[2])
            warm = fresh(_COMPILE.format(folder=here, warm=True), cache)
            shares.append(warm[0])
            warms.append(warm[2])
    rows.append(("our share of compiling the MLP step (trace + passes + lowering)", "80 ms",
                 f"{statistics.median(shares) * 1e3:.0f} ms"))  # fmt: skip
    rows.append(("the same, cold, all in (of which IREE)", "2.5 s",
                 f"{statistics.median(colds):.2f} s ({statistics.median(ireed):.2f} s)"))  # fmt: skip
    rows.append(("from the disk cache: key, read and check", "15 ms", f"{statistics.median(warms) * 1e3:.1f} ms"))
    return rows


def tracing_figures() -> list[tuple[str, str, str]]:
    """Our part of compiling two programs that are long in Python; see `tracing.py`."""
    import tracing

    rows = []
    for name, limit, best in tracing.figures([]):
        parts = ", ".join(f"{part} {human(t)}" for part, t in best.items() if part != "jax")
        total = human(sum(t for part, t in best.items() if part != "jax"))
        rows.append((name, limit, f"{total} ({parts}; JAX {human(best['jax']) if 'jax' in best else 'not installed'})"))
    return rows


# ---- printing ------------------------------------------------------------------------------------------


def human(seconds: float) -> str:
    """A time with a unit."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="figures whose name contains one of these words (default: all)")
    words = parser.parse_args().words
    chosen = lambda name: not words or any(w in name for w in words)
    print(f"axil {axil.__version__}, numpy {np.__version__}, jax {jax.__version__ if jax else 'not installed'}, "
          f"{os.cpu_count()} cores\n")  # fmt: skip
    print(f"{'figure':<62}{'limit':>12}{'axil':>10}{'numpy':>10}{'jax':>10}{'x numpy':>9}{'x jax':>8}")
    for name, limit, make in FIGURES:
        if not chosen(name):
            continue
        try:
            t = interleave(make())
        except Exception as e:  # one figure that fails must not hide the others
            print(f"{name:<62}{limit:>12}  failed: {type(e).__name__}: {str(e).splitlines()[0]}")
            continue
        cells = [human(t[k]) if k in t else "-" for k in ("axil", "numpy", "jax")]
        ratios = [f"{t['axil'] / t[k]:.2f}" if k in t else "-" for k in ("numpy", "jax")]
        print(f"{name:<62}{limit:>12}{''.join(f'{c:>10}' for c in cells)}{ratios[0]:>9}{ratios[1]:>8}", flush=True)
    for name, limit, value in cold_figures() if not words or chosen("cold import compile") else []:
        print(f"{name:<62}{limit:>12}  {value}", flush=True)
    for name, limit, value in tracing_figures() if not words or chosen("tracing passes") else []:
        print(f"{name:<62}{limit:>12}  {value}", flush=True)


if __name__ == "__main__":
    main()
