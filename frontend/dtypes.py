"""Data types: which there are, what a value's type is, and how types promote.

The rules are JAX's. They differ from NumPy's in three ways: 64-bit types are narrowed to 32 bits unless
``config.enable_x64``; Python scalars are *weakly* typed, so ``f16_array + 1.0`` stays f16; and promotion is
the least upper bound on one lattice

    bool -> int* -> u8, i8      u8 -> u16 -> u32 -> u64 -> float*      i8 -> i16 -> i32 -> i64 -> float*
    float* -> bf16, f16, complex*       bf16, f16 -> f32 -> f64        complex* -> c64 -> c128
    u8 -> i16    u16 -> i32    u32 -> i64 (i32 when 64-bit types are off)    f32 -> c64    f64 -> c128

where a star marks the weak types. Types of fewer than 8 bits and 8-bit floats promote only with weak types of
their kind. Everything here works on `numpy.dtype` objects (ml_dtypes provides those NumPy lacks) and is
memoised: promotion sits on the path of every eager operation.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from axil.config import config
from axil.runtime.errors import AxilError

# --- the types

bool_ = np.bool_
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
float16, float32, float64 = np.float16, np.float32, np.float64
complex64, complex128 = np.complex64, np.complex128

bfloat16 = ml_dtypes.bfloat16
int1, int2, int4 = ml_dtypes.int1, ml_dtypes.int2, ml_dtypes.int4
uint1, uint2, uint4 = ml_dtypes.uint1, ml_dtypes.uint2, ml_dtypes.uint4
float4_e2m1fn = ml_dtypes.float4_e2m1fn
float6_e2m3fn, float6_e3m2fn = ml_dtypes.float6_e2m3fn, ml_dtypes.float6_e3m2fn
float8_e3m4, float8_e4m3, float8_e8m0fnu = (
    ml_dtypes.float8_e3m4,
    ml_dtypes.float8_e4m3,
    ml_dtypes.float8_e8m0fnu,
)
float8_e4m3fn, float8_e4m3fnuz = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz
float8_e4m3b11fnuz = ml_dtypes.float8_e4m3b11fnuz
float8_e5m2, float8_e5m2fnuz = ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz

float0 = np.dtype([("float0", np.void, 0)])
"""The type of tangents of integer and boolean values: the trivial vector space."""

_BOOL = np.dtype(bool)
_SMALL_FLOATS = [
    np.dtype(t)
    for t in (
        float4_e2m1fn,
        ml_dtypes.float6_e2m3fn,
        ml_dtypes.float6_e3m2fn,
        float8_e3m4,
        float8_e4m3,
        float8_e8m0fnu,
        float8_e4m3b11fnuz,
        float8_e4m3fn,
        float8_e4m3fnuz,
        float8_e5m2,
        float8_e5m2fnuz,
    )
]
_CUSTOM_FLOATS = [*_SMALL_FLOATS, np.dtype(bfloat16)]
_SMALL_UNSIGNED = [
    np.dtype(getattr(ml_dtypes, n)) for n in ("uint1", "uint2", "uint4") if hasattr(ml_dtypes, n)
]
_SMALL_SIGNED = [np.dtype(getattr(ml_dtypes, n)) for n in ("int1", "int2", "int4") if hasattr(ml_dtypes, n)]

unsigned_dtypes = [*_SMALL_UNSIGNED, *map(np.dtype, (uint8, uint16, uint32, uint64))]
signed_dtypes = [*_SMALL_SIGNED, *map(np.dtype, (int8, int16, int32, int64))]
float_dtypes = [*_CUSTOM_FLOATS, *map(np.dtype, (float16, float32, float64))]
complex_dtypes = [np.dtype(complex64), np.dtype(complex128)]
all_dtypes = [_BOOL, *unsigned_dtypes, *signed_dtypes, *float_dtypes, *complex_dtypes]
"""Every element type an array may have, in promotion order within its kind."""

_VALID = frozenset([*all_dtypes, float0])
_CUSTOM_KIND = (
    {d: "f" for d in _CUSTOM_FLOATS} | {d: "u" for d in _SMALL_UNSIGNED} | {d: "i" for d in _SMALL_SIGNED}
)


class TypePromotionError(AxilError, ValueError):
    """Two types have no implicit promotion path; cast one of them with ``.astype(...)``."""


class extended(np.generic):  # noqa: N801 - JAX's name
    """Abstract class of element types that are not NumPy's, such as PRNG keys; for `issubdtype` only."""


class prng_key(extended):  # noqa: N801 - JAX's name
    """Abstract class of PRNG key types; for `issubdtype` only."""


class ExtendedDType:
    """Base of dtype objects that are not NumPy's. `type` is a subclass of `extended`."""

    type: type = extended

    def struct(self, shape: Sequence[int], weak_type: bool = False) -> Any:
        """What `ShapeDtypeStruct(shape, self)` is."""
        raise TypeError(f"there is no ShapeDtypeStruct of {self!r}")


def kind_of(dtype: np.dtype) -> str:
    """``'b'``, ``'i'``, ``'u'``, ``'f'`` or ``'c'``; unlike ``dtype.kind`` right for ml_dtypes too."""
    return _CUSTOM_KIND.get(dtype) or dtype.kind


# --- 32 or 64 bits

_NARROW: dict[Any, Any] = {
    np.dtype(a): np.dtype(b)
    for a, b in (
        ("int64", "int32"),
        ("uint64", "uint32"),
        ("float64", "float32"),
        ("complex128", "complex64"),
    )
}

_DEFAULT: dict[str, np.dtype] = {
    "b": _BOOL,
    "i": np.dtype(int64),
    "u": np.dtype(uint64),
    "f": np.dtype(float64),
    "c": np.dtype(complex128),
}
_PYTHON_KIND = {bool: "b", int: "i", float: "f", complex: "c"}
# Indexed by enable_x64, so that the hot paths do one subscript instead of a canonicalisation.
_PYTHON_DTYPE = tuple(
    {t: _DEFAULT[k] if x64 else _NARROW.get(_DEFAULT[k], _DEFAULT[k]) for t, k in _PYTHON_KIND.items()}
    for x64 in (False, True)
)


_PYTHON_WEAK = frozenset([int, float, complex])
_PYTHON_OR_NUMPY = (np.ndarray, np.generic, int, float, complex)
_NUMPY_VALUES = (np.ndarray, np.generic)
# Every valid dtype to its canonical form, so that one look-up both checks and narrows.
_ARRAY_DTYPE = tuple({d: d if x64 else _NARROW.get(d, d) for d in _VALID} for x64 in (False, True))


def canonicalize_dtype(dtype: Any, allow_extended_dtype: bool = False) -> Any:
    """The dtype as an array would hold it: 64-bit types become 32-bit ones unless ``config.enable_x64``."""
    if isinstance(dtype, ExtendedDType):
        if allow_extended_dtype:
            return dtype
        raise ValueError(f"extended dtype {dtype} is not allowed here")
    if type(dtype) is not np.dtype and not isinstance(dtype, np.dtype):
        try:
            dtype = np.dtype(dtype)
        except TypeError as error:
            raise TypeError(f"dtype {dtype!r} not understood") from error
    return dtype if config.enable_x64 else _NARROW.get(dtype, dtype)


def default_dtype(kind: str) -> np.dtype:
    """The default type of a kind ``'b' 'i' 'u' 'f' 'c'`` at the present width."""
    dtype = _DEFAULT[kind]
    return dtype if config.enable_x64 else _NARROW.get(dtype, dtype)


def default_int_dtype() -> np.dtype:
    """int32, or int64 under ``enable_x64``."""
    return default_dtype("i")


def default_uint_dtype() -> np.dtype:
    """uint32, or uint64 under ``enable_x64``."""
    return default_dtype("u")


def default_float_dtype() -> np.dtype:
    """float32, or float64 under ``enable_x64``."""
    return default_dtype("f")


def default_complex_dtype() -> np.dtype:
    """complex64, or complex128 under ``enable_x64``."""
    return default_dtype("c")


def check_user_dtype(dtype: Any, where: str = "", stacklevel: int = 3) -> Any:
    """Canonicalises a ``dtype=`` argument; warns when that narrows what the user spelled out.

    Python's own ``int``, ``float``, ``complex`` and ``bool`` mean the default type and never warn.
    """
    suffix = f" in {where}" if where else ""
    if isinstance(dtype, ExtendedDType):
        return dtype
    if isinstance(dtype, type) and dtype in _PYTHON_KIND:
        return _PYTHON_DTYPE[config.enable_x64][dtype]
    if dtype is None or hasattr(dtype, "shape") and not isinstance(dtype, (type, np.dtype)):
        raise TypeError(
            f"dtype must be a dtype, not {type(dtype).__name__}{suffix}; "
            "pass dtype=array.dtype instead of an array"
        )
    wanted = np.dtype(dtype)
    if wanted not in _VALID:
        raise TypeError(f"arrays hold numbers and booleans; got dtype {wanted}{suffix}")
    got = canonicalize_dtype(wanted)
    if got != wanted:
        warnings.warn(
            f"dtype {wanted}{suffix} is not available and is narrowed to {got}. To keep "
            "64-bit types, call axil.config.update('enable_x64', True) at start-up or set AXIL_ENABLE_X64=1.",
            stacklevel=stacklevel,
        )
    return got


# --- the type of a value


def dtype_of(x: Any) -> Any:
    """The dtype of a value: a Python scalar, a NumPy scalar or array, or one of our arrays or tracers.

    Python and NumPy values are canonicalised; objects with a `weak_type` are ours and are taken as they are.
    """
    dtype = _PYTHON_DTYPE[config.enable_x64].get(type(x))
    if dtype is not None:
        return dtype
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype):
        if not isinstance(x, _NUMPY_VALUES) and hasattr(x, "weak_type"):
            return dtype
        found = _ARRAY_DTYPE[config.enable_x64].get(dtype)
        if found is None:
            raise TypeError(f"arrays hold numbers and booleans; got a {type(x).__name__} of dtype {dtype}")
        return found
    if isinstance(dtype, ExtendedDType):
        return dtype
    for scalar in (bool, int, float, complex):  # subclasses: IntEnum and the like
        if isinstance(x, scalar):
            return _PYTHON_DTYPE[config.enable_x64][scalar]
    raise TypeError(
        f"a {type(x).__name__} is not an array or a number; convert it with axil.numpy.asarray first"
    )


def is_weak(x: Any) -> bool:
    """Whether a value is weakly typed: Python's int, float and complex (not bool), and arrays that say so."""
    if type(x) in _PYTHON_WEAK:
        return True
    return not isinstance(x, _NUMPY_VALUES) and bool(getattr(x, "weak_type", False))


def dtype_and_weak(x: Any) -> tuple[Any, bool]:
    """``(dtype_of(x), is_weak(x))`` in one step, also for a type or dtype standing for a value.

    As in JAX, ``int``, ``float`` and ``complex`` themselves stand for weakly typed scalars, strings and NumPy
    types for strongly typed values, and None for the default float.
    """
    if isinstance(x, _PYTHON_OR_NUMPY):
        return dtype_of(x), type(x) in _PYTHON_WEAK
    if x is None:
        return default_float_dtype(), False
    if isinstance(x, type) and x in _PYTHON_KIND:
        return _PYTHON_DTYPE[config.enable_x64][x], x is not bool
    if isinstance(x, (str, np.dtype, ExtendedDType)) or isinstance(x, type) and issubclass(x, np.generic):
        dtype = canonicalize_dtype(x, allow_extended_dtype=True)
        if isinstance(dtype, np.dtype) and dtype not in _VALID:
            raise TypeError(f"arrays hold numbers and booleans; got dtype {dtype}")
        return dtype, False
    return dtype_of(x), is_weak(x)


def scalar_type_of(x: Any) -> type:
    """Python's scalar type (bool, int, float or complex) for a value's dtype."""
    kind = kind_of(dtype_and_weak(x)[0])
    return {"b": bool, "i": int, "u": int, "f": float, "c": complex}[kind]


def as_numpy(x: Any, dtype: Any = None) -> np.ndarray:
    """A Python scalar or NumPy value as an `ndarray` of its canonical dtype.

    A Python integer that does not fit raises OverflowError instead of wrapping around.
    """
    if dtype is None:
        dtype = dtype_of(x)
    try:
        return np.asarray(x, dtype)
    except OverflowError:
        raise OverflowError(
            f"the Python integer {x} does not fit in {np.dtype(dtype)}; pass a float, or "
            "enable 64-bit types with axil.config.update('enable_x64', True)"
        ) from None


# --- the lattice

_WEAK_SCALAR = {"i": int, "u": int, "f": float, "c": complex}
_WEAK_TYPES = (int, float, complex)
_WEAK_RESULT = {int: np.dtype(int64), float: np.dtype(float64), complex: np.dtype(complex128)}


def _lattice(x64: bool) -> dict[Any, list[Any]]:
    """Each node's immediate successors. Nodes are dtypes, and int, float, complex for the weak types."""
    d = np.dtype
    edges: dict[Any, list[Any]] = {node: [] for node in all_dtypes}
    edges |= {
        _BOOL: [int],
        int: [d(uint8), d(int8), *_SMALL_UNSIGNED, *_SMALL_SIGNED],
        d(uint8): [d(int16), d(uint16)],
        d(uint16): [d(int32), d(uint32)],
        # With 64-bit types off, u32 with a signed type stays at 32 bits.
        d(uint32): [d(int64) if x64 else d(int32), d(uint64)],
        d(uint64): [float],
        d(int8): [d(int16)],
        d(int16): [d(int32)],
        d(int32): [d(int64)],
        d(int64): [float],
        float: [*_SMALL_FLOATS, d(bfloat16), d(float16), complex],
        d(bfloat16): [d(float32)],
        d(float16): [d(float32)],
        d(float32): [d(float64), d(complex64)],
        d(float64): [d(complex128)],
        complex: [d(complex64)],
        d(complex64): [d(complex128)],
    }
    return edges


def _strict_lattice() -> dict[Any, list[Any]]:
    """The lattice of the option `numpy_dtype_promotion="strict"`: weak types alone are promoted."""
    edges: dict[Any, list[Any]] = {node: [] for node in all_dtypes}
    kinds = {kind: [d for d in all_dtypes if kind_of(d) in kind] for kind in ("iu", "f", "c")}
    return edges | {int: [float, *kinds["iu"]], float: [complex, *kinds["f"]], complex: kinds["c"]}


@functools.cache
def _upper_bounds(x64: bool, strict: bool = False) -> dict[Any, frozenset[Any]]:
    """Every node's set of upper bounds, itself among them."""
    edges, bounds = _strict_lattice() if strict else _lattice(x64), {}

    def visit(node: Any) -> frozenset[Any]:
        if node not in bounds:
            bounds[node] = frozenset([node]).union(*(visit(up) for up in edges[node]))
        return bounds[node]

    for node in edges:
        visit(node)
    return bounds


@functools.lru_cache(4096)
def _least_upper_bound(x64: bool, nodes: frozenset[Any], strict: bool = False) -> Any:
    """The least node above all of `nodes`, which is unique where it exists."""
    bounds = _upper_bounds(x64, strict)
    for node in nodes:
        if node not in bounds:
            raise TypePromotionError(f"dtype {node} takes no part in type promotion")
    common = frozenset.intersection(*(bounds[n] for n in nodes))
    least = [n for n in common if common <= bounds[n]]
    if len(least) != 1:
        raise TypePromotionError(_no_path(nodes, strict))
    return least[0]


def _no_path(nodes: frozenset[Any], strict: bool = False) -> str:
    names = sorted(n.__name__ if isinstance(n, type) else n.name for n in nodes)
    if strict:
        why = "The option numpy_dtype_promotion is 'strict', under which Python numbers alone are promoted"
    elif any(n in _SMALL_FLOATS for n in nodes):
        why = "Floats of 8 bits and fewer do not promote implicitly, to avoid unintended widening"
    elif any(n in _CUSTOM_KIND and n not in _CUSTOM_FLOATS for n in nodes):
        why = "Integers of fewer than 8 bits do not promote implicitly"
    else:
        why = "The promotion lattice has no type above them"
    return (
        f"dtypes {' and '.join(names)} have no implicit promotion path. {why}; cast one explicitly, "
        "for example with x.astype('float32')"
    )


def _node(dtype: np.dtype, weak: bool) -> Any:
    return _WEAK_SCALAR.get(kind_of(dtype), dtype) if weak else dtype


_promoted: dict[Any, tuple[np.dtype, bool]] = {}


def promote_types(a: np.dtype, a_weak: bool, b: np.dtype, b_weak: bool) -> tuple[np.dtype, bool]:
    """The dtype and weakness of an operation on two values of the given dtypes. Memoised."""
    key = (config.trace_key, a, a_weak, b, b_weak)
    found = _promoted.get(key)
    if found is None:
        found = _promoted[key] = _promote(((a, a_weak), (b, b_weak)))
    return found


def _promote(pairs: tuple[tuple[Any, bool], ...]) -> tuple[Any, bool]:
    """Promotion of any number of (dtype, weak) pairs."""
    dtypes = frozenset(d for d, _ in pairs)
    all_weak = all(w for _, w in pairs)
    if len(dtypes) == 1:  # also lets extended dtypes through
        dtype = next(iter(dtypes))
        return dtype, all_weak and dtype != _BOOL
    if all_weak:
        # The bound of the strong counterparts, made weak: exact for weak types of unusual width too.
        nodes, weak = dtypes, True
    else:
        nodes, weak = frozenset(_node(d, w) for d, w in pairs), False
    result = _least_upper_bound(config.enable_x64, nodes, not all_weak and config.numpy_dtype_promotion == "strict")
    if isinstance(result, type):  # by kind: numpy says dtype('int64') == int
        result, weak = _WEAK_RESULT[result], True
    result = canonicalize_dtype(result)
    return result, weak and result != _BOOL


def promote_values(*values: Any) -> tuple[Any, bool]:
    """The dtype and weakness of an operation on the given values; weak results keep their width."""
    if len(values) == 2:
        return promote_types(*dtype_and_weak(values[0]), *dtype_and_weak(values[1]))
    if not values:
        raise ValueError("at least one array or dtype is required")
    return _promote(tuple(dtype_and_weak(v) for v in values))


def result_type(*args: Any, return_weak_type_flag: bool = False) -> Any:
    """The dtype that results from promoting values, dtypes or types together.

    With ``return_weak_type_flag`` returns ``(dtype, weak_type)``.
    """
    dtype, weak = promote_values(*args)
    if weak:
        dtype = default_dtype(kind_of(dtype))
    return (dtype, weak) if return_weak_type_flag else dtype


def numpy_promote_types(a: Any, b: Any) -> np.dtype:
    """``axil.numpy.promote_types``: the common dtype of two dtype specifiers; int, float, complex are weak.

    Does not narrow 64-bit results, as the arguments are types that the user names rather than values.
    """
    nodes = frozenset(t if isinstance(t, type) and t in _WEAK_TYPES else np.dtype(t) for t in (a, b))
    return np.dtype(_least_upper_bound(config.enable_x64, nodes, config.numpy_dtype_promotion == "strict"))


def safe_to_cast(source: Any, target: Any) -> bool:
    """Whether promoting `source` (a value or dtype) with the dtype of `target` gives the latter."""
    wanted = dtype_and_weak(target)[0]
    return dtype_and_weak(source)[0] == wanted or result_type(source, wanted) == wanted


# --- questions about types

finfo = ml_dtypes.finfo
"""Limits of a floating type; as `numpy.finfo`, and right for bfloat16 and the 8-bit floats."""
iinfo = ml_dtypes.iinfo
"""Limits of an integer type; as `numpy.iinfo`, and right for int4 and uint4."""
can_cast = np.can_cast

_CUSTOM_ANCESTORS = {
    "f": (np.floating, np.inexact, np.number, np.generic),
    "i": (np.signedinteger, np.integer, np.number, np.generic),
    "u": (np.unsignedinteger, np.integer, np.number, np.generic),
}


def issubdtype(a: Any, b: Any) -> bool:
    """As `numpy.issubdtype`, knowing that bfloat16 is a floating type, int4 a signed integer, and so on."""
    cachable = (type, np.dtype, ExtendedDType)
    return _issubdtype(
        a if isinstance(a, cachable) else np.dtype(a), b if isinstance(b, cachable) else np.dtype(b)
    )


def _scalar_class(t: Any) -> type:
    return t if isinstance(t, type) and issubclass(t, np.generic) else np.dtype(t).type


@functools.lru_cache(1024)
def _issubdtype(a: Any, b: Any) -> bool:
    if isinstance(b, ExtendedDType):
        return a is b or a == b
    a = _scalar_class(a.type if isinstance(a, ExtendedDType) else a)
    b = _scalar_class(b)
    if issubclass(a, extended) or issubclass(b, extended):
        return issubclass(a, b)
    kind = _CUSTOM_KIND.get(np.dtype(a)) if not _is_abstract(a) else None
    if kind is not None:
        return b is a or b in _CUSTOM_ANCESTORS[kind]
    return bool(np.issubdtype(a, b))


def _is_abstract(t: type) -> bool:
    return t in (
        np.generic,
        np.number,
        np.integer,
        np.signedinteger,
        np.unsignedinteger,
        np.inexact,
        np.floating,
        np.complexfloating,
        np.flexible,
        np.character,
    )


_KINDS = {
    "bool": {_BOOL},
    "signed integer": {*signed_dtypes},
    "unsigned integer": {*unsigned_dtypes},
    "integral": {*signed_dtypes, *unsigned_dtypes},
    "real floating": {*float_dtypes},
    "complex floating": {*complex_dtypes},
    "numeric": {*signed_dtypes, *unsigned_dtypes, *float_dtypes, *complex_dtypes},
}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: a dtype, one of the array API's kind names, or a tuple of these."""
    dtype = np.dtype(dtype)
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str) and one in _KINDS:
            if dtype in _KINDS[one]:
                return True
            continue
        try:
            if np.dtype(one) == dtype:
                return True
        except TypeError:
            if isinstance(one, str):
                raise ValueError(f"unrecognized kind {one!r}; the kinds are {', '.join(_KINDS)}") from None
            raise TypeError(f"expected kind to be a dtype, string or tuple; got {one!r}") from None
    return False


def itemsize_bits(dtype: Any) -> int:
    """Bits per element: 4 for int4, 8 for bool."""
    dtype = np.dtype(dtype)
    kind = kind_of(dtype)
    if kind == "b":
        return 8
    if kind in "iu":
        return iinfo(dtype).bits
    if kind in "fc":
        return finfo(dtype).bits * (2 if kind == "c" else 1)
    raise ValueError(f"dtype {dtype} has no element size")


def is_inexact(dtype: Any) -> bool:
    """Whether a dtype is floating or complex: the types that `grad` accepts."""
    return isinstance(dtype, np.dtype) and kind_of(dtype) in "fc" and dtype in _VALID


def to_inexact_dtype(dtype: Any) -> np.dtype:
    """Integers and bool become float32 (64-bit integers float64); inexact types stay as they are."""
    dtype = np.dtype(dtype)
    if kind_of(dtype) not in "biu":
        return dtype
    return np.dtype(float64 if dtype.itemsize == 8 else float32)


def to_complex_dtype(dtype: Any) -> np.dtype:
    """The complex type that holds a dtype's values."""
    wide = to_inexact_dtype(dtype) in (np.dtype(float64), np.dtype(complex128))
    return np.dtype(complex128 if wide else complex64)


def to_real_dtype(dtype: Any) -> np.dtype:
    """The type of a dtype's real part: float32 for complex64; integers as `to_inexact_dtype`."""
    dtype = to_inexact_dtype(dtype)
    return {np.dtype(complex64): np.dtype(float32), np.dtype(complex128): np.dtype(float64)}.get(dtype, dtype)


def tangent_dtype(dtype: Any) -> np.dtype:
    """The type of tangents: the type itself if inexact, else `float0`."""
    return dtype if is_inexact(dtype) else float0


# --- short names


@functools.cache
def short_name(dtype: Any) -> str:
    """The name used in print: ``f32 bf16 i32 u8 c64 bool f8_e4m3fn float0``."""
    if isinstance(dtype, ExtendedDType):
        return str(dtype)
    dtype = np.dtype(dtype)
    if dtype == float0:
        return "float0"
    name = dtype.name
    for long, short in (("float", "f"), ("uint", "u"), ("int", "i"), ("complex", "c")):
        name = name.replace(long, short)
    return name


_BY_NAME = {short_name(d): d for d in all_dtypes} | {d.name: d for d in all_dtypes} | {"float0": float0}
_SHORT = re.compile(r"\s*([A-Za-z]\w*)\s*(?:\[([^\[\]]*)\])?\s*\Z")


def aval_text(shape: tuple[Any, ...], dtype: Any, weak: bool = False) -> str:
    """``f32[3,4]``, with a ``~`` before it for a weakly typed value."""
    return f"{'~' if weak else ''}{short_name(dtype)}[{','.join(map(str, shape))}]"


def parse_short(text: str) -> tuple[tuple[int, ...], np.dtype]:
    """The inverse of `aval_text`: ``"f32[64,64]"`` gives ``((64, 64), float32)``; ``"f32"`` is a scalar."""
    match = _SHORT.match(text)
    if match is None:
        raise ValueError(f"cannot read {text!r} as a shape; write for example f32[64,64], i32[10] or f32[]")
    name, dims = match.groups()
    if name not in _BY_NAME:
        known = ", ".join(map(short_name, all_dtypes))
        raise ValueError(f"unknown dtype {name!r} in {text!r}; use one of {known}")
    sizes = [d.strip() for d in dims.split(",")] if dims and dims.strip() else []
    for size in sizes:
        if not (size.isascii() and size.isdigit()):
            raise ValueError(f"size {size!r} in {text!r} is not a non-negative integer")
    return tuple(map(int, sizes)), _BY_NAME[name]


def parse_short_list(text: str) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Reads a comma-separated list such as ``"f32[64,64],f32[]"``."""
    if not text.strip():
        return []
    return [parse_short(part) for part in re.split(r",(?![^\[]*\])", text)]
