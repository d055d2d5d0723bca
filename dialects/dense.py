"""NumPy arrays to and from MLIR's dense elements attributes, for every dtype that the dialect has.

MLIR's bindings read and write the buffer of the common dtypes; for the others (bfloat16, float8, int4, complex)
they take a buffer of raw bits but give none back, so those are read from the printed form.
"""

from __future__ import annotations

import re

import numpy as np
from torch_mlir import ir

from axil.dialects.avals import SMALL_TYPES, Aval

_RAW = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64, 16: np.complex128}


_EXACT = frozenset(map(np.dtype, ("float32", "float64", "int32", "int64")))
"""Types whose numbers MLIR's scalar attributes hold as Python's numbers; they are read and made fastest so."""


def to_attribute(array: np.ndarray, type_: ir.Type) -> ir.DenseElementsAttr:
    """The attribute that holds `array`; `type_` is its tensor type. All-equal arrays are stored as a splat."""
    context = type_.context
    if not array.size:
        return ir.Attribute.parse(f"dense<> : {type_}", context)
    if array.dtype.kind == "b":
        if array.all() or not array.any():
            return ir.DenseElementsAttr.get_splat(type_, ir.BoolAttr.get(bool(array.flat[0]), context))
        flags = [ir.BoolAttr.get(bool(v), context) for v in array.flat]
        with ir.Location.unknown(context):
            return ir.DenseElementsAttr.get(flags, type_)
    array = np.asarray(array, order="C")
    if array.dtype.kind not in "fiu" or array.dtype in SMALL_TYPES:
        array = array.view(_RAW[array.dtype.itemsize])
    with ir.Location.unknown(context):
        return ir.DenseElementsAttr.get(array, type=type_)


def to_array(attribute: ir.DenseElementsAttr, target: Aval) -> np.ndarray:
    """The array that `attribute` holds; `target` is the aval of its type."""
    if target.size == 0:
        return np.zeros(target.shape, target.dtype)
    if target.dtype.kind in "fiub" and target.dtype not in SMALL_TYPES:
        if target.shape and attribute.is_splat:
            return np.broadcast_to(_element(attribute, target), target.shape)
        array = np.array(attribute)
        if array.dtype != object:
            return array.astype(target.dtype, copy=False).reshape(target.shape)
    return _from_text(str(attribute), target)


def splat(scalar: np.ndarray, type_: ir.Type, context: ir.Context) -> ir.DenseElementsAttr:
    """The attribute of a tensor type whose elements are all `scalar`, without an array of its size."""
    element = ir.RankedTensorType(type_).element_type
    if scalar.dtype in _EXACT and scalar == scalar:
        if scalar.dtype.kind == "f":
            number = ir.FloatAttr.get(element, float(scalar), loc=ir.Location.unknown(context))
        else:
            number = ir.IntegerAttr.get(element, int(scalar))
        return ir.DenseElementsAttr.get_splat(type_, number)
    text = str(to_attribute(scalar, ir.RankedTensorType.get([], element, loc=ir.Location.unknown(context))))
    return ir.Attribute.parse(f"{text[: text.rindex(' : ')]} : {type_}", context)


def _element(attribute: ir.DenseElementsAttr, target: Aval) -> np.ndarray:
    """The element of a splat."""
    if target.dtype in _EXACT:
        value = attribute.get_splat_value().value
        if value == value:  # what a NaN carries would be lost
            return np.asarray(value, target.dtype)
    return np.asarray(np.asarray(attribute)[(0,) * target.ndim], target.dtype)


def array_of_text(text: str, target: Aval) -> np.ndarray:
    """The array in the printed form of a constant operation; `target` is the aval of its type."""
    return np.zeros(target.shape, target.dtype) if not target.size else _from_text(text[text.index("dense<") :], target)


def _from_text(text: str, target: Aval) -> np.ndarray:
    body = text[len("dense<") : text.rindex("> :")]
    if body.startswith('"0x'):
        flat = np.frombuffer(bytes.fromhex(body[3:-1]), target.dtype)
    elif target.dtype.kind == "c":
        part = np.dtype(np.float32 if target.dtype.itemsize == 8 else np.float64)
        pairs = re.findall(r"\(([^,()]+),([^,()]+)\)", body)
        flat = np.array([complex(*(_number(n, part) for n in pair)) for pair in pairs]).astype(target.dtype)
    else:
        flat = np.array([_number(n, target.dtype) for n in re.findall(r"[^\[\],\s]+", body)]).astype(target.dtype)
    return np.broadcast_to(flat.reshape(()), target.shape) if flat.size == 1 else flat.reshape(target.shape)


def _number(text: str, dtype: np.dtype) -> float:
    """A printed element; MLIR prints the bits of NaN, infinity and whatever decimal digits cannot tell."""
    if text.startswith("0x"):
        return float(np.array([int(text, 16)], _RAW[dtype.itemsize]).view(dtype)[0])
    return float(text)
