"""Scaled dot-product attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.nn.normalization import logsumexp, softmax
from axil.numpy.values import Value, shape_error

F32 = np.dtype(np.float32)


def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, *, scale: float | None = None,
    is_causal: bool = False, query_seq_lengths: Any = None, key_value_seq_lengths: Any = None,
    local_window_size: int | tuple[int, int] | None = None, implementation: str | None = None,
    return_residual: bool = False,
) -> Any:  # fmt: skip
    """``softmax(scale * query @ key.T + bias) @ value``, of each batch element and head.

    Dimensions, by letters: batch B, query length T, key length S, heads N of the query and K of key and value, head
    size H. `query` is ``[B, T, N, H]``, `key` and `value` are ``[B, S, K, H]``; the batch dimension may be left out of
    all. N is a multiple of K: each key head serves N/K query heads (grouped-query attention, Ainslie et al. 2023).

    `bias` is added and `mask`, of booleans, applied to the logits ``[B, N, T, S]``, to which both broadcast. Positions
    are also masked by `is_causal` (no key later than the query), by `local_window_size` (keys at most so many before
    and after), and by `query_seq_lengths` and `key_value_seq_lengths`, ``i32[B]``, beyond which all is padding and the
    result 0. The scale is ``1 / sqrt(H)`` where none is given. Logits and softmax are computed in float32.

    With `return_residual`, a pair: the result, and the logsumexp of the logits, ``[B, T, N]``, without derivative.

    Vaswani et al., Attention is all you need (2017). Raises a `ShapeError` where shapes or dtypes do not fit.
    """
    if implementation not in (None, "xla"):
        raise shape_error(
            f"nn.dot_product_attention: implementation={implementation!r} is a library's kernel, which self-contained "
            "programs do not call",
            "leave the argument out: the function is compiled with what is around it",
        )
    shape = np.shape(query)
    query, key, value = (_as_4d(x) for x in (query, key, value))
    bias, mask = (None if x is None else _as_4d(x) for x in (bias, mask))
    lengths = [None if n is None else anp.asarray(n) for n in (query_seq_lengths, key_value_seq_lengths)]
    _check(query, key, value, bias, mask, *lengths)
    window = local_window_size
    if isinstance(window, int):
        window = (window, window)
    scale = 1 / math.sqrt(key.aval.shape[-1]) if scale is None else scale
    allowed = [_grouped(mask, key.aval.shape[2]), *_position_masks(query, key, is_causal, window, *lengths)]
    result, residual = _attend(query, key, value, bias, [m for m in allowed if m is not None], scale)
    if lengths[0] is not None:
        inside = _before(query.aval.shape[1], lengths[0])[:, :, None, None]
        result = result * inside.astype(result.aval.dtype)
    result = anp.reshape(result, shape)
    if not return_residual:
        return result
    return result, lax.stop_gradient(anp.reshape(residual().astype(key.aval.dtype), shape[:-1]))


def _attend(query: Value, key: Value, value: Value, bias: Any, masks: Sequence[Value], scale: Any) -> tuple[Value, Any]:
    """The result ``[B, T, N, H]``, and a function that gives the logsumexp ``[B, T, K, N/K]``."""
    batch, length, heads, size = query.aval.shape
    groups = key.aval.shape[2]
    query = anp.reshape(query, (batch, length, groups, heads // groups, size))
    dtype = dtypes.numpy_promote_types(query.aval.dtype, F32)
    logits = anp.einsum("BTKGH,BSKH->BKGTS", query, key, preferred_element_type=dtype)
    logits = logits * anp.asarray(scale, dtype=dtype)
    if bias is not None:
        logits = (logits + _grouped(bias, groups)).astype(dtype)
    if masks:
        allowed = masks[0]
        for mask in masks[1:]:
            allowed = anp.logical_and(allowed, mask)
        logits = anp.where(allowed, logits, _very_negative(dtype))
    logits = logits.astype(F32)
    weights = softmax(logits, axis=-1).astype(key.aval.dtype)
    result = anp.einsum("BKGTS,BSKH->BTKGH", weights, value)
    result = anp.reshape(result, (batch, length, heads, size))
    return result, lambda: anp.transpose(logsumexp(logits, axis=-1), (0, 3, 1, 2))


def _very_negative(dtype: np.dtype) -> np.ndarray:
    """A logit of masked positions: finite, so that where all are masked the result is a mean and not NaN."""
    largest = min(float(dtypes.finfo(dtype).max), float(np.finfo(np.float32).max))
    return np.asarray(-0.7 * largest, dtype)


# ---- masks, all of which broadcast to [B, K, N/K, T, S] ------------------------------------------------


def _grouped(x: Value | None, groups: int) -> Value | None:
    """``[B, N, T, S]`` with the heads of each group in a dimension of their own."""
    if x is None:
        return None
    batch, heads, queries, keys = x.aval.shape
    if heads == 1:
        return anp.reshape(x, (batch, 1, 1, queries, keys))
    return anp.reshape(x, (batch, groups, heads // groups, queries, keys))


def _position_masks(
    query: Value, key: Value, causal: bool, window: tuple[int, int] | None, query_lengths: Any, key_lengths: Any
) -> list[Value]:
    """What positions alone allow."""
    queries, keys = query.aval.shape[1], key.aval.shape[1]
    masks = []
    if causal or window is not None:
        at_query, at_key = anp.arange(queries)[:, None], anp.arange(keys)[None, :]
        if causal:
            masks.append(anp.greater_equal(at_query, at_key))
        if window is not None:
            before, after = window
            masks.append(anp.logical_and(at_query <= at_key + before, at_query >= at_key - after))
    if query_lengths is not None:
        masks.append(_before(queries, query_lengths)[:, None, None, :, None])
    if key_lengths is not None:
        masks.append(_before(keys, key_lengths)[:, None, None, None, :])
    return masks


def _before(size: int, lengths: Value) -> Value:
    """Which of `size` positions are before the length of each batch element."""
    return anp.less(anp.arange(size)[None, :], lengths[:, None])


# ---- arguments -----------------------------------------------------------------------------------------


def _as_4d(x: Any) -> Value:
    """An array with leading dimensions of size 1 up to four."""
    x = anp.asarray(x)
    missing = 4 - len(x.aval.shape)
    return anp.expand_dims(x, tuple(range(missing))) if missing > 0 else x


def _check(
    query: Value, key: Value, value: Value, bias: Any, mask: Any, query_lengths: Any, key_lengths: Any
) -> None:
    """Raise an error where shapes or dtypes do not fit together."""
    if len(key.aval.shape) != 4:
        raise shape_error(f"nn.dot_product_attention: key must be [batch, length, heads, size], got {key.aval}")
    batch, length, heads, size = key.aval.shape
    dtype = key.aval.dtype
    _check_one("value", value, (batch, length, heads, size), dtype)
    _check_one("query", query, (batch, -1, -1, size), dtype)
    _check_one("mask", mask, (-1,) * 4, np.dtype(bool))
    _check_one("bias", bias, (-1,) * 4, None)
    _check_one("query_seq_lengths", query_lengths, (batch,), np.dtype(np.int32))
    _check_one("key_value_seq_lengths", key_lengths, (batch,), np.dtype(np.int32))
    query_heads = query.aval.shape[2]
    if query_heads % heads:
        raise shape_error(
            "nn.dot_product_attention: the number of query heads must be a multiple of that of key heads, got "
            f"{query_heads} and {heads}"
        )
    for name, x in (("bias", bias), ("mask", mask)):
        if x is not None and x.aval.shape[1] not in (1, query_heads):
            raise shape_error(
                f"nn.dot_product_attention: {name} must have 1 or {query_heads} heads, got {x.aval}"
            )


def _check_one(name: str, x: Any, shape: tuple[int, ...], dtype: np.dtype | None) -> None:
    """Raise an error where an array has another shape, in which -1 stands for any size, or another dtype."""
    if x is None:
        return
    of = x.aval
    if len(of.shape) != len(shape) or any(n not in (-1, m) for n, m in zip(shape, of.shape)):
        wanted = "[" + ", ".join("any" if n == -1 else str(n) for n in shape) + "]"
        raise shape_error(f"nn.dot_product_attention: {name} must have the shape {wanted}, got {of}")
    if dtype is not None and of.dtype != dtype:
        raise shape_error(
            f"nn.dot_product_attention: {name} must be of {dtypes.short_name(dtype)}, got {of}",
            f"convert it: {name}.astype(...)",
        )
