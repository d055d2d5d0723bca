"""Errors that declarations raise: they say what is wrong with operands and attributes, in the user's terms.

The frontend adds the user's source line; passes add the location that the operation carries.
"""

from __future__ import annotations

from typing import Any


class ShapeError(TypeError, ValueError):
    """Operand shapes do not fit together, or do not fit an attribute."""


class DtypeError(TypeError):
    """An operand's dtype is not one that the operation takes."""


class AttributeValueError(ValueError):
    """An attribute is missing, of the wrong kind, or out of range."""


class DifferentiationError(TypeError, NotImplementedError):
    """A derivative was asked for that does not exist, such as reverse mode through `while`."""


class BatchingError(TypeError, NotImplementedError):
    """A batch was asked for of what cannot take one, such as a callback that does not say how."""


class DeclarationError(TypeError):
    """An op or combinator declaration is incomplete or contradicts itself."""


class EffectError(ValueError):
    """An operation with an effect is in a place where it cannot have it, such as a check in a compiled program."""


class CheckFailed(Exception):  # noqa: N818 - not yet an error for users: the frontend makes one of it
    """A check failed while it was evaluated. `failure` has NumPy arrays."""

    def __init__(self, failure: Any) -> None:
        super().__init__("a check failed")
        self.failure = failure
