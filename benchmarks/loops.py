"""Loops beside JAX's: recurrences, simulations, searches, random numbers, and their gradients.

    python benchmarks/loops.py              # all
    python benchmarks/loops.py lstm while   # those whose name contains a word
    python benchmarks/loops.py --check      # compare the results with JAX's as well

Each figure is one loop of a kind that programs are made of, and stands beside 1.5 times JAX's time. (`run.py` has the
figures with limits of their own.)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import run
from run import figure, jax, jnp, with_jax

import axil
import axil.numpy as anp
import axil.random

LIMIT = "1.5 x JAX"

Make = Callable[[Any, Any], Callable[..., Any]]
"""From (numpy module, root module) to the function that is timed."""

CASES: dict[str, tuple[Make, list[np.ndarray], bool]] = {}
"""By name: what makes the function, its arguments, and whether it runs in 64 bits."""


def normal(*shape: int, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    """Random normals, f32."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def case(name: str, *arrays: np.ndarray, gradient: tuple[int, ...] = (), x64: bool = False) -> Callable[[Make], Make]:
    """Register a loop; with `gradient`, its gradient in those arguments is a figure of its own."""

    def register(make: Make) -> Make:
        CASES[name] = make, list(arrays), x64
        if gradient:
            CASES[f"{name}: gradient"] = (lambda np_, x: x.grad(make(np_, x), argnums=gradient)), list(arrays), x64
        return make

    return register


# ---- recurrent networks --------------------------------------------------------------------------------

H, X = 64, 32


@case("lstm cell, h of 64, 200 steps", normal(4 * H, H, scale=0.1), normal(4 * H, X, scale=0.1), np.zeros(4 * H, "f"),
      normal(200, X), gradient=(0, 1, 2))  # fmt: skip
def lstm(np_: Any, x: Any) -> Callable[..., Any]:
    """An LSTM over one sequence."""
    sigmoid = x.nn.sigmoid

    def loss(w: Any, u: Any, b: Any, xs: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            h, c = state
            i, f, g, o = np_.split(w @ h + u @ row + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np_.tanh(g)
            h = sigmoid(o) * np_.tanh(c)
            return (h, c), h

        (h, c), hs = x.lax.scan(step, (np_.zeros(H), np_.zeros(H)), xs)
        return np_.sum(hs * hs) + np_.sum(h)

    return loss


@case("batched rnn, h of [32, 128], 100 steps", normal(128, 128, scale=0.05), normal(64, 128, scale=0.1),
      normal(100, 32, 64), gradient=(0, 1))  # fmt: skip
def batched_rnn(np_: Any, x: Any) -> Callable[..., Any]:
    """A recurrent network over a batch of sequences."""

    def loss(w: Any, u: Any, xs: Any) -> Any:
        def step(h: Any, row: Any) -> Any:
            h = np_.tanh(h @ w + row @ u)
            return h, h

        h, hs = x.lax.scan(step, np_.zeros((32, 128)), xs)
        return np_.sum(hs * hs)

    return loss


@case("gru cell, batch of 8, h of 32, 200 steps", normal(32, 96, scale=0.1), normal(16, 96, scale=0.1),
      normal(200, 8, 16), gradient=(0, 1))  # fmt: skip
def gru(np_: Any, x: Any) -> Callable[..., Any]:
    """A GRU over a small batch."""

    def loss(w: Any, u: Any, xs: Any) -> Any:
        def step(h: Any, row: Any) -> Any:
            a, b = h @ w, row @ u
            z = x.nn.sigmoid(a[:, :32] + b[:, :32])
            r = x.nn.sigmoid(a[:, 32:64] + b[:, 32:64])
            n = np_.tanh(r * a[:, 64:] + b[:, 64:])
            h = (1 - z) * n + z * h
            return h, np_.mean(h)

        h, means = x.lax.scan(step, np_.zeros((8, 32)), xs)
        return np_.sum(means) + np_.sum(h * h)

    return loss


@case("layernorm and matmul, [16, 64], 100 steps", normal(64, 64, scale=0.1), np.ones(64, "f"), np.zeros(64, "f"),
      normal(16, 64), gradient=(0, 1, 2))  # fmt: skip
def normalized(np_: Any, x: Any) -> Callable[..., Any]:
    """A residual block with layer normalisation, again and again."""

    def loss(w: Any, scale: Any, shift: Any, start: Any) -> Any:
        def step(h: Any, _: Any) -> Any:
            mean = np_.mean(h, axis=-1, keepdims=True)
            var = np_.mean((h - mean) ** 2, axis=-1, keepdims=True)
            n = (h - mean) * x.lax.rsqrt(var + 1e-5) * scale + shift
            return h + 0.1 * np_.tanh(n @ w), None

        h, _ = x.lax.scan(step, start, None, length=100)
        return np_.sum(h * h)

    return loss


@case("attention with a cache of 128, 64 steps", normal(64, 192, scale=0.1), normal(64, 64, scale=0.1), normal(64))
def decoding(np_: Any, x: Any) -> Callable[..., Any]:
    """Autoregressive decoding: 4 heads of 16 read a cache that is updated in place."""

    def run_(wqkv: Any, wo: Any, start: Any) -> Any:
        def step(state: Any, i: Any) -> Any:
            h, keys, values = state
            q, k, v = np_.split(h @ wqkv, 3)
            keys = x.lax.dynamic_update_slice(keys, k.reshape(1, 4, 16), (i, 0, 0))
            values = x.lax.dynamic_update_slice(values, v.reshape(1, 4, 16), (i, 0, 0))
            scores = np_.einsum("hd,thd->ht", q.reshape(4, 16), keys) * 0.25
            scores = np_.where(np_.arange(128)[None, :] <= i, scores, -1e9)
            p = x.nn.softmax(scores, axis=-1)
            h = h + np_.einsum("ht,thd->hd", p, values).reshape(64) @ wo
            return (h * x.lax.rsqrt(np_.mean(h * h) + 1e-6), keys, values), h

        zeros = np_.zeros((128, 4, 16))
        return x.lax.scan(step, (start, zeros, zeros), np_.arange(64))[1]

    return run_


# ---- simulations ---------------------------------------------------------------------------------------


@case("lorenz by Runge-Kutta, 3 floats, 10,000 steps", np.array([1, 1, 1], "f"), gradient=(0,))
def lorenz(np_: Any, x: Any) -> Callable[..., Any]:
    """The Lorenz system on an array of three."""

    def slope(s: Any) -> Any:
        return np_.stack([10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]])

    def loss(start: Any) -> Any:
        def step(s: Any, _: Any) -> Any:
            k1 = slope(s)
            k2 = slope(s + 5e-5 * k1)
            k3 = slope(s + 5e-5 * k2)
            k4 = slope(s + 1e-4 * k3)
            return s + (1e-4 / 6) * (k1 + 2 * k2 + 2 * k3 + k4), None

        return np_.sum(x.lax.scan(step, start, None, length=10_000)[0])

    return loss


@case("heat equation on 64 x 64, 200 steps", normal(64, 64), gradient=(0,))
def heat(np_: Any, x: Any) -> Callable[..., Any]:
    """A stencil by rolling."""

    def loss(start: Any) -> Any:
        def step(u: Any, _: Any) -> Any:
            around = np_.roll(u, 1, 0) + np_.roll(u, -1, 0) + np_.roll(u, 1, 1) + np_.roll(u, -1, 1)
            return u + 0.1 * (around - 4 * u), None

        u, _ = x.lax.scan(step, start, None, length=200)
        return np_.sum(u * u)

    return loss


@case("50 bodies, 100 steps", normal(50, 3), normal(50, 3, scale=0.1, seed=1), gradient=(0,))
def bodies(np_: Any, x: Any) -> Callable[..., Any]:
    """Gravity between all pairs."""

    def loss(p: Any, v: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            p, v = state
            d = p[None] - p[:, None]
            r2 = np_.sum(d * d, axis=-1) + 0.01
            v = v + 0.001 * np_.sum(d * (r2**-1.5)[..., None], axis=1)
            return (p + 0.001 * v, v), None

        (p, v), _ = x.lax.scan(step, (p, v), None, length=100)
        return np_.sum(p * p) + np_.sum(v * v)

    return loss


@case("Lotka-Volterra in f64, 10,000 steps", np.array([1.0, 0.5]), np.array([1.1, 0.4, 0.1, 0.4]), x64=True,
      gradient=(1,))  # fmt: skip
def predators(np_: Any, x: Any) -> Callable[..., Any]:
    """Two equations in f64."""

    def loss(start: Any, p: Any) -> Any:
        def step(s: Any, _: Any) -> Any:
            a, b = s
            s = (a + 1e-3 * (p[0] * a - p[1] * a * b), b + 1e-3 * (p[2] * a * b - p[3] * b))
            return s, np_.sin(s[0]) * np_.exp(-s[1])

        _, ys = x.lax.scan(step, (start[0], start[1]), None, length=10_000)
        return np_.sum(ys)

    return loss


# ---- searches and ints ---------------------------------------------------------------------------------


@case("while: Newton's square root of 1,000 numbers", np.abs(normal(1000)) + 0.1)
def newton(np_: Any, x: Any) -> Callable[..., Any]:
    """Until no element changes much."""

    def run_(a: Any) -> Any:
        going = lambda s: np_.max(np_.abs(s * s - a)) > 1e-4
        return x.lax.while_loop(going, lambda s: 0.5 * (s + a / s), np_.ones_like(a))

    return run_


@case("while: Collatz of one number", np.int32(837799))
def collatz(np_: Any, x: Any) -> Callable[..., Any]:
    """Steps until one is reached: 524."""

    def run_(n: Any) -> Any:
        def step(s: Any) -> Any:
            n, count = s
            return np_.where(n % 2 == 0, n // 2, (3 * n + 1) % 1_000_003), count + 1

        return x.lax.while_loop(lambda s: (s[0] != 1) & (s[1] < 5000), step, (n, 0))[1]

    return run_


@case("while: vmap of Collatz over 1,000 numbers", np.arange(1, 1001, dtype=np.int32))
def collatz_all(np_: Any, x: Any) -> Callable[..., Any]:
    """Each stops at its own time."""
    one = collatz(np_, x)
    return lambda n: x.vmap(one)(n)


@case("scan over ints: a linear congruential generator, 10,000 steps", np.uint32(12345))
def congruential(np_: Any, x: Any) -> Callable[..., Any]:
    """Unsigned arithmetic that wraps around."""

    def run_(seed: Any) -> Any:
        def step(s: Any, _: Any) -> Any:
            s = s * np_.uint32(1664525) + np_.uint32(1013904223)
            return s, s >> 16

        return x.lax.scan(step, seed, None, length=10_000)

    return run_


@case("edit distance of 100 x 100", np.random.default_rng(0).integers(0, 4, 100, dtype=np.int32),
      np.random.default_rng(1).integers(0, 4, 100, dtype=np.int32))  # fmt: skip
def edit_distance(np_: Any, x: Any) -> Callable[..., Any]:
    """A scan of scans."""

    def run_(a: Any, b: Any) -> Any:
        def row(previous: Any, letter: Any) -> Any:
            def column(left: Any, at: Any) -> Any:
                other, above, corner = at
                best = np_.minimum(np_.minimum(left, above) + 1, corner + (letter != other))
                return best, best

            first = previous[0] + 1
            _, rest = x.lax.scan(column, first, (b, previous[1:], previous[:-1]))
            return np_.concatenate([first[None], rest]), None

        return x.lax.scan(row, np_.arange(101, dtype=np.int32), a)[0][-1]

    return run_


@case("viterbi: 32 states, 500 steps", normal(32, 32), normal(500, 32))
def viterbi(np_: Any, x: Any) -> Callable[..., Any]:
    """Maxima, their places, and the way back by gather."""

    def run_(transitions: Any, scores: Any) -> Any:
        def step(best: Any, row: Any) -> Any:
            total = best[:, None] + transitions
            return np_.max(total, axis=0) + row, np_.argmax(total, axis=0)

        last, back = x.lax.scan(step, np_.zeros(32), scores)
        follow = lambda state, row: (row[state], state)
        return x.lax.scan(follow, np_.argmax(last), back, reverse=True)[1]

    return run_


@case("gather in the body: table of 1,000, 1,000 steps", normal(1000, 16), np.random.default_rng(0).integers(
    0, 1000, 1000, dtype=np.int32), gradient=(0,))  # fmt: skip
def lookup(np_: Any, x: Any) -> Callable[..., Any]:
    """Rows of a table at places that are data."""

    def loss(table: Any, places: Any) -> Any:
        def step(h: Any, i: Any) -> Any:
            h = np_.tanh(h + table[i])
            return h, np_.sum(h)

        return np_.sum(x.lax.scan(step, np_.zeros(16), places)[1])

    return loss


@case("dynamic_slice in the body: windows of 16 of 2,000, 1,000 steps", normal(2000), normal(16), gradient=(0, 1))
def windows(np_: Any, x: Any) -> Callable[..., Any]:
    """A filter written as a loop."""

    def loss(signal: Any, taps: Any) -> Any:
        def step(total: Any, i: Any) -> Any:
            y = np_.dot(x.lax.dynamic_slice(signal, (i,), (16,)), taps)
            return total + y * y, y

        return x.lax.scan(step, np_.float32(0), np_.arange(1000, dtype=np.int32))[0]

    return loss


# ---- random numbers, sums, scans of scans --------------------------------------------------------------


@case("random walk by threefry: 16 numbers a step, 500 steps", np.uint32(7))
def walk(np_: Any, x: Any) -> Callable[..., Any]:
    """A key that is split in every step."""

    def run_(seed: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            key, p = state
            key, sub = x.random.split(key)
            p = p + x.random.normal(sub, (16,))
            return (key, p), np_.max(p)

        return x.lax.scan(step, (x.random.PRNGKey(seed), np_.zeros(16)), None, length=500)[1]

    return run_


@case("Metropolis: 1 number a step by threefry, 1,000 steps", np.uint32(3))
def metropolis(np_: Any, x: Any) -> Callable[..., Any]:
    """A Markov chain."""

    def run_(seed: Any) -> Any:
        def step(p: Any, key: Any) -> Any:
            a, b = x.random.split(key)
            new = p + x.random.normal(a)
            accept = np_.log(x.random.uniform(b)) < 0.5 * (p * p - new * new)
            p = np_.where(accept, new, p)
            return p, p

        keys = x.random.split(x.random.PRNGKey(seed), 1000)
        return x.lax.scan(step, np_.float32(0), keys)[1]

    return run_


@case("cumulative sum as a scan, 10,000 floats", normal(10_000), gradient=(0,))
def cumulative(np_: Any, x: Any) -> Callable[..., Any]:
    """A running sum."""

    def loss(xs: Any) -> Any:
        def step(total: Any, v: Any) -> Any:
            total = total + v
            return total, total

        ys = x.lax.scan(step, np_.float32(0), xs)[1]
        return np_.sum(ys * ys)

    return loss


@case("discounted returns of 32 episodes, 1,000 steps", normal(1000, 32), gradient=(0,))
def returns(np_: Any, x: Any) -> Callable[..., Any]:
    """A reversed scan over rows."""

    def loss(rewards: Any) -> Any:
        def step(total: Any, r: Any) -> Any:
            total = r + 0.99 * total
            return total, total

        ys = x.lax.scan(step, np_.zeros(32), rewards, reverse=True)[1]
        return np_.sum(ys * ys)

    return loss


@case("scan of scans: 50 x 20 steps of an rnn, h of 16", normal(16, 16, scale=0.2), normal(50, 20, 16), gradient=(0,))
def nested(np_: Any, x: Any) -> Callable[..., Any]:
    """An inner loop in each step."""

    def loss(w: Any, xs: Any) -> Any:
        def inner(h: Any, row: Any) -> Any:
            return np_.tanh(w @ h + row), None

        def outer(h: Any, rows: Any) -> Any:
            h, _ = x.lax.scan(inner, h, rows)
            return h, np_.sum(h)

        return np_.sum(x.lax.scan(outer, np_.zeros(16), xs)[1])

    return loss


@case("gradient descent in a loop: 500 steps of linear regression, 64 x 8", normal(64, 8), normal(64, seed=1))
def descent(np_: Any, x: Any) -> Callable[..., Any]:
    """A gradient inside the body."""

    def run_(a: Any, b: Any) -> Any:
        loss = lambda w: np_.mean((a @ w - b) ** 2)
        return x.lax.fori_loop(0, 500, lambda i, w: w - 0.1 * x.grad(loss)(w), np_.zeros(8))

    return run_


@case("training an MLP 16-32-1 in a loop: 300 steps, batch 64", normal(16, 32, scale=0.2), normal(32, 1, scale=0.2),
      normal(300, 64, 16))  # fmt: skip
def training(np_: Any, x: Any) -> Callable[..., Any]:
    """Stochastic gradient descent as a scan over batches."""

    def run_(w1: Any, w2: Any, batches: Any) -> Any:
        def loss(p: Any, rows: Any) -> Any:
            y = np_.tanh(rows @ p[0]) @ p[1]
            return np_.mean((y[:, 0] - np_.sum(rows, axis=1)) ** 2)

        def step(p: Any, rows: Any) -> Any:
            value, g = x.value_and_grad(loss)(p, rows)
            return (p[0] - 0.01 * g[0], p[1] - 0.01 * g[1]), value

        return x.lax.scan(step, (w1, w2), batches)[1]

    return run_


@case("power iteration on 256 x 256, 100 steps", normal(256, 256, scale=0.06), normal(256))
def power(np_: Any, x: Any) -> Callable[..., Any]:
    """A matrix by a vector, and its norm."""

    def run_(a: Any, v: Any) -> Any:
        def step(i: Any, v: Any) -> Any:
            v = a @ v
            return v / np_.sqrt(np_.sum(v * v))

        return x.lax.fori_loop(0, 100, step, v)

    return run_


@case("mandelbrot of 128 x 128, 50 steps", normal(128, 128), normal(128, 128, seed=1))
def mandelbrot(np_: Any, x: Any) -> Callable[..., Any]:
    """Elementwise work on larger arrays."""

    def run_(re: Any, im: Any) -> Any:
        def step(i: Any, s: Any) -> Any:
            a, b, n = s
            inside = a * a + b * b < 4
            return (np_.where(inside, a * a - b * b + re, a), np_.where(inside, 2 * a * b + im, b), n + inside)

        zeros = np_.zeros((128, 128))
        return x.lax.fori_loop(0, 50, step, (zeros, zeros, np_.zeros((128, 128), int)))[2]

    return run_


@case("a sort in the body, 64 floats, 200 steps", normal(64))
def sorting(np_: Any, x: Any) -> Callable[..., Any]:
    """A merge sort for each step."""
    return lambda a: x.lax.fori_loop(0, 200, lambda i, v: np_.sort(np_.sin(v * 3)), a)


@case("a solve in the body, 8 x 8, 200 steps", normal(8, 8) + 4 * np.eye(8, dtype="f"), normal(8))
def solving(np_: Any, x: Any) -> Callable[..., Any]:
    """Implicit steps with one matrix."""
    return lambda a, v: x.lax.fori_loop(0, 200, lambda i, v: np_.linalg.solve(a, v) + 1, v)


@case("Kalman filter, 6 states, 3 observations, 500 steps", np.eye(6, dtype="f") * 0.98, normal(3, 6), normal(500, 3),
      gradient=(0, 1))  # fmt: skip
def kalman(np_: Any, x: Any) -> Callable[..., Any]:
    """The log-likelihood of observations: a matrix to factorise in each step."""

    def loss(moves: Any, sees: Any, observed: Any) -> Any:
        def step(state: Any, y: Any) -> Any:
            mean, cov = moves @ state[0], moves @ state[1] @ moves.T + 0.1 * np_.eye(6)
            spread = sees @ cov @ sees.T + 0.5 * np_.eye(3)
            root, off = np_.linalg.cholesky(spread), y - sees @ mean
            gain = np_.linalg.solve(spread, sees @ cov).T
            likely = off @ np_.linalg.solve(spread, off) + 2 * np_.sum(np_.log(np_.diagonal(root)))
            return (mean + gain @ off, cov - gain @ sees @ cov), likely

        return np_.sum(x.lax.scan(step, (np_.zeros(6), np_.eye(6)), observed)[1])

    return loss


@case("Gauss-Newton with a QR factorisation, 30 x 4, 50 steps", normal(30, 4), normal(30))
def gauss_newton(np_: Any, x: Any) -> Callable[..., Any]:
    """Least squares by linear least squares."""

    def fit(a: Any, b: Any) -> Any:
        def step(i: Any, w: Any) -> Any:
            z = np_.tanh(a @ w)
            q, r = np_.linalg.qr(a * (1 - z * z)[:, None] + 0.1 * a)
            return w + 0.5 * x.scipy.linalg.solve_triangular(r, q.T @ (b - z))

        return x.lax.fori_loop(0, 50, step, np_.zeros(4))

    return fit


# ---- the table -----------------------------------------------------------------------------------------


def compared(make: Make, arrays: list[np.ndarray], x64: bool) -> dict[str, Any]:
    """A loop jitted by Axil and by JAX."""
    with axil.enable_x64(x64):
        f, ours = axil.jit(make(anp, axil)), [anp.asarray(a) for a in arrays]
        f(*ours)

    def call() -> Any:
        with axil.enable_x64(x64):
            return f(*ours)

    def theirs() -> Callable[[], Any]:
        with jax.enable_x64(x64):
            g, data = jax.jit(make(jnp, jax)), [jnp.asarray(a) for a in arrays]
            jax.block_until_ready(g(*data))

        def call() -> Any:
            with jax.enable_x64(x64):
                return jax.block_until_ready(g(*data))

        return call

    return with_jax({"axil": call}, theirs)


def check(words: list[str]) -> int:
    """Compare the results with JAX's; gives how many differ."""
    wrong = 0
    for name, case_ in CASES.items():
        if words and not any(w in name for w in words):
            continue
        calls = compared(*case_)
        got, expected = (axil.tree.leaves(calls["axil"]()), jax.tree.leaves(calls["jax"]()))
        worst = 0.0
        for g, e in zip(got, expected, strict=True):
            g, e = np.asarray(g).astype(float), np.asarray(e).astype(float)
            worst = max(worst, float(np.max(np.abs(g - e) / (1 + np.abs(e)), initial=0)))
        bad = not math.isfinite(worst) or worst > 2e-3
        wrong += bad
        print(f"{name:<75}{worst:10.2e}{'  DIFFERS' if bad else ''}", flush=True)
    return wrong


for _name, _case in CASES.items():
    figure(_name, LIMIT)(lambda c=_case: compared(*c))


if __name__ == "__main__":
    run.FIGURES[:] = [f for f in run.FIGURES if f[0] in CASES]
    if "--check" in sys.argv:
        sys.exit(check([w for w in sys.argv[1:] if w != "--check"]))
    run.main()
