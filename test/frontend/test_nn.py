"""`axil.nn` beyond its table: edges, derivatives of every order, transformations, block-scaled products, errors."""

from __future__ import annotations

import ml_dtypes
import numpy as onp
import pytest
from checks import error_here, same

import axil
from axil import nn, random
from axil import numpy as np

ELEMENTWISE = [
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "identity", "leaky_relu", "log_sigmoid", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "soft_sign", "softplus", "sparse_plus", "sparse_sigmoid", "squareplus",
    "tanh",
]  # fmt: skip
FAR = onp.array([-1e4, -100.0, -20.0, -6.0, -3.0, -1.0, -0.0, 0.0, 1e-8, 1.0, 3.0, 6.0, 20.0, 100.0, 1e4], onp.float32)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_values_and_derivatives_are_finite_everywhere(name: str) -> None:
    f = getattr(nn, name)
    assert onp.isfinite(f(FAR)).all()
    slopes = axil.vmap(axil.grad(f))(np.asarray(FAR))
    forward = axil.jvp(f, (np.asarray(FAR),), (np.ones_like(FAR),))[1]
    assert onp.isfinite(slopes).all() and onp.isfinite(axil.vmap(axil.grad(axil.grad(f)))(np.asarray(FAR))).all()
    same(forward, slopes)


def test_slopes_at_the_corners() -> None:
    slope = lambda f, x: float(axil.grad(f)(x))
    assert [slope(nn.relu, x) for x in (-1.0, -0.0, 0.0, 1e-30)] == [0, 0, 0, 1]
    assert [slope(nn.relu6, x) for x in (0.0, 3.0, 6.0, 7.0)] == [0, 1, 0, 0]
    assert slope(nn.leaky_relu, 0.0) == 1 and slope(nn.elu, 0.0) == 1
    assert onp.isnan(nn.relu(np.nan)) and slope(nn.relu, np.nan) == 0


def test_relu_and_its_like_keep_integers() -> None:
    x = np.array([-2, 0, 9])
    assert nn.relu(x).tolist() == [0, 0, 9] and nn.relu(x).dtype == np.int32
    assert axil.jit(nn.relu)(x).tolist() == [0, 0, 9]


def test_log1mexp_is_exact_at_both_ends() -> None:
    x = onp.array([1e-10, 1e-3, 0.5, 1.0, 50.0], onp.float32)
    exact = onp.log1p(-onp.exp(-x.astype(float)))
    exact[:2] = onp.log(-onp.expm1(-x[:2].astype(float)))
    onp.testing.assert_allclose(nn.log1mexp(x), exact, rtol=3e-7)
    same(axil.vmap(axil.grad(nn.log1mexp))(np.asarray(x)), 1 / onp.expm1(x.astype(float)), rtol=1e-5)


# ---- along axes ----------------------------------------------------------------------------------------


def test_softmax_where_nothing_counts_is_zero_and_has_no_slope() -> None:
    x, none = np.ones((2, 3)), np.zeros((2, 3), bool)
    assert nn.softmax(x, where=none).tolist() == [[0, 0, 0]] * 2
    assert axil.grad(lambda x: nn.softmax(x, where=none).sum())(x).tolist() == [[0, 0, 0]] * 2


def test_softmax_does_not_overflow() -> None:
    x = np.array([1e30, 0.0, -1e30])
    assert nn.softmax(x).tolist() == [1, 0, 0]
    assert nn.log_softmax(np.array([1000.0, 0.0])).tolist() == [0, -1000]
    same(axil.jacfwd(nn.softmax)(x), onp.zeros((3, 3)))


def test_softmax_has_all_derivatives() -> None:
    x = np.array([0.3, -1.0, 2.0])
    plain = lambda x: np.exp(x) / np.sum(np.exp(x))
    for f in (lambda g: axil.jacrev(g), lambda g: axil.hessian(g), lambda g: axil.jacfwd(axil.hessian(g))):
        same(f(nn.softmax)(x), f(plain)(x), rtol=1e-4)
    same(axil.vmap(nn.softmax)(np.stack([x, 2 * x])), nn.softmax(np.stack([x, 2 * x])))


def test_logsumexp_of_what_is_infinite_or_nothing() -> None:
    assert float(nn.logsumexp(np.array([np.inf, 1.0]))) == np.inf
    assert float(nn.logsumexp(np.array([-np.inf, -np.inf]))) == -np.inf
    assert float(nn.logsumexp(np.zeros(0))) == -np.inf
    assert axil.grad(nn.logsumexp)(np.array([1e4, 0.0])).tolist() == [1, 0]
    value, sign = nn.logsumexp(np.array([0.0, 1.0]), b=np.array([1.0, -1.0]), return_sign=True)
    same(value, onp.log(onp.e - 1)), same(sign, -1.0)


def test_one_hot_along_a_mapped_axis() -> None:
    f = lambda x, i: nn.one_hot(x, 3, axis="i")
    got = axil.vmap(f, in_axes=(None, 0), axis_name="i")(np.array([2, 0]), np.arange(3))
    assert got.T.tolist() == nn.one_hot(np.array([2, 0]), 3).tolist()


# ---- attention -----------------------------------------------------------------------------------------


def _attention(q: onp.ndarray, k: onp.ndarray, v: onp.ndarray, allowed: onp.ndarray) -> onp.ndarray:
    """One batch element, in double precision, head by head."""
    heads, per = q.shape[1], q.shape[1] // k.shape[1]
    result = onp.zeros(q.shape)
    for h in range(heads):
        logits = q[:, h].astype(float) @ k[:, h // per].T.astype(float) / onp.sqrt(q.shape[2])
        logits = onp.where(allowed, logits, -onp.inf)
        weights = onp.exp(logits - logits.max(1, keepdims=True))
        result[:, h] = weights / weights.sum(1, keepdims=True) @ v[:, h // per]
    return result


@pytest.mark.parametrize("causal, window", [(False, None), (True, None), (False, (1, 2)), (True, (2, 0))])
def test_attention_of_grouped_queries(causal: bool, window: tuple | None) -> None:
    keys = random.split(random.key(0), 3)
    q, k, v = random.normal(keys[0], (2, 4, 6, 3)), *(random.normal(key, (2, 5, 2, 3)) for key in keys[1:])
    i, j = onp.arange(4)[:, None], onp.arange(5)[None]
    allowed = (i >= j if causal else True) & (
        (j >= i - window[0]) & (j <= i + window[1]) if window else onp.ones((4, 5), bool)
    )
    got = nn.dot_product_attention(q, k, v, is_causal=causal, local_window_size=window)
    wanted = [_attention(*map(onp.asarray, row), onp.broadcast_to(allowed, (4, 5))) for row in zip(q, k, v)]
    same(got, onp.stack(wanted), rtol=1e-5)


def test_attention_is_compiled_with_its_gradient() -> None:
    keys = random.split(random.key(1), 4)
    q, k, v = (random.normal(key, (2, 3, 2, 4)) for key in keys[:3])
    lengths = np.array([2, 3])

    def loss(q: axil.Array, k: axil.Array, v: axil.Array) -> axil.Array:
        return (nn.dot_product_attention(q, k, v, is_causal=True, key_value_seq_lengths=lengths) ** 2).sum()

    same(axil.jit(axil.grad(loss, (0, 1, 2)))(q, k, v), axil.grad(loss, (0, 1, 2))(q, k, v), rtol=1e-4, atol=1e-5)


def test_attention_says_what_does_not_fit() -> None:
    q = np.ones((1, 4, 3, 2))
    with error_here(ValueError, "multiple of that of key heads", "3 and 2"):
        nn.dot_product_attention(q, np.ones((1, 4, 2, 2)), np.ones((1, 4, 2, 2)))
    with error_here(ValueError, "value must have the shape [1, 4, 3, 2]"):
        nn.dot_product_attention(q, q, np.ones((1, 4, 3, 1)))
    with error_here(ValueError, "mask must be of bool"):
        nn.dot_product_attention(q, q, q, mask=np.ones((1, 1, 4, 4)))
    with error_here(ValueError, "implementation='cudnn'", "leave the argument out"):
        nn.dot_product_attention(q, q, q, implementation="cudnn")


# ---- block-scaled products -----------------------------------------------------------------------------


def _quantized(x: onp.ndarray, mode: str) -> onp.ndarray:
    """Rounding in blocks along the last axis, with the dtypes of ml_dtypes."""
    block, data = (32, ml_dtypes.float8_e4m3fn) if mode == "mxfp8" else (16, ml_dtypes.float4_e2m1fn)
    parts = x.reshape(*x.shape[:-1], -1, block)
    scale = onp.abs(parts).max(-1, keepdims=True) / float(ml_dtypes.finfo(data).max)
    if mode == "mxfp8":
        scale = 2.0 ** onp.ceil(onp.log2(scale))
    else:
        scale = scale.astype(ml_dtypes.float8_e4m3fn).astype(onp.float32)
    return ((parts / scale).astype(onp.float32).astype(data).astype(onp.float32) * scale).reshape(x.shape)


@pytest.mark.parametrize("mode", ["mxfp8", "nvfp4"])
def test_scaled_products_round_as_the_narrow_types_do(mode: str) -> None:
    x, y = (onp.asarray(random.normal(random.key(i), (5, 64))) * onp.float32(3) for i in range(2))
    configs = [nn.get_scaled_dot_general_config(mode)] * 3
    got = nn.scaled_dot_general(x, y, (((1,), (1,)), ((), ())), configs=configs)
    onp.testing.assert_allclose(got, _quantized(x, mode) @ _quantized(y, mode).T, rtol=1e-5, atol=1e-5)
    assert onp.abs(onp.asarray(got) - x @ y.T).max() > 1e-3  # it did round


def test_scaled_products_of_batches_and_their_gradients() -> None:
    x, y = random.normal(random.key(0), (2, 32, 64)), random.normal(random.key(1), (2, 64, 32))
    numbers = (((2,), (1,)), ((0,), (0,)))
    for mode, close in (("mxfp8", 0.1), ("nvfp4", 1e-4)):
        configs = [nn.get_scaled_dot_general_config(mode)] * 3
        f = lambda x, y, configs=configs: nn.scaled_dot_general(x, y, numbers, configs=configs)
        assert f(x, y).shape == (2, 32, 32)
        ct = random.normal(random.key(2), (2, 32, 32))
        got = axil.vjp(f, x, y)[1](ct)
        wanted = axil.vjp(lambda x, y: axil.lax.dot_general(x, y, numbers), x, y)[1](ct)
        for a, b in zip(got, wanted):  # quantization errors in one, none in the other
            assert onp.abs(onp.asarray(a) - onp.asarray(b)).max() <= close * onp.abs(onp.asarray(b)).max()


def test_scaled_matmul_multiplies_blocks_by_their_scales() -> None:
    a, b = random.normal(random.key(0), (2, 3, 8)), random.normal(random.key(1), (2, 5, 8))
    a_scales, b_scales = 2.0 ** np.arange(12).reshape(2, 3, 2), np.ones((2, 5, 2))
    wanted = onp.einsum("bmk,bnk->bmn", a * np.repeat(a_scales, 4, 2), b)
    same(nn.scaled_matmul(a, b, a_scales, b_scales), wanted)
    assert nn.scaled_matmul(a, b, a_scales, b_scales, np.float16).dtype == np.float16
    narrow = a.astype(ml_dtypes.float8_e4m3fn)
    scaled = onp.asarray(narrow).astype(float) * onp.repeat(onp.asarray(a_scales), 4, 2)
    same(nn.scaled_matmul(narrow, b, a_scales, b_scales), onp.einsum("bmk,bnk->bmn", scaled, b))


def test_blocks_must_fit() -> None:
    configs = [nn.get_scaled_dot_general_config("mxfp8")] * 3
    with error_here(ValueError, "blocks of 32", "size 40", "pad it"):
        nn.scaled_dot_general(np.ones((2, 40)), np.ones((40, 2)), (((1,), (0,)), ((), ())), configs=configs)


# ---- compiled ------------------------------------------------------------------------------------------


def test_compiled_is_as_eager() -> None:
    x = random.normal(random.key(5), (4, 6)) * 3

    def everything(x: axil.Array) -> list:
        some = [getattr(nn, name)(x) for name in ELEMENTWISE]
        mask = x > -1
        configs = [nn.get_scaled_dot_general_config("nvfp4")] * 3
        wide = np.tile(x, (1, 8))
        product = nn.scaled_dot_general(wide, wide, (((1,), (1,)), ((), ())), configs=configs)
        return [
            *some, nn.log1mexp(np.abs(x)), nn.glu(x), nn.softmax(x, where=mask), nn.log_softmax(x, axis=0), product,
            nn.logsumexp(x, axis=1), nn.logmeanexp(x), nn.standardize(x), nn.one_hot(np.round(x).astype(int), 3),
        ]  # fmt: skip

    same(axil.jit(everything)(x), everything(x), rtol=2e-5, atol=2e-5)


# ---- initializers --------------------------------------------------------------------------------------


def test_variance_scaling_has_the_variance() -> None:
    for distribution in ("normal", "truncated_normal", "uniform"):
        for dtype in (np.float32, np.complex64):
            init = nn.initializers.variance_scaling(2.0, "fan_in", distribution, dtype=dtype)
            drawn = onp.asarray(init(random.key(0), (200, 300)))
            assert drawn.dtype == dtype
            onp.testing.assert_allclose((onp.abs(drawn) ** 2).mean(), 2 / 200, rtol=0.02)


def test_initializers_under_jit() -> None:
    init = nn.initializers.glorot_uniform()
    same(axil.jit(lambda k: init(k, (3, 4)))(random.key(1)), init(random.key(1), (3, 4)), rtol=1e-5)


def test_initializer_errors() -> None:
    with error_here(ValueError, "1 dimensions has no inputs"):
        nn.initializers.glorot_normal()(random.key(0), (3,))
    with error_here(ValueError, "mode is one of fan_in"):
        nn.initializers.variance_scaling(1.0, "fan", "normal")(random.key(0), (3, 2))
    with error_here(ValueError, "out_sharding"):
        nn.initializers.zeros(random.key(0), (3,), out_sharding=1)
