"""How long Axil itself takes to trace a program and to run its passes over it, before IREE sees it.

    python benchmarks/tracing.py                # all
    python benchmarks/tracing.py transformer    # those whose name contains a word

Two programs, written as Python would have it: a chain of 500 operations, and a transformer of 12 layers in a Python
loop. Each is differentiated; tracing, transformation and lowering are timed apart, fastest of several, with the
bindings loaded and the process warm. JAX's time is that of tracing and lowering to StableHLO, which is as far as its
own work goes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from run import human, jax, jnp

import axil
import axil.numpy as anp

Make = Callable[[Any, Any], Callable[..., Any]]


def chain(np_: Any, x: Any) -> Callable[..., Any]:
    """500 operations on 100 floats."""

    def loss(a: Any, b: Any) -> Any:
        for i in range(125):
            a = np_.sin(a * b) + a * (0.001 * i)
        return np_.sum(a)

    return x.grad(loss, argnums=(0, 1))


WIDTH, HEADS, LAYERS, TOKENS = 64, 4, 12, 16


def parameters() -> list[dict[str, np.ndarray]]:
    """Weights of the transformer's layers."""
    rng = np.random.default_rng(0)
    shapes = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH), "up": (WIDTH, 4 * WIDTH), "down": (4 * WIDTH, WIDTH)}
    layers = []
    for _ in range(LAYERS):
        layer = {name: (rng.standard_normal(s) * 0.02).astype(np.float32) for name, s in shapes.items()}
        for norm in ("norm1", "norm2"):
            layer[norm], layer[norm + "_shift"] = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        layers.append(layer)
    return layers


def transformer(np_: Any, x: Any) -> Callable[..., Any]:
    """Pre-norm layers with attention, each written out."""

    def norm(h: Any, scale: Any, shift: Any) -> Any:
        mean = np_.mean(h, axis=-1, keepdims=True)
        var = np_.mean((h - mean) ** 2, axis=-1, keepdims=True)
        return (h - mean) * x.lax.rsqrt(var + 1e-5) * scale + shift

    def attend(h: Any, p: Any) -> Any:
        q, k, v = (np_.reshape(a, (TOKENS, HEADS, WIDTH // HEADS)) for a in np_.split(h @ p["qkv"], 3, axis=-1))
        scores = np_.einsum("qhd,khd->hqk", q, k) / np_.sqrt(WIDTH / HEADS)
        scores = np_.where(np_.tril(np_.ones((TOKENS, TOKENS), bool)), scores, -1e9)
        mixed = np_.einsum("hqk,khd->qhd", x.nn.softmax(scores, axis=-1), v)
        return np_.reshape(mixed, (TOKENS, WIDTH)) @ p["out"]

    def loss(layers: Any, h: Any) -> Any:
        for p in layers:
            h = h + attend(norm(h, p["norm1"], p["norm1_shift"]), p)
            h = h + x.nn.gelu(norm(h, p["norm2"], p["norm2_shift"]) @ p["up"]) @ p["down"]
        return np_.mean(h * h)

    return x.grad(loss)


def _chain_data() -> tuple:
    return np.linspace(0, 1, 100, dtype=np.float32), np.linspace(1, 2, 100, dtype=np.float32)


def _transformer_data() -> tuple:
    return parameters(), np.random.default_rng(1).standard_normal((TOKENS, WIDTH)).astype(np.float32)


PROGRAMS: dict[str, tuple[str, Make, Callable[[], tuple]]] = {
    "grad of a function of 500 operations": ("60 ms", chain, _chain_data),
    "grad of a transformer of 12 layers, a Python loop": ("400 ms", transformer, _transformer_data),
}


def ours(make: Make, data: tuple) -> dict[str, float]:
    """Seconds of our part, by step."""
    from axil.compiler.passes.passes import run_pipeline
    from axil.compiler.pipeline import lowering_passes, transform
    from axil.compiler.targets import resolve

    axil.clear_caches()
    started = time.perf_counter()
    lowered = axil.jit(make(anp, axil)).lower(*data)
    traced = time.perf_counter()
    module = lowered.trace.program.module
    transform(module)
    transformed = time.perf_counter()
    run_pipeline(module, lowering_passes(resolve("host"), ()))
    done = time.perf_counter()
    return {"trace": traced - started, "transform": transformed - traced, "lower": done - transformed}


def theirs(make: Make, data: tuple) -> float:
    """Seconds that JAX takes to trace and to lower."""
    jax.clear_caches()
    started = time.perf_counter()
    jax.jit(make(jnp, jax)).lower(*data)
    return time.perf_counter() - started


def figures(words: list[str]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Name, limit and seconds by step (the fastest of seven runs; `jax` for all of JAX's) of each program."""
    for name, (limit, make, data_of) in PROGRAMS.items():
        if words and not any(w in name for w in words):
            continue
        data = data_of()
        best = min((ours(make, data) for _ in range(7)), key=lambda r: sum(r.values()))
        yield name, limit, best | ({"jax": min(theirs(make, data) for _ in range(3))} if jax is not None else {})


def main() -> None:
    """Print the table."""
    heads = ["axil", "trace", "transform", "lower", "jax"]
    print(f"{'trace and passes, without IREE':<55}{'limit':>10}{''.join(f'{h:>11}' for h in heads)}")
    for name, limit, best in figures(sys.argv[1:]):
        other = best.pop("jax", None)
        cells = [human(t) for t in (sum(best.values()), *best.values())] + [human(other) if other else "-"]
        print(f"{name:<55}{limit:>10}{''.join(f'{c:>11}' for c in cells)}", flush=True)


if __name__ == "__main__":
    main()
