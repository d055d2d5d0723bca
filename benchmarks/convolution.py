"""Convolution and pooling beside JAX: forward, and gradients of the input and of the kernel.

    python benchmarks/convolution.py             # all figures
    python benchmarks/convolution.py gradient    # those whose name contains a word

Importing this file registers the figures with `run.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from run import figure, jax, jnp, main, with_jax

import axil
import axil.numpy as anp
from axil import lax

NHWC, NCHW = ("NHWC", "HWIO", "NHWC"), ("NCHW", "OIHW", "NCHW")


def convolution(
    layout: tuple[str, str, str], batch: int, size: int, inputs: int, outputs: int, gradient: str = "",
    stride: int = 1, groups: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """A 3 x 3 convolution, or its gradient in the input or the kernel."""
    rng = np.random.default_rng(0)
    sizes = {"N": batch, "C": inputs, "H": size, "W": size}
    kernel = {"H": 3, "W": 3, "I": inputs // groups, "O": outputs}
    x = rng.standard_normal([sizes[c] for c in layout[0]]).astype(np.float32)
    w = rng.standard_normal([kernel[c] for c in layout[1]]).astype(np.float32)

    def function(lax_: Any, jit: Any, vjp: Any) -> Callable[..., Any]:
        def forward(x: Any, w: Any) -> Any:
            return lax_.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=layout,
                                             feature_group_count=groups)  # fmt: skip

        if not gradient:
            return jit(forward)
        which = 0 if gradient == "input" else 1

        def backward(x: Any, w: Any, ct: Any) -> Any:
            partial = (lambda x: forward(x, w)) if which == 0 else (lambda w: forward(x, w))
            return vjp(partial, (x, w)[which])[1](ct)

        return jit(backward)

    out = -(-size // stride)
    shape = [{"N": batch, "C": outputs, "H": out, "W": out}[c] for c in layout[2]]
    arrays = [x, w] + ([rng.standard_normal(shape).astype(np.float32)] if gradient else [])
    f, ours = function(lax, axil.jit, axil.vjp), [anp.asarray(v) for v in arrays]

    def make() -> Callable[[], Any]:
        g, theirs = function(jax.lax, jax.jit, jax.vjp), [jnp.asarray(v) for v in arrays]
        return lambda: jax.block_until_ready(g(*theirs))

    return with_jax({"axil": lambda: f(*ours)}, make)


def pooling(window: int, stride: int, gradient: bool) -> dict[str, Any]:
    """Max pooling of 8 x 56 x 56 x 64, or its gradient."""
    x = np.random.default_rng(0).standard_normal((8, 56, 56, 64)).astype(np.float32)

    def function(lax_: Any, numpy_: Any, jit: Any, grad: Any) -> Callable[..., Any]:
        def pool(x: Any) -> Any:
            return lax_.reduce_window(x, -np.inf, lax_.max, (1, window, window, 1), (1, stride, stride, 1), "SAME")

        return jit(grad(lambda x: numpy_.sum(pool(x) ** 2)) if gradient else pool)

    f, ours = function(lax, anp, axil.jit, axil.grad), anp.asarray(x)

    def make() -> Callable[[], Any]:
        g, theirs = function(jax.lax, jnp, jax.jit, jax.grad), jnp.asarray(x)
        return lambda: g(theirs).block_until_ready()

    return with_jax({"axil": lambda: f(ours)}, make)


def _register() -> None:
    for name, layout in (("NHWC", NHWC), ("NCHW", NCHW)):
        for shape in ((8, 32, 16, 32), (16, 56, 32, 64), (32, 32, 64, 64)):
            text = f"conv 3x3 {name}, {shape[0]} x {shape[1]}^2, {shape[2]} to {shape[3]}"
            figure(text, "1.2 x JAX")(lambda layout=layout, shape=shape: convolution(layout, *shape))
    shape = (16, 56, 32, 64)
    for which in ("input", "kernel"):
        for stride in (1, 2):
            text = f"conv 3x3 NHWC 16 x 56^2, 32 to 64, stride {stride}: {which} gradient"
            figure(text, "(JAX beside)")(
                lambda which=which, stride=stride: convolution(NHWC, *shape, which, stride)
            )
    figure("conv 3x3 NHWC 8 x 28^2, 64 features by themselves", "(JAX beside)")(
        lambda: convolution(NHWC, 8, 28, 64, 64, groups=64)
    )
    figure("conv 3x3 NHWC 8 x 28^2, 4 groups of 16", "(JAX beside)")(
        lambda: convolution(NHWC, 8, 28, 64, 64, groups=4)
    )
    for window, stride in ((2, 2), (3, 2)):
        for gradient in (False, True):
            text = f"max pool {window}x{window}, stride {stride}{': gradient' if gradient else ''}"
            figure(text, "(JAX beside)")(
                lambda window=window, stride=stride, gradient=gradient: pooling(window, stride, gradient)
            )


_register()

if __name__ == "__main__":
    main()
