"""What a gradient costs: at most three times the floating point operations of its function, counted on the program.

Value and gradient of a network with respect to all parameters need, for each product of the function, one for the
value, one for the cotangent of its input and one for that of its weights. Elementwise work must not add to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest

import axil.numpy as np
from axil import jit, lax, nn, value_and_grad

RNG = onp.random.default_rng(0)


def weights(*shape: int) -> Any:
    return RNG.normal(size=shape).astype("f4") / onp.sqrt(shape[0])


def cross_entropy(logits: Any, labels: Any) -> Any:
    return -np.mean(np.sum(nn.log_softmax(logits) * nn.one_hot(labels, logits.shape[-1]), -1))


# ---- the networks --------------------------------------------------------------------------------------


def mlp(activation: Callable[[Any], Any], width: int) -> tuple[Callable[..., Any], Any, tuple]:
    sizes = [16, width, width, 10]
    params = [(weights(m, n), onp.zeros(n, "f4")) for m, n in zip(sizes, sizes[1:])]

    def loss(params: Any, x: Any, labels: Any) -> Any:
        for w, b in params[:-1]:
            x = activation(x @ w + b)
        w, b = params[-1]
        return cross_entropy(x @ w + b, labels)

    return loss, params, (RNG.normal(size=(8, 16)).astype("f4"), onp.arange(8) % 10)


def convnet(pool: str) -> tuple[Callable[..., Any], Any, tuple]:
    params = {"c1": weights(3, 3, 1, 8) * 3, "c2": weights(3, 3, 8, 16), "g": onp.ones(16, "f4"), "w": weights(64, 10)}

    def conv(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def pooled(x: Any) -> Any:
        window = ((1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        if pool == "max":
            return lax.reduce_window(x, -onp.inf, lax.max, *window)
        return lax.reduce_window(x, 0.0, lax.add, *window) / 4

    def loss(p: Any, x: Any, labels: Any) -> Any:
        x = pooled(nn.relu(conv(x, p["c1"])))
        x = conv(x, p["c2"])
        x = nn.relu(p["g"] * (x - x.mean((0, 1, 2))) * lax.rsqrt(x.var((0, 1, 2)) + 1e-5))
        x = pooled(x)
        return cross_entropy(x.reshape(x.shape[0], -1) @ p["w"], labels)

    return loss, params, (RNG.normal(size=(4, 8, 8, 1)).astype("f4"), onp.arange(4))


def layer(p: Any, x: Any, heads: int) -> Any:
    """A block of a transformer: attention and a two-layer network, both after a normalization."""
    batch, length, size = x.shape

    def normalized(x: Any, scale: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return centred * lax.rsqrt(np.mean(centred * centred, -1, keepdims=True) + 1e-5) * scale

    h = normalized(x, p["s1"])
    q, k, v = [(h @ p[n]).reshape(batch, length, heads, size // heads) for n in ("q", "k", "v")]
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / onp.sqrt(size // heads)
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -1e9)
    mixed = np.einsum("bhqk,bkhd->bqhd", nn.softmax(scores), v).reshape(batch, length, size)
    x = x + mixed @ p["o"]
    return x + nn.gelu(normalized(x, p["s2"]) @ p["up"]) @ p["down"]


def transformer(scanned: bool) -> tuple[Callable[..., Any], Any, tuple]:
    size, vocabulary, depth = 32, 20, 2
    one = lambda: {
        "q": weights(size, size), "k": weights(size, size), "v": weights(size, size), "o": weights(size, size),
        "up": weights(size, 4 * size), "down": weights(4 * size, size),
        "s1": onp.ones(size, "f4"), "s2": onp.ones(size, "f4"),
    }  # fmt: skip
    layers = [one() for _ in range(depth)]
    params = {"table": weights(vocabulary, size), "layers": layers}
    if scanned:
        params["layers"] = {k: onp.stack([p[k] for p in layers]) for k in layers[0]}

    def loss(params: Any, tokens: Any) -> Any:
        x = params["table"][tokens[:, :-1]]
        if scanned:
            x, _ = lax.scan(lambda x, p: (layer(p, x, 4), None), x, params["layers"])
        else:
            for p in params["layers"]:
                x = layer(p, x, 4)
        return cross_entropy(x @ params["table"].T, tokens[:, 1:])

    return loss, params, (RNG.integers(0, vocabulary, (2, 9)),)


NETWORKS: dict[str, tuple[Callable[..., Any], Any, tuple]] = {
    "mlp, tanh": mlp(np.tanh, 64), "mlp, relu": mlp(nn.relu, 64), "mlp, gelu": mlp(nn.gelu, 64),
    "mlp, silu": mlp(nn.silu, 64), "small mlp, tanh": mlp(np.tanh, 16),
    "convnet, max pooling": convnet("max"), "convnet, average pooling": convnet("average"),
    "transformer": transformer(False), "scanned transformer": transformer(True),
}  # fmt: skip


def flops(f: Callable[..., Any], *args: Any) -> dict[str, float]:
    return dict(jit(f).lower(*args).cost_analysis())


def ratio(name: str, what: str = "flops") -> float:
    """The cost of value and gradient by that of the value."""
    loss, params, data = NETWORKS[name]
    return flops(value_and_grad(loss), params, *data)[what] / flops(loss, params, *data)[what]


@pytest.mark.parametrize("name", NETWORKS)
def test_value_and_gradient_cost_at_most_three_times_the_value(name: str) -> None:
    assert 1 < ratio(name) <= 3


@pytest.mark.parametrize("name", NETWORKS)
def test_few_transcendental_functions_are_computed_anew(name: str) -> None:
    assert ratio(name, "transcendentals") <= 2


if __name__ == "__main__":
    for name in NETWORKS:
        print(f"{name:30} flops {ratio(name):.3f}  transcendentals {ratio(name, 'transcendentals'):.3f}")
