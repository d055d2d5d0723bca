"""NumPy's functions on Axil's arrays, with JAX's semantics.

They differ from NumPy's in what immutability and compilation ask for: results are new arrays, dtypes promote on JAX's
lattice with weakly typed Python numbers, and 32-bit types are the default.
"""

# ruff: noqa: F401

from __future__ import annotations

import numpy as _np

from axil.array_methods import Array as ndarray
from axil.dtypes import can_cast, finfo, iinfo, isdtype, result_type
from axil.dtypes import numpy_promote_types as promote_types
from axil.numpy import fft, linalg
from axil.numpy.by_pieces import piecewise, place
from axil.numpy.contraction import (
    cross,
    dot,
    inner,
    kron,
    matmul,
    matvec,
    outer,
    tensordot,
    trace,
    vdot,
    vecdot,
    vecmat,
)
from axil.numpy.convolving import convolve, correlate
from axil.numpy.creation import (
    array,
    asarray,
    astype,
    copy,
    empty,
    empty_like,
    eye,
    from_dlpack,
    frombuffer,
    fromiter,
    full,
    full_like,
    identity,
    ones,
    ones_like,
    tri,
    tril,
    triu,
    vander,
    view,
    zeros,
    zeros_like,
)
from axil.numpy.einsum import einsum, einsum_path
from axil.numpy.files_io import array_repr, array_str, fromfile, fromstring, load, save, savez
from axil.numpy.grids import c_, mgrid, ogrid, r_
from axil.numpy.histograms import bincount, histogram, histogram2d, histogram_bin_edges, histogramdd
from axil.numpy.indexing import getitem
from axil.numpy.joining import (
    append,
    array_split,
    block,
    column_stack,
    concat,
    concatenate,
    dsplit,
    dstack,
    hsplit,
    hstack,
    split,
    stack,
    unstack,
    vsplit,
    vstack,
)
from axil.numpy.logic import (
    bitwise_and,
    bitwise_count,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    equal,
    greater,
    greater_equal,
    invert,
    iscomplex,
    iscomplexobj,
    isfinite,
    isinf,
    isnan,
    isneginf,
    isposinf,
    isreal,
    isrealobj,
    isscalar,
    left_shift,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    nan_to_num,
    not_equal,
    right_shift,
    signbit,
)
from axil.numpy.logic import select_list as select
from axil.numpy.lookup import (
    argwhere,
    choose,
    compress,
    diag_indices,
    diag_indices_from,
    extract,
    flatnonzero,
    ix_,
    mask_indices,
    nonzero,
    put,
    put_along_axis,
    ravel_multi_index,
    take,
    take_along_axis,
    tril_indices,
    tril_indices_from,
    triu_indices,
    triu_indices_from,
    unravel_index,
    where,
)
from axil.numpy.namespace_info import SUPPORTED_API_VERSIONS, __array_namespace_info__
from axil.numpy.nan_reductions import (
    nanargmax,
    nanargmin,
    nancumprod,
    nancumsum,
    nanmax,
    nanmean,
    nanmin,
    nanprod,
    nanstd,
    nansum,
    nanvar,
)
from axil.numpy.number_parts import frexp, gcd, lcm, ldexp, packbits, spacing, unpackbits
from axil.numpy.padding import pad
from axil.numpy.polynomial import (
    poly,
    polyadd,
    polyder,
    polydiv,
    polyfit,
    polyint,
    polymul,
    polysub,
    polyval,
    roots,
)
from axil.numpy.ranges import (
    arange,
    fromfunction,
    geomspace,
    indices,
    linspace,
    logspace,
    meshgrid,
)
from axil.numpy.reductions import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    average,
    count_nonzero,
    cumprod,
    cumsum,
    max,
    mean,
    min,
    prod,
    ptp,
    std,
    sum,
    var,
)
from axil.numpy.scalar_types import (
    bfloat16,
    bool_,
    cdouble,
    complex64,
    complex128,
    complex_,
    csingle,
    double,
    float4_e2m1fn,
    float6_e2m3fn,
    float6_e3m2fn,
    float8_e3m4,
    float8_e4m3,
    float8_e4m3b11fnuz,
    float8_e4m3fn,
    float8_e4m3fnuz,
    float8_e5m2,
    float8_e5m2fnuz,
    float8_e8m0fnu,
    float16,
    float32,
    float64,
    float_,
    int1,
    int2,
    int4,
    int8,
    int16,
    int32,
    int64,
    int_,
    issubdtype,
    single,
    uint,
    uint1,
    uint2,
    uint4,
    uint8,
    uint16,
    uint32,
    uint64,
)
from axil.numpy.selection import (
    delete,
    diag,
    diagflat,
    diagonal,
    fill_diagonal,
    insert,
    repeat,
    resize,
    roll,
    trim_zeros,
)
from axil.numpy.sets import intersect1d, setdiff1d, setxor1d, union1d
from axil.numpy.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    expand_dims,
    flip,
    fliplr,
    flipud,
    matrix_transpose,
    moveaxis,
    permute_dims,
    ravel,
    reshape,
    rollaxis,
    rot90,
    squeeze,
    swapaxes,
    tile,
    transpose,
)
from axil.numpy.sorting import (
    argpartition,
    argsort,
    digitize,
    isin,
    lexsort,
    partition,
    searchsorted,
    sort,
    sort_complex,
    unique,
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
)
from axil.numpy.statistics import (
    corrcoef,
    cov,
    cumulative_prod,
    cumulative_sum,
    diff,
    ediff1d,
    gradient,
    interp,
    median,
    nanmedian,
    nanpercentile,
    nanquantile,
    percentile,
    quantile,
    trapezoid,
    unwrap,
)
from axil.numpy.transcendental import (
    acos,
    acosh,
    angle,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    deg2rad,
    degrees,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    rad2deg,
    radians,
    sin,
    sinc,
    sinh,
    tan,
    tanh,
)
from axil.numpy.ufunc import frompyfunc, ufunc
from axil.numpy.ufuncs import (
    abs,
    absolute,
    add,
    around,
    cbrt,
    ceil,
    clip,
    conj,
    conjugate,
    copysign,
    divide,
    divmod,
    fabs,
    fix,
    float_power,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    heaviside,
    hypot,
    imag,
    maximum,
    minimum,
    mod,
    modf,
    multiply,
    negative,
    nextafter,
    positive,
    pow,
    power,
    real,
    reciprocal,
    remainder,
    rint,
    round,
    sign,
    sqrt,
    square,
    subtract,
    true_divide,
    trunc,
)
from axil.numpy.updates import IndexUpdates
from axil.numpy.values import check_placement
from axil.numpy.vectorizing import apply_along_axis, apply_over_axes, vectorize
from axil.numpy.whole import allclose, array_equal, array_equiv, isclose
from axil.numpy.window_functions import bartlett, blackman, hamming, hanning, i0, kaiser

__array_api_version__ = "2024.12"
pi, e, euler_gamma = _np.pi, _np.e, _np.euler_gamma
inf, nan, newaxis = _np.inf, _np.nan, None
index_exp, s_ = _np.index_exp, _np.s_
dtype = _np.dtype
bool = bool_
generic, number, inexact, complexfloating = _np.generic, _np.number, _np.inexact, _np.complexfloating
floating, integer, signedinteger, unsignedinteger = (
    _np.floating,
    _np.integer,
    _np.signedinteger,
    _np.unsignedinteger,
)
character, flexible, object_ = _np.character, _np.flexible, _np.object_
ComplexWarning = _np.exceptions.ComplexWarning
iterable = _np.iterable
printoptions, get_printoptions, set_printoptions = (
    _np.printoptions,
    _np.get_printoptions,
    _np.set_printoptions,
)


def shape(a: object) -> tuple[int, ...]:
    """The shape of an array or number."""
    return asarray(a).shape


def ndim(a: object) -> int:
    """The number of dimensions of an array or number."""
    return asarray(a).ndim


def size(a: object, axis: int | None = None) -> int:
    """The number of elements of an array or number, or along an axis."""
    found = asarray(a)
    return found.size if axis is None else found.shape[axis]
