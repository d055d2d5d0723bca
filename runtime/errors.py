"""The errors of Axil. `AxilError` is the root of all of them, on every floor.

An error for a user says what happened, where, and the way out. Each class also derives from the built-in
exception a NumPy user would expect, so that `except TypeError` keeps working.
"""

from __future__ import annotations


class AxilError(Exception):
    """Root of every error that Axil raises on purpose."""


class ArtifactError(AxilError, ValueError):
    """An `.axil` file is corrupt, truncated, or not an Axil artifact at all."""


class IncompatibleArtifactError(AxilError, RuntimeError):
    """An intact artifact holds no program for this machine: other CPU features, architecture or device."""


class SignatureError(AxilError, TypeError):
    """A call whose arguments differ from the signature in tree, arity, shape or dtype."""


class DeviceError(AxilError, RuntimeError):
    """A device is missing, unusable in this process, or failed while running a program."""


class OutOfMemoryError(DeviceError, MemoryError):
    """A program, or an array, needs more memory than the device has left."""
