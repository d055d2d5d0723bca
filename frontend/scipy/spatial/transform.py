"""`axil.scipy.spatial.transform`: rotations in three dimensions, and interpolation between them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from axil import numpy as jnp
from axil.numpy.values import Value, reweaken, shape_error, type_error
from axil.scipy.spatial import quaternions


class Rotation(NamedTuple):
    """A rotation, or a sequence of them, as unit quaternions `(..., 4)` with the scalar part last.

    It is a tree with one leaf, `quat`: functions of rotations are differentiated, batched and compiled like any other.
    """

    quat: Any

    @classmethod
    def concatenate(cls, rotations: Sequence[Rotation]) -> Rotation:
        """One sequence of several."""
        return cls(jnp.concatenate([rotation.quat for rotation in rotations]))

    @classmethod
    def from_euler(cls, seq: str, angles: Any, degrees: bool = False) -> Rotation:
        """From angles about one to three axes in turn: "xyz" are those of the world, "XYZ" those of the body."""
        axes, intrinsic = _axes(seq, range(1, 4))
        angles = reweaken(jnp.atleast_1d(angles), False)
        if angles.shape[-1] != len(axes):
            raise shape_error(f"Rotation.from_euler: {seq!r} takes {len(axes)} angles, got {angles.aval}")
        angles = jnp.deg2rad(angles) if degrees else angles
        return cls(quaternions.from_euler(axes, angles, intrinsic))

    @classmethod
    def from_matrix(cls, matrix: Any) -> Rotation:
        """From rotation matrices."""
        return cls(quaternions.from_matrix(jnp.asarray(matrix)))

    @classmethod
    def from_mrp(cls, mrp: Any) -> Rotation:
        """From modified Rodrigues parameters."""
        return cls(quaternions.from_mrp(jnp.asarray(mrp)))

    @classmethod
    def from_quat(cls, quat: Any) -> Rotation:
        """From quaternions of any length."""
        return cls(quaternions.normalize(jnp.asarray(quat)))

    @classmethod
    def from_rotvec(cls, rotvec: Any, degrees: bool = False) -> Rotation:
        """From rotation vectors, whose length is the angle."""
        rotvec = jnp.asarray(rotvec)
        return cls(quaternions.from_rotvec(jnp.deg2rad(rotvec) if degrees else rotvec))

    @classmethod
    def identity(cls, num: int | None = None, dtype: Any = float) -> Rotation:
        """The rotation that changes nothing, or a sequence of `num` of them."""
        quat = jnp.array([0.0, 0.0, 0.0, 1.0], dtype=dtype)
        return cls(quat if num is None else jnp.tile(quat, (num, 1)))

    @classmethod
    def random(cls, random_key: Any, num: int | None = None) -> Rotation:
        """Uniformly distributed: the direction of a normally distributed quaternion. JAX has the name alone."""
        from axil import random

        return cls.from_quat(random.normal(random_key, (4,) if num is None else (num, 4)))

    def __getitem__(self, indexer: Any) -> Rotation:  # type: ignore[override]
        if self.single:
            raise type_error("Single rotation is not subscriptable.")
        return Rotation(self.quat[indexer])

    def __len__(self) -> int:
        if self.single:
            raise type_error("Single rotation has no len().")
        return self.quat.shape[0]

    def __mul__(self, other: Rotation) -> Rotation:  # type: ignore[override]
        """The rotation `other`, then this one."""
        return Rotation.from_quat(quaternions.compose(self.quat, other.quat))

    def apply(self, vectors: Any, inverse: bool = False) -> Value:
        """Rotated vectors; rotations and vectors broadcast against each other."""
        matrix = self.as_matrix()
        matrix = jnp.matrix_transpose(matrix) if inverse else matrix
        return (matrix @ jnp.asarray(vectors)[..., None])[..., 0]

    def as_euler(self, seq: str, degrees: bool = False) -> Value:
        """The angles about three axes in turn, named as in `from_euler`."""
        axes, intrinsic = _axes(seq, (3,))
        angles = quaternions.to_euler(self.quat, axes, not intrinsic)  # type: ignore[arg-type]
        return jnp.rad2deg(angles) if degrees else angles

    def as_matrix(self) -> Value:
        """Rotation matrices."""
        return quaternions.to_matrix(self.quat)

    def as_mrp(self) -> Value:
        """Modified Rodrigues parameters."""
        return quaternions.to_mrp(self.quat)

    def as_rotvec(self, degrees: bool = False) -> Value:
        """Rotation vectors."""
        rotvec = quaternions.to_rotvec(self.quat)
        return jnp.rad2deg(rotvec) if degrees else rotvec

    def as_quat(self, canonical: bool = False, scalar_first: bool = False) -> Value:
        """Quaternions; `canonical` are those with positive scalar part."""
        quat = quaternions.canonical(self.quat) if canonical else self.quat
        return jnp.roll(quat, shift=1, axis=-1) if scalar_first else quat

    def inv(self) -> Rotation:
        """The rotation back."""
        return Rotation(quaternions.inverse(self.quat))

    def magnitude(self) -> Value:
        """The angle of rotation, from 0 to pi."""
        return quaternions.magnitude(self.quat)

    def mean(self, weights: Any = None) -> Rotation:
        """The rotation with the least sum of squared distances, which may be weighted, to those of the sequence.

        Source: Markley et al., "Averaging quaternions", J. Guidance, Control, and Dynamics 30 (2007).
        """
        quat = self.quat
        weights = jnp.ones(quat.shape[0], quat.dtype) if weights is None else jnp.asarray(weights, dtype=quat.dtype)
        if weights.shape != quat.shape[:1]:
            raise shape_error(f"Rotation.mean: weights must have shape {quat.shape[:1]}, got {weights.shape}")
        _, vectors = jnp.linalg.eigh((weights * quat.T) @ quat)
        return Rotation(vectors[:, -1])

    @property
    def single(self) -> bool:
        """Whether it is one rotation, not a sequence."""
        return self.quat.ndim == 1


def _axes(seq: str, lengths: Sequence[int]) -> tuple[tuple[int, ...], bool]:
    """Axes by number, and whether they are the body's."""
    if len(seq) not in lengths:
        wanted = "3 axes" if len(lengths) == 1 else "axis specification to be a non-empty string of upto 3 characters"
        raise shape_error(f"Expected {wanted}, got {seq}")
    intrinsic = re.fullmatch("[XYZ]+", seq) is not None
    if not intrinsic and re.fullmatch("[xyz]+", seq) is None:
        raise shape_error(f"Expected axes from `seq` to be from ['x', 'y', 'z'] or ['X', 'Y', 'Z'], got {seq}")
    if any(a == b for a, b in zip(seq, seq[1:])):
        raise shape_error(f"Expected consecutive axes to be different, got {seq}")
    return tuple("xyz".index(c) for c in seq.lower()), intrinsic


class Slerp(NamedTuple):
    """Spherical linear interpolation between rotations at given times; made by `Slerp.init(times, rotations)`."""

    times: Any
    timedelta: Any
    rotations: Rotation
    rotvecs: Any

    @classmethod
    def init(cls, times: Any, rotations: Rotation) -> Slerp:
        """Prepare the interpolation of at least two rotations at increasing times."""
        if not isinstance(rotations, Rotation):
            raise type_error("`rotations` must be a `Rotation` instance.")
        if rotations.single or len(rotations) == 1:
            raise shape_error("`rotations` must be a sequence of at least 2 rotations.")
        times = jnp.asarray(times, dtype=rotations.quat.dtype)
        if times.shape != (len(rotations),):
            raise shape_error(f"Slerp: {len(rotations)} rotations need as many times in a vector, got {times.shape}")
        start, end = Rotation(rotations.quat[:-1]), Rotation(rotations.quat[1:])
        return cls(times, jnp.diff(times), start, (start.inv() * end).as_rotvec())

    def __call__(self, times: Any) -> Rotation:
        """The rotations at a time, or at times in one dimension."""
        times = jnp.asarray(times, dtype=self.times.dtype)
        if times.ndim > 1:
            raise shape_error("`times` must be at most 1-dimensional.")
        at = jnp.maximum(jnp.searchsorted(self.times, times) - 1, 0)
        part = (times - self.times[at]) / self.timedelta[at]
        start = Rotation(self.rotations.quat[at])
        return start * Rotation.from_rotvec(self.rotvecs[at] * part[..., None])


__all__ = ["Rotation", "Slerp"]
