"""Unit quaternions for rotations: arrays whose last dimension is (x, y, z, w), with the scalar part last.

Every function works on the last dimension (matrices: the last two) and maps over those before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import numpy as jnp
from axil.numpy.values import Value

_SMALL = 1e-3
"""Angles below which series replace quotients that become 0/0."""


def parts(q: Value) -> list[Value]:
    """The components along the last dimension."""
    return [q[..., i] for i in range(q.shape[-1])]


def norm(x: Value) -> Value:
    """The Euclidean length of vectors in the last dimension, which stays with size 1."""
    return jnp.sqrt(jnp.sum(x * x, axis=-1, keepdims=True))


def normalize(q: Value) -> Value:
    """The quaternion of length 1 in the same direction."""
    return q / norm(q)


def compose(p: Value, q: Value) -> Value:
    """The product: the rotation `q`, then `p`."""
    px, py, pz, pw = parts(p)
    qx, qy, qz, qw = parts(q)
    return jnp.stack(
        [
            pw * qx + qw * px + py * qz - pz * qy,
            pw * qy + qw * py + pz * qx - px * qz,
            pw * qz + qw * pz + px * qy - py * qx,
            pw * qw - px * qx - py * qy - pz * qz,
        ],
        axis=-1,
    )


def inverse(q: Value) -> Value:
    """The quaternion of the rotation back."""
    return q * jnp.array([-1, -1, -1, 1], dtype=q.dtype)


def magnitude(q: Value) -> Value:
    """The angle of rotation, from 0 to pi."""
    return 2.0 * jnp.arctan2(norm(q[..., :3])[..., 0], jnp.abs(q[..., 3]))


def canonical(q: Value) -> Value:
    """Of the two quaternions of a rotation the one whose scalar part, or first part that is not 0, is positive."""
    x, y, z, w = parts(q)
    negative, tied = jnp.asarray(False), jnp.asarray(True)
    for part in (w, x, y, z):
        negative = negative | (tied & (part < 0))
        tied = tied & (part == 0)
    return jnp.where(negative[..., None], -q, q)


def to_matrix(q: Value) -> Value:
    """Rotation matrices."""
    x, y, z, w = parts(q)
    rows = [
        [x * x - y * y - z * z + w * w, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), -x * x + y * y - z * z + w * w, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), -x * x - y * y + z * z + w * w],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(m: Value) -> Value:
    """The quaternions of rotation matrices.

    Each part can be found by dividing by any other; the largest is chosen. Source: Shepperd, "Quaternion from
    rotation matrix", J. Guidance and Control 1 (1978).
    """
    at = lambda i, j: m[..., i, j]
    trace = at(0, 0) + at(1, 1) + at(2, 2)
    candidates = []
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        quat: list[Any] = [None] * 4
        quat[i] = 1 - trace + 2 * at(i, i)
        quat[j] = at(j, i) + at(i, j)
        quat[k] = at(k, i) + at(i, k)
        quat[3] = at(k, j) - at(j, k)
        candidates.append(jnp.stack(quat, axis=-1))
    candidates.append(
        jnp.stack([at(2, 1) - at(1, 2), at(0, 2) - at(2, 0), at(1, 0) - at(0, 1), 1 + trace], axis=-1)
    )
    choice = jnp.argmax(jnp.stack([at(0, 0), at(1, 1), at(2, 2), trace], axis=-1), axis=-1)[..., None]
    result = candidates[3]
    for i in range(3):
        result = jnp.where(choice == i, candidates[i], result)
    return normalize(result)


def to_mrp(q: Value) -> Value:
    """Modified Rodrigues parameters: the axis times the tangent of a quarter of the angle."""
    sign = jnp.where(q[..., 3:] < 0, -1.0, 1.0)
    return sign * q[..., :3] / (1.0 + sign * q[..., 3:])


def from_mrp(mrp: Value) -> Value:
    """The quaternions of modified Rodrigues parameters."""
    square = jnp.sum(mrp * mrp, axis=-1, keepdims=True) + 1
    return jnp.concatenate([2 * mrp, 2 - square], axis=-1) / square


def to_rotvec(q: Value) -> Value:
    """Rotation vectors: the axis times the angle."""
    q = jnp.where(q[..., 3:] < 0, -q, q)
    angle = 2.0 * jnp.arctan2(norm(q[..., :3]), q[..., 3:])
    square = angle * angle
    series = 2 + square / 12 + 7 * square * square / 2880
    return jnp.where(angle <= _SMALL, series, angle / jnp.sin(angle / 2)) * q[..., :3]


def from_rotvec(rotvec: Value) -> Value:
    """The quaternions of rotation vectors."""
    angle = norm(rotvec)
    square = angle * angle
    series = 0.5 - square / 48 + square * square / 3840
    scale = jnp.where(angle <= _SMALL, series, jnp.sin(angle / 2) / angle)
    return jnp.concatenate([scale * rotvec, jnp.cos(angle / 2)], axis=-1)


def about(axis: int, angle: Value) -> Value:
    """The quaternions of rotations about a coordinate axis."""
    zero = jnp.zeros_like(angle)
    quat = [zero, zero, zero, jnp.cos(angle / 2.0)]
    quat[axis] = jnp.sin(angle / 2.0)
    return jnp.stack(quat, axis=-1)


def from_euler(axes: tuple[int, ...], angles: Value, intrinsic: bool) -> Value:
    """The quaternions of rotations about coordinate axes in turn: of the body (intrinsic) or of the world."""
    result = about(axes[0], angles[..., 0])
    for i, axis in enumerate(axes[1:], 1):
        step = about(axis, angles[..., i])
        result = compose(result, step) if intrinsic else compose(step, result)
    return result


def to_euler(q: Value, axes: tuple[int, int, int], extrinsic: bool) -> Value:
    """The three angles about coordinate axes, each from -pi to pi. Where two axes align, one angle is set to 0.

    Source: Bernardes and Viollet, "Quaternion to Euler angles conversion", PLoS ONE 17 (2022).
    """
    i, j, k = axes if extrinsic else axes[::-1]
    symmetric = i == k
    if symmetric:
        k = 3 - i - j
    sign = (i - j) * (j - k) * (k - i) // 2
    part = parts(q)
    w, signed = part[3], part[k] * sign
    a, b, c, d = (w, part[i], part[j], signed) if symmetric else (
        w - part[j], part[i] + signed, part[j] + w, signed - part[i]
    )  # fmt: skip
    middle = 2 * jnp.arctan2(jnp.hypot(c, d), jnp.hypot(a, b))
    at_zero, at_pi = jnp.abs(middle) <= 1e-7, jnp.abs(middle - np.pi) <= 1e-7
    half_sum, half_difference = jnp.arctan2(b, a), jnp.arctan2(d, c)
    alone = jnp.where(at_zero, 2 * half_sum, 2 * half_difference * (-1 if extrinsic else 1))
    aligned = at_zero | at_pi
    low, high = half_sum - half_difference, half_sum + half_difference
    zero = jnp.zeros_like(middle)
    if extrinsic:
        first, third = jnp.where(aligned, alone, low), jnp.where(aligned, zero, high)
    else:
        first, third = jnp.where(aligned, alone, high), jnp.where(aligned, zero, low)
    if not symmetric:
        middle = middle - np.pi / 2
        first, third = (first, third * sign) if extrinsic else (first * sign, third)
    angles = jnp.stack([first, middle, third], axis=-1)
    return (angles + np.pi) % (2 * np.pi) - np.pi
