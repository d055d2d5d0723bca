"""Kernels beside JAX: `python benchmarks/kernels.py [name...]`. Interleaved, one process; medians."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.compiler.driver import compile_module, hand_over
from axil.compiler.kernels import KERNELS, Declined, Kernel, link
from axil.dialects.mlir import context, ir
from axil.runtime.buffers import to_device
from axil.runtime.executable import Executable

ROUNDS = 40
Run = Callable[[], Any]


@dataclass
class Case:
    """A comparison: our kernel, the same in JAX (None without JAX), and the ratio wanted at most."""

    name: str
    ours: Run
    jax: Run | None
    limit: float


@dataclass
class Value:
    """Stands for an SSA value: the sort's emitter looks at its type alone."""

    type: str


def scan(module: ir.Module, length: int, consts: int, carry: int, reverse: bool = False) -> Kernel | Declined:
    """The kernel of a scan of the one function of a module."""
    function = module.body.operations[0]
    return KERNELS["loop_scan"]([function], length=length, consts=consts, carry=carry, reverse=reverse)


def parse(text: str) -> ir.Module:
    """A module of our context."""
    with context(), ir.Location.unknown():
        return ir.Module.parse(text, context())


def runner(kernel: Kernel | Declined, arrays: Sequence[np.ndarray], cost: float) -> Run:
    """A call of a compiled kernel on arrays that are on the device."""
    assert isinstance(kernel, Kernel), kernel
    names = [f"%a{i}" for i in range(len(kernel.inputs))]
    takes = ", ".join(f"{n}: {t.type}" for n, t in zip(names, kernel.inputs))
    gives = ", ".join(t.type for t in kernel.results)
    results = ", ".join(f"%r#{i}" for i in range(len(kernel.results)))
    call = f"%r:{len(kernel.results)} = func.call @{kernel.symbol}({', '.join(names)}) : {kernel.function_type}"
    main = f"func.func public @main({takes}) -> ({gives}) {{ {call}\n return {results} : {gives} }}"
    module = parse(f"{kernel.declaration}\n{main}")
    link(module, [kernel])
    executable = Executable(compile_module(hand_over(module)), results=len(kernel.results), cost=cost)
    buffers = [to_device(a) for a in arrays]
    views = [b.view for b in buffers]
    return lambda: (executable(views), buffers)


def jax_runner(function: Callable[..., Any], arrays: Sequence[np.ndarray]) -> Run | None:
    """The same in JAX, compiled."""
    try:
        import jax
    except ImportError:
        return None
    compiled, given = jax.jit(function), [jax.numpy.asarray(a) for a in arrays]
    return lambda: jax.block_until_ready(compiled(*given))


def normal(*shape: int) -> np.ndarray:
    """Random f32 values, the same in every run."""
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def sort_case(shape: tuple[int, ...], payload: bool) -> Case:
    """A sort along the last dimension, alone or carrying positions along."""
    arrays = [normal(*shape)]
    if payload:
        arrays.append(np.broadcast_to(np.arange(shape[-1], dtype=np.int32), shape).copy())

    def in_jax(*operands: Any) -> Any:
        from jax import lax

        return lax.sort(operands, num_keys=1)

    values = [Value(f"tensor<{'x'.join(map(str, shape))}x{dtype}>") for dtype in ("f32", "i32")[: len(arrays)]]
    kernel = KERNELS["merge_sort"](values, num_keys=1)
    name = f"sort {'x'.join(map(str, shape))}{' with payload' if payload else ''}"
    return Case(name, runner(kernel, arrays, 10.0 * arrays[0].size), jax_runner(in_jax, arrays), 0.7)


def rnn_body(h: int, x: int) -> str:
    """h = tanh(W @ h + U @ x)."""
    return f"""func.func @body(%W: tensor<{h}x{h}xf32>, %U: tensor<{h}x{x}xf32>, %h: tensor<{h}xf32>, %x:
    tensor<{x}xf32>)
        -> (tensor<{h}xf32>, tensor<{h}xf32>) {{
      %0 = stablehlo.dot_general %W, %h, contracting_dims = [1] x [0] : (tensor<{h}x{h}xf32>, tensor<{h}xf32>)
      -> tensor<{h}xf32> %1 = stablehlo.dot_general %U, %x, contracting_dims = [1] x [0] :
      (tensor<{h}x{x}xf32>, tensor<{x}xf32>) -> tensor<{h}xf32> %2 = stablehlo.add %0, %1 : tensor<{h}xf32> %3
      = stablehlo.tanh %2 : tensor<{h}xf32>
      return %3, %3 : tensor<{h}xf32>, tensor<{h}xf32> }}"""


def rnn_case(h: int, x: int, limit: float) -> Case:
    """1,000 steps of a recurrent cell."""
    from functools import partial

    arrays = [normal(h, h) / np.float32(np.sqrt(h)), normal(h, x), np.zeros(h, np.float32), normal(1000, x)]

    def in_jax(W: Any, U: Any, h: Any, xs: Any) -> Any:
        import jax
        import jax.numpy as jnp

        def step(W: Any, U: Any, h: Any, x: Any) -> Any:
            h = jnp.tanh(W @ h + U @ x)
            return h, h

        return jax.lax.scan(partial(step, W, U), h, xs)

    module = parse(rnn_body(h, x))
    kernel = scan(module, 1000, 2, 1)
    return Case(f"rnn scan, h={h}", runner(kernel, arrays, 0), jax_runner(in_jax, arrays), limit)


def backward_body(h: int, x: int) -> str:
    """The transposed step: cotangents of h, W and U from those of the outputs."""
    v, m, n, u = f"tensor<{h}xf32>", f"tensor<{h}x{h}xf32>", f"tensor<{h}x{x}xf32>", f"tensor<{x}xf32>"
    return f"""func.func @body(%W: {m}, %ch: {v}, %cW: {m}, %cU: {n}, %hp: {v}, %h: {v}, %x: {u}, %cy: {v}) ->
    ({v}, {m}, {n}) {{
      %one = stablehlo.constant dense<1.0> : {v}
      %c = stablehlo.add %ch, %cy : {v}
      %hh = stablehlo.multiply %h, %h : {v}
      %d = stablehlo.subtract %one, %hh : {v}
      %g = stablehlo.multiply %c, %d : {v}
      %ow = stablehlo.dot_general %g, %hp, contracting_dims = [] x [] : ({v}, {v}) -> {m}
      %nW = stablehlo.add %cW, %ow : {m}
      %ou = stablehlo.dot_general %g, %x, contracting_dims = [] x [] : ({v}, {u}) -> {n}
      %nU = stablehlo.add %cU, %ou : {n}
      %WT = stablehlo.transpose %W, dims = [1, 0] : ({m}) -> {m}
      %nh = stablehlo.dot_general %WT, %g, contracting_dims = [1] x [0] : ({m}, {v}) -> {v}
      return %nh, %nW, %nU : {v}, {m}, {n} }}"""


def backward_case(h: int, x: int, limit: float) -> Case:
    """The backward scan of `rnn_case`, in both systems written out as a reversed scan."""
    arrays = [
        normal(h, h) / np.float32(np.sqrt(h)), np.zeros(h, np.float32), np.zeros((h, h), np.float32),
        np.zeros((h, x), np.float32), np.tanh(normal(1000, h)), np.tanh(normal(1000, h)),
        normal(1000, x), normal(1000, h),
    ]  # fmt: skip

    def in_jax(W: Any, ch: Any, cW: Any, cU: Any, *xs: Any) -> Any:
        import jax
        import jax.numpy as jnp

        def step(carry: Any, x: Any) -> Any:
            (ch, cW, cU), (hp, h, x, cy) = carry, x
            g = (ch + cy) * (1 - h * h)
            return (W.T @ g, cW + jnp.outer(g, hp), cU + jnp.outer(g, x)), None

        return jax.lax.scan(step, (ch, cW, cU), xs, reverse=True)[0]

    module = parse(backward_body(h, x))
    kernel = scan(module, 1000, 1, 3, reverse=True)
    return Case(f"rnn backward scan, h={h}", runner(kernel, arrays, 0), jax_runner(in_jax, arrays), limit)


def ode_case() -> Case:
    """10,000 Euler steps of 12 coupled scalars."""
    n = 12
    names = [f"%y{i}" for i in range(n)]
    lines = [
        "%dt = stablehlo.constant dense<1.0e-3> : tensor<f32>",
        "%k = stablehlo.constant dense<5.0e-1> : tensor<f32>",
    ]
    for i in range(n):
        a, c = names[(i + 1) % n], names[(i + 2) % n]
        lines += [
            f"%p{i} = stablehlo.multiply {a}, {c} : tensor<f32>",
            f"%q{i} = stablehlo.multiply %k, %y{i} : tensor<f32>",
            f"%d{i} = stablehlo.subtract %p{i}, %q{i} : tensor<f32>",
            f"%e{i} = stablehlo.multiply %dt, %d{i} : tensor<f32>",
            f"%n{i} = stablehlo.add %y{i}, %e{i} : tensor<f32>",
        ]  # fmt: skip
    types = ", ".join(["tensor<f32>"] * n)
    takes = ", ".join(f"{name}: tensor<f32>" for name in names)
    text = "\n".join([*lines, f"return {', '.join(f'%n{i}' for i in range(n))} : {types}"])
    module = parse(f"func.func @body({takes}) -> ({types}) {{ {text} }}")
    arrays = [np.float32(i / n) for i in range(n)]

    def in_jax(*ys: Any) -> Any:
        import jax

        def step(_: Any, y: Any) -> Any:
            return tuple(y[i] + 1e-3 * (y[(i + 1) % n] * y[(i + 2) % n] - 0.5 * y[i]) for i in range(n))

        return jax.lax.fori_loop(0, 10000, step, ys)

    kernel = scan(module, 10000, 0, n)
    return Case("ode fori_loop, 12 scalars", runner(kernel, arrays, 0), jax_runner(in_jax, arrays), 1.0)


CASES: dict[str, Callable[[], Case]] = {
    "sort_1k": lambda: sort_case((1000,), False),
    "sort_1k_payload": lambda: sort_case((1000,), True),
    "sort_rows": lambda: sort_case((256, 1024), False),
    "sort_rows_payload": lambda: sort_case((256, 1024), True),
    "rnn_10": lambda: rnn_case(10, 5, 1.0),
    "rnn_128": lambda: rnn_case(128, 64, 2.0),
    "rnn_backward_10": lambda: backward_case(10, 5, 1.0),
    "rnn_backward_128": lambda: backward_case(128, 64, 2.0),
    "ode": ode_case,
}


def measure(case: Case) -> tuple[float, float | None]:
    """Median microseconds of ours and of JAX, call by call in turn."""
    runs = [run for run in (case.ours, case.jax) if run is not None]
    for run in runs:
        run(), run()
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(ROUNDS):
        for run, found in zip(runs, times):
            start = time.perf_counter()
            run()
            found.append((time.perf_counter() - start) * 1e6)
    medians = [sorted(found)[len(found) // 2] for found in times]
    return medians[0], medians[1] if len(medians) > 1 else None


def main(wanted: Sequence[str]) -> None:
    """Prints a table."""
    print(f"{'':28}{'axil us':>10}{'jax us':>10}{'ratio':>8}{'at most':>9}")
    for name in wanted or CASES:
        case = CASES[name]()
        ours, jax = measure(case)
        ratio = f"{ours / jax:8.2f}" if jax else f"{'-':>8}"
        print(f"{case.name:28}{ours:10.1f}{jax or float('nan'):10.1f}{ratio}{case.limit:9.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
