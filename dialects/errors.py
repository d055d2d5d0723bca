"""Errors that declarations raise: they say what is wrong with operands and attributes, in the user's terms.

The frontend adds the user's source line; passes add the location that the operation carries.
"""

from __future__ import annotations


class ShapeError(TypeError, ValueError):
    """Operand shapes do not fit together, or do not fit an attribute."""


class DtypeError(TypeError):
    """An operand's dtype is not one that the operation takes."""


class AttributeValueError(ValueError):
    """An attribute is missing, of the wrong kind, or out of range."""


class DifferentiationError(TypeError, NotImplementedError):
    """A derivative was asked for that does not exist, such as reverse mode through `while`."""


class DeclarationError(TypeError):
    """An op or combinator declaration is incomplete or contradicts itself."""
