"""`axil.scipy.spatial`: rotations, in `transform`."""

from axil.scipy.spatial import transform

__all__ = ["transform"]
