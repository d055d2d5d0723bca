"""Arrays from files and text, and to them. Files are NumPy's `.npy` and `.npz`."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from axil import dtypes
from axil.numpy.creation import asarray
from axil.numpy.values import UnsupportedArgument, Value

# NumPy writes ml_dtypes' types as raw bytes of their width; only bfloat16 is alone in having its own.
_RAW = {"V2": np.dtype(ml_dtypes.bfloat16)}


def save(file: Any, arr: Any, allow_pickle: bool = True) -> None:
    """Write an array to a `.npy` file; `file` is a path or an open binary file."""
    np.save(file, np.asarray(arr), allow_pickle=allow_pickle)


def savez(file: Any, *args: Any, allow_pickle: bool = True, **kwds: Any) -> None:
    """Write several arrays to one `.npz` file, by position (`arr_0`, ...) or by keyword."""
    named = {k: np.asarray(v) for k, v in kwds.items()}
    np.savez(file, *[np.asarray(a) for a in args], allow_pickle=allow_pickle, **named)


def load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """Read a `.npy` file as an array. What is in an `.npz` file comes as NumPy's mapping of names to its arrays.

    An array of objects or text, which has no counterpart here, stays NumPy's.
    """
    found = np.load(file, *args, **kwargs)
    if not isinstance(found, np.ndarray):
        return found
    raw = _RAW.get(found.dtype.str.lstrip("|<>"))
    if raw is not None:
        found = found.view(raw)
    return asarray(found) if found.dtype in dtypes._VALID else found


def fromstring(string: str, dtype: Any = float, count: int = -1, *, sep: str) -> Value:
    """An array of the numbers in a text, which `sep` separates."""
    return asarray(np.fromstring(string, dtypes.check_user_dtype(dtype, "fromstring"), count, sep=sep))


def fromfile(*args: Any, **kwargs: Any) -> Value:
    """Refused, as in JAX: reading moves the position of an open file, which a traced function must not do.

    Raises `NotImplementedError`, which names the way out.
    """
    raise UnsupportedArgument(
        "fromfile is not supported: reading an open file has a side effect, which a traced function must not have; "
        "read the file outside and pass the array: axil.numpy.asarray(numpy.fromfile(...))"
    )


def array_repr(arr: Any, max_line_width: int | None = None, precision: int | None = None,
               suppress_small: bool | None = None) -> str:  # fmt: skip
    """The text of an array as `repr` gives it, with NumPy's options."""
    return _with_options(repr, arr, max_line_width, precision, suppress_small)


def array_str(a: Any, max_line_width: int | None = None, precision: int | None = None,
              suppress_small: bool | None = None) -> str:  # fmt: skip
    """The text of an array as `str` gives it, with NumPy's options."""
    return _with_options(str, a, max_line_width, precision, suppress_small)


def _with_options(text: Any, a: Any, width: int | None, precision: int | None, suppress: bool | None) -> str:
    given = {"linewidth": width, "precision": precision, "suppress": suppress}
    with np.printoptions(**{k: v for k, v in given.items() if v is not None}):
        return text(asarray(a))
