"""`axil.numpy` against `jax.numpy`: values, dtypes, weak types, and which calls are refused.

A case is an expression in which `J` is the module under test and `A(shape, dtype)` makes an array of it. JAX compiles
each one for 50 ms, so its answers are kept in `test_numpy_answers.json`, which
`python test/frontend/test_numpy.py` writes anew; a sample of them is checked against JAX itself, where it is installed.
"""

from __future__ import annotations

import json
import pathlib
import warnings
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import axil.numpy as anp
from axil.core import run_traced

ANSWERS = pathlib.Path(__file__).with_name("test_numpy_answers.json")
LIVE = 61  # every so many cases one is compared with JAX itself

SHORT = {"f": "float32", "h": "float16", "i": "int32", "b": "bool", "u": "uint8", "s": "int8",
         "c": "complex64", "w": "uint32", "g": "bfloat16"}  # fmt: skip


def values(shape: tuple[int, ...], kind: str, seed: int = 0) -> np.ndarray:
    """A fixed array: small numbers of both signs, with repetitions."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(ml_dtypes.bfloat16) if kind == "g" else np.dtype(SHORT[kind])
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind in "is":
        return rng.integers(-5, 6, shape).astype(dtype)
    if kind in "uw":
        return rng.integers(0, 9, shape).astype(dtype)
    numbers = np.round(rng.normal(size=shape) * 2, 2)
    if kind == "c":
        return (numbers + 1j * np.round(rng.normal(size=shape), 2)).astype(dtype)
    return numbers.astype(dtype)


class Outcome:
    """What evaluating a case gave: the results as NumPy arrays with their dtypes, or an error."""

    def __init__(self, case: str, module: Any, traced: bool = False) -> None:
        def make(shape: Any, kind: str = "f", seed: int = 0) -> Any:
            return module.asarray(values(shape if isinstance(shape, tuple) else (shape,), kind, seed))

        def run(*operands: Any) -> Any:
            supply = iter(operands)
            scope = {
                "J": module,
                "np": np,
                "A": (lambda *a: next(supply)) if operands else make,
                "nan": np.nan,
                "inf": np.inf,
            }
            return eval(case, scope)

        self.error: Exception | None = None
        self.results: list[Any] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = _run_traced(case, make, run) if traced else run()
            except Exception as error:
                self.error = error
                return
        for x in leaves(result):
            weak = bool(getattr(x, "weak_type", False))
            self.results.append((np.asarray(x), weak))


def leaves(result: Any) -> list[Any]:
    """The arrays of nested tuples and lists."""
    return [x for r in result for x in leaves(r)] if isinstance(result, (tuple, list)) else [result]


def _run_traced(case: str, make: Any, run: Any) -> Any:
    """Evaluate the case with its arrays as operands of a trace."""
    operands: list[Any] = []

    def note(*args: Any) -> Any:
        operands.append(make(*args))
        return operands[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eval(case, {"J": anp, "np": np, "A": note, "nan": np.nan, "inf": np.inf})
    is_list: list[Any] = []

    def body(*tracers: Any) -> list[Any]:
        result = run(*tracers)
        is_list.append(isinstance(result, (tuple, list)))
        return list(result) if is_list[0] else [result]

    found = run_traced("test", body, operands)
    return found if is_list[0] else found[0]


EXCEPTIONS = {
    "J.angle(A((),'h'))": "JAX gives f32 for scalars alone",
    "J.fmod(A(4,'b'), A(4,'b',1))": "JAX's booleans are divided by zero otherwise than its integers",
    "J.round(A(4, 'i'), -1)": "NumPy's meaning, which JAX refuses",
    "J.round(25, -1)": "NumPy's meaning, which JAX refuses",
    "A(3, 'u') + 300": "refused as by NumPy; JAX wraps around",
    "A(3, 'w') + (-1)": "refused as by NumPy; JAX wraps around",
}  # fmt: skip


def expected(case: str) -> bool:
    """Whether JAX's answer is the one wanted."""
    return case not in EXCEPTIONS


def compare(case: str, ours: Outcome, theirs: list | None) -> None:
    """`theirs` are JAX's results as `recorded` gives them, or None if it refuses the call."""
    if theirs is None:
        assert ours.error is not None, f"{case}: JAX refuses, Axil gives {ours.results}"
        assert isinstance(
            ours.error, (TypeError, ValueError, IndexError, NotImplementedError, OverflowError)
        ), repr(ours.error)
        return
    if ours.error is not None:
        raise AssertionError(f"{case}: {ours.error!r}") from ours.error
    assert len(ours.results) == len(theirs), case
    for (x, weak), (dtype, shape, weak_wanted, numbers) in zip(ours.results, theirs):
        assert x.dtype.name == dtype, f"{case}: dtype {x.dtype}, JAX {dtype}"
        assert list(x.shape) == shape, f"{case}: shape {x.shape}, JAX {shape}"
        # Booleans have no weak type in promotion, whatever the flag says.
        assert weak == weak_wanted or x.dtype == bool, f"{case}: weak_type {weak}, JAX {weak_wanted}"
        close = 1e-2 if x.dtype.itemsize == 2 else 3e-5
        np.testing.assert_allclose(flat(x), np.array(numbers, float), rtol=close, atol=close, err_msg=case)


def flat(x: np.ndarray) -> np.ndarray:
    """All numbers of an array in a row, complex ones as two."""
    if x.dtype.kind == "c":
        return x.astype(np.complex128).reshape(-1).view(float)
    return x.astype(float).reshape(-1)


def recorded(outcome: Outcome) -> list | None:
    """An outcome as plain data."""
    if outcome.error is not None:
        return None
    return [
        [x.dtype.name, list(x.shape), weak, [float(f"{v:.7g}") for v in flat(x)]]
        for x, weak in outcome.results
    ]


# ---- the cases -----------------------------------------------------------------------------------------

UNARY = (
    "negative positive absolute fabs sign square sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan "
    "arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh deg2rad rad2deg sinc floor ceil trunc rint "
    "round reciprocal real imag conj angle isnan isinf isfinite isposinf isneginf signbit logical_not invert "
    "bitwise_count nan_to_num iscomplex isreal"
).split()  # fmt: skip
BINARY = (
    "add subtract multiply divide floor_divide remainder fmod power float_power arctan2 hypot logaddexp "
    "logaddexp2 maximum minimum fmax fmin copysign heaviside equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift "
    "isclose"
).split()  # fmt: skip
REDUCTIONS = (
    "sum prod mean var std max min any all ptp count_nonzero nansum nanmean nanmax nanmin nanvar"
).split()

CASES: dict[str, list[str]] = {}
for name in UNARY:
    CASES[name] = [
        f"J.{name}(A({args}))" for args in ("(2,3),'f'", "3,'i'", "3,'b'", "(),'h'", "2,'c'", "3,'u'")
    ]
    CASES[name] += [f"J.{name}(2)", f"J.{name}(0.5)", f"J.{name}([1.0])"]
for name in BINARY:
    CASES[name] = [
        f"J.{name}(A((2,3),'f'), A(3,'f',1))", f"J.{name}(A(4,'i'), A(4,'i',1))", f"J.{name}(A(4,'i'), A(4,'f',1))",
        f"J.{name}(A(4,'b'), A(4,'b',1))", f"J.{name}(A(3,'f'), 2)", f"J.{name}(3, A(3,'i'))",
        f"J.{name}(A(3,'i'), 2.5)",
        f"J.{name}(A(3,'u'), A(3,'s',1))", f"J.{name}(A(3,'h'), A(3,'g',1))", f"J.{name}(3, 2)",
        f"J.{name}(A(3,'c'), A(3,'c',1))",
        f"J.{name}(A((2,3)), A(2))", f"J.{name}(A(2), [1, 2])", f"J.{name}(A(3, 'w'), 1)",
    ]  # fmt: skip
for name in REDUCTIONS:
    CASES[name] = [
        f"J.{name}(A((2,3),'f'))", f"J.{name}(A((2,3,4),'f'), axis=(0,-1))",
        f"J.{name}(A((2,3),'i'), axis=1, keepdims=True)",
        f"J.{name}(A((2,3),'b'), axis=0)", f"J.{name}(A((2,0),'f'), axis=0)", f"J.{name}(A((0,),'f'))", f"J.{name}(3)",
        f"J.{name}(2.5)", f"J.{name}(A((3,2),'h'))", f"J.{name}([1, 2])", f"J.{name}(A(3), axis=3)",
        f"J.{name}(A(4,'u'))",
        f"J.{name}(A((2,2)), axis=(0,0))", f"J.{name}(A(3), out=1)", f"J.{name}(A(3,'c'))",
    ]  # fmt: skip
for name in ("sum", "prod", "mean", "var", "std", "max", "min", "any", "all"):
    extra = ", initial=1" if name in ("max", "min") else ""
    CASES[name] += [f"J.{name}(A((2,3)), axis=1, where=A((2,3),'b'){extra})"]
for name in ("sum", "prod", "mean", "cumsum", "cumprod"):
    CASES.setdefault(name, []).extend(
        [f"J.{name}(A(3,'i'), dtype='float32')", f"J.{name}(A(3,'f'), dtype=int)"]
    )
for name in ("max", "min"):
    CASES[name] += [
        f"J.{name}(A(3), initial=0)",
        f"J.{name}(A(0), initial=0)",
        f"J.{name}(A(3), where=A(3,'b'))",
    ]
for name in ("argmax", "argmin", "nanargmax"):
    CASES[name] = [f"J.{name}(A((2,3)))", f"J.{name}(A((2,3),'i'), axis=-1)",
                   f"J.{name}(A((2,3)), axis=0, keepdims=True)",
                   f"J.{name}(A(0))", f"J.{name}(3)", f"J.{name}(A(4,'b'))",
                   f"J.{name}(J.array([1., nan, 3.]))"]  # fmt: skip
for name in ("cumsum", "cumprod", "nancumsum"):
    CASES.setdefault(name, []).extend(
        [f"J.{name}(A((2,3)))", f"J.{name}(A((2,3),'i'), axis=1)", f"J.{name}(A(3,'b'))", f"J.{name}(A((),'f'))",
         f"J.{name}(A(4,'s'))", f"J.{name}(A((3,2),'h'), axis=0)", f"J.{name}(2)"]
    )  # fmt: skip

CASES["creation"] = """
J.array(1) | J.array(1.5) | J.array(True) | J.array([1, 2]) | J.array([1, 2.5])
J.array([[1, 2], [3, 4]], dtype='float32') | J.array([]) | J.array([[]]) | J.array([True, 2])
J.array([1j, 2]) | J.array((1, 2)) | J.array(A(3), dtype=int) | J.array(3, ndmin=2)
J.array([A(()), 1.0, A((), 'i')]) | J.array([A(2), A(2, 'h')]) | J.array([[A(()), 2], [3, A(())]])
J.array([1, [2]]) | J.array('a') | J.array([None]) | J.array(np.arange(3)) | J.array(np.float64(2))
J.array(2.7, dtype=int) | J.array([2.7, -1.2], dtype='int8') | J.array(300, dtype='uint8')
J.asarray(2**40) | J.array([2**40]) | J.asarray(A(3)) | J.asarray([J.float16(1), 2.0]) | J.float32(3)
J.int8(True) | J.zeros(3) | J.zeros((2, 3), int) | J.ones((2,), dtype=bool) | J.empty(0) | J.full((2, 2), 3)
J.full((2,), 2.5) | J.full((2,), 2.5, dtype=int) | J.full((2, 3), A(3)) | J.zeros(-1) | J.zeros(2, 3)
J.full(2, A((), 'i')) | J.zeros_like(A(3, 'h')) | J.ones_like(A((2, 2), 'i'), dtype=float)
J.full_like(A(2, 'i'), 2.7) | J.zeros_like(3) | J.ones_like(2.5) | J.zeros_like(A(3), shape=(2, 2))
J.full_like(A(2), A(2, 'i')) | J.arange(5) | J.arange(2, 8) | J.arange(0, 1, 0.25) | J.arange(5.0)
J.arange(5, 0, -2) | J.arange(3, dtype=float) | J.arange(2.5) | J.arange(0) | J.arange(3, 1)
J.arange(1, 4, dtype='uint8') | J.arange(J.int32(4)) | J.arange(10, step=3) | J.linspace(0, 1, 5)
J.linspace(0, 10, 4, endpoint=False) | J.linspace(1, 2, 1) | J.linspace(0, 1, 0)
J.linspace(0, 10, 5, dtype=int) | J.linspace(A(2), A(2, 'f', 1), 4)
J.linspace(A(2), A(2, 'f', 1), 4, axis=-1) | J.linspace(0, 1, 5, retstep=True) | J.linspace(1, 1j, 3)
J.logspace(0, 3, 4) | J.logspace(0, 3, 4, base=2) | J.geomspace(1, 1000, 4) | J.geomspace(-1, -8, 4)
J.eye(3) | J.eye(2, 4, k=1) | J.eye(3, k=-1, dtype=int) | J.eye(0) | J.identity(2) | J.tri(3)
J.tri(2, 4, k=1) | J.tri(3, k=-1, dtype=bool) | J.tril(A((3, 3))) | J.triu(A((2, 3), 'i'), k=1)
J.tril(A((2, 3, 4)), k=-1) | J.triu(A(3)) | J.vander(A(3)) | J.vander(A(3), 2, increasing=True)
J.meshgrid(A(2), A(3)) | J.meshgrid(A(2), A(3), indexing='ij') | J.meshgrid(A(2), A(3), A(4), sparse=True)
J.meshgrid(A((2, 2))) | J.indices((2, 3)) | J.indices((2, 3), sparse=True) | J.diag(A(3)) | J.diag(A(3), 1)
J.diag(A(3), -2) | J.diag(A((3, 4))) | J.diag(A((3, 4)), -1) | J.diagflat(A((2, 2)))
J.fromfunction(lambda i, j: i + 2 * j, (2, 3)) | J.diag(A((2, 2, 2))) | J.copy(A(3)) | J.astype(A(3), int)
J.astype(A(3, 'i'), bool) | J.astype(A(3), 'complex64') | J.astype(A(3, 'c'), 'float32')
J.astype(A(2), None)
"""
CASES["shaping"] = """
J.reshape(A((2, 3)), (3, 2)) | J.reshape(A((2, 3)), -1) | J.reshape(A((2, 3)), (3, -1))
J.reshape(A((2, 3)), (4,)) | J.reshape(A(4), (-1, -1)) | J.reshape(A((2, 3)), (3, 2), order='F')
J.reshape(A((0, 3)), (3, 0)) | J.reshape(A((0, 3)), (-1, 0)) | J.reshape(3, (1, 1)) | J.ravel(A((2, 2)))
J.ravel(A((2, 3)), order='F') | J.transpose(A((2, 3, 4))) | J.transpose(A((2, 3, 4)), (1, 2, 0))
J.transpose(A((2, 3)), (0, 0)) | J.transpose(A(3)) | J.swapaxes(A((2, 3, 4)), 0, -1)
J.moveaxis(A((2, 3, 4)), 0, -1) | J.moveaxis(A((2, 3, 4)), (0, 1), (2, 0)) | J.rollaxis(A((2, 3, 4)), 2)
J.expand_dims(A(3), 0) | J.expand_dims(A(3), (0, -1)) | J.expand_dims(A(3), 5) | J.squeeze(A((1, 3, 1)))
J.squeeze(A((1, 3, 1)), 0) | J.squeeze(A((1, 3)), 1) | J.concatenate([A(2), A(3)])
J.concatenate([A((2, 3)), A((2, 1), 'i')], axis=1) | J.concatenate([A((2, 3)), A((2, 1))], axis=-1)
J.concatenate([A((2, 2)), A(3)], axis=None) | J.concatenate([A((2, 2)), A((3, 3))]) | J.concatenate([])
J.concatenate([3, 4]) | J.concatenate(A((2, 3))) | J.concatenate([A(2), A(2)], axis=1)
J.concatenate([A(2), A(2)], dtype='float16') | J.stack([A(3), A(3, 'i')]) | J.stack([A(3), A(3)], axis=-1)
J.stack([A(3), A(2)]) | J.stack([1, 2]) | J.stack([1.0, 2]) | J.stack(A((2, 3)), 1)
J.vstack([A(3), A((2, 3))]) | J.hstack([A(3), A(2)]) | J.hstack([A((2, 1)), A((2, 2))])
J.dstack([A((2, 3)), A((2, 3))]) | J.column_stack([A(3), A((3, 2))]) | J.hstack([1, 2])
J.unstack(A((2, 3))) | J.unstack(A((2, 3)), axis=1)
J.block([[A((2, 2)), A((2, 1))], [A((1, 2)), A((1, 1))]]) | J.append(A(2), A(3))
J.append(A((2, 2)), A((1, 2)), axis=0) | J.split(A(6), 3) | J.split(A(6), [2, 3]) | J.split(A(5), 2)
J.array_split(A(5), 2) | J.split(A((2, 4)), 2, axis=1) | J.hsplit(A((2, 4)), 2) | J.vsplit(A((4, 2)), [1])
J.dsplit(A((2, 2, 2)), 2) | J.tile(A(2), 3) | J.tile(A((2, 2)), (2, 1)) | J.tile(A(2), (2, 2))
J.tile(A((2, 1, 3)), 2) | J.tile(A(3), 0) | J.repeat(A(3), 2) | J.repeat(A((2, 2)), 2, axis=1)
J.repeat(A(3), np.array([1, 0, 2])) | J.repeat(A((2, 2)), np.array([1, 2]), axis=0)
J.repeat(A(3), np.array([1, 0, 2]), total_repeat_length=4) | J.repeat(3, 2) | J.broadcast_to(A(3), (2, 3))
J.broadcast_to(A((2, 1)), (2, 3)) | J.broadcast_to(A(3), (2,)) | J.broadcast_to(A((2, 3)), (3,))
J.broadcast_arrays(A(3), A((2, 1))) | J.broadcast_to(2, (2,)) | J.flip(A((2, 3))) | J.flip(A((2, 3)), 1)
J.fliplr(A((2, 3))) | J.flipud(A(3)) | J.rot90(A((2, 3))) | J.rot90(A((2, 3)), 2) | J.rot90(A((2, 3)), 3)
J.rot90(A((2, 2, 3)), -1, axes=(1, 2)) | J.roll(A(5), 2) | J.roll(A((2, 3)), 1)
J.roll(A((2, 3)), -1, axis=1) | J.roll(A((2, 3)), (1, 2), axis=(0, 1)) | J.roll(A((2, 3)), 7, axis=(0, 1))
J.roll(A(0), 1) | J.atleast_1d(3) | J.atleast_2d(A(3)) | J.atleast_3d(A((2, 3))) | J.atleast_1d(3, A(2))
J.matrix_transpose(A((2, 3, 4))) | J.resize(A(3), (2, 4)) | J.permute_dims(A((2, 3)), (1, 0))
J.pad(A(3), 2) | J.pad(A((2, 3)), (1, 2)) | J.pad(A((2, 3)), ((1, 0), (0, 2)), constant_values=5)
J.pad(A((2, 3), 'i'), 1, constant_values=((1, 2), (3, 4))) | J.pad(A((2, 3)), ((1, 1), (2, 2)), mode='edge')
J.pad(A(4), (2, 3), mode='reflect') | J.pad(A(4), (2, 3), mode='symmetric')
J.pad(A(3), (4, 5), mode='wrap') | J.pad(A(3), (5, 7), mode='reflect')
J.pad(A(2), (5, 7), mode='symmetric') | J.pad(A(1), 3, mode='reflect') | J.pad(A((2, 3)), 1, mode='maximum')
J.pad(A((2, 3)), 2, mode='mean', stat_length=2) | J.pad(A(3), (2, 2), mode='linear_ramp', end_values=1)
J.pad(A(4), (2, 3), mode='reflect', reflect_type='odd') | J.pad(A(3), 1, mode='x') | J.pad(A((2, 3)), 0)
J.pad(A(3), -1) | J.pad(A(3), (1, 2, 3)) | J.pad(A(4), 2, mode='minimum') | J.delete(A(4), 1)
J.delete(A(4), np.array([0, 2])) | J.delete(A((2, 3)), 1, axis=1) | J.delete(A(4), slice(1, 3))
J.delete(A(4), -1) | J.delete(A(4), 9) | J.insert(A(4), 1, 9) | J.insert(A((2, 3)), 1, A(2, 'f', 1), axis=1)
J.insert(A(4), np.array([1, 3]), A(2, 'f', 1)) | J.insert(A(4), 1, A(2, 'f', 1)) | J.insert(A(4), -1, 2)
J.trim_zeros(J.array([0, 1, 2, 0]))
"""
CASES["contraction"] = """
J.dot(A(3), A(3)) | J.dot(A((2, 3)), A(3)) | J.dot(A((2, 3)), A((3, 4))) | J.dot(A((2, 3, 4)), A((5, 4, 2)))
J.dot(A(3), 2) | J.dot(2, 3.0) | J.dot(A(3), A(2)) | J.dot(A(3, 'i'), A(3)) | J.dot(A(3, 'b'), A(3, 'b'))
J.matmul(A((2, 3)), A((3, 4))) | J.matmul(A(3), A((3, 4))) | J.matmul(A((2, 3)), A(3))
J.matmul(A(3), A(3)) | J.matmul(A((5, 2, 3)), A((5, 3, 4))) | J.matmul(A((5, 2, 3)), A((3, 4)))
J.matmul(A((2, 3)), A((5, 3, 4))) | J.matmul(A((2, 1, 2, 3)), A((5, 3, 4)))
J.matmul(A((1, 2, 3)), A((5, 3, 4))) | J.matmul(A((5, 2, 3)), A((1, 3, 4))) | J.matmul(A(3), A((5, 3, 4)))
J.matmul(A((5, 2, 3)), A(3)) | J.matmul(A((2, 3)), A((2, 3))) | J.matmul(2, A(3))
J.matmul(A((4, 2, 3)), A((5, 3, 4))) | J.matmul(A((2, 3), 'i'), A((3, 2), 'h'))
J.matmul(A((2, 0)), A((0, 3))) | J.matmul(A((2, 2), 'h'), A((2, 2), 'h'), preferred_element_type='float32')
A((2, 3)) @ A((3, 2)) | A((2, 3), 'c') @ A((3,), 'c') | J.vdot(A((2, 2), 'c'), A((2, 2), 'c', 1))
J.vdot(A(3), A(3, 'f', 1)) | J.inner(A((2, 3)), A((4, 3))) | J.inner(A(3), 2.0) | J.outer(A(2), A((2, 2)))
J.tensordot(A((2, 3, 4)), A((3, 4, 5))) | J.tensordot(A((2, 3, 4)), A((4, 3, 5)), axes=((1, 2), (1, 0)))
J.tensordot(A((2, 3)), A((2, 3)), axes=0) | J.tensordot(A((2, 3)), A((2, 3)), axes=1)
J.tensordot(A((2, 3)), A((3, 2)), axes=((-1,), (0,))) | J.kron(A((2, 2)), A((1, 3)))
J.kron(A(2), A((2, 2))) | J.cross(A(3), A(3, 'f', 1)) | J.cross(A((2, 3)), A((2, 3), 'f', 1))
J.cross(A(2), A(2, 'f', 1)) | J.cross(A(2), A(3, 'f', 1)) | J.cross(A((3, 2)), A((3, 2), 'f', 1), axis=0)
J.cross(A(4), A(4)) | J.trace(A((3, 3))) | J.trace(A((2, 3), 'i'), offset=1)
J.trace(A((2, 3, 4)), axis1=1, axis2=2) | J.vecdot(A((2, 3)), A(3)) | J.matvec(A((2, 3)), A(3))
J.vecmat(A(2), A((2, 3))) | J.einsum('ij,jk->ik', A((2, 3)), A((3, 4)))
J.einsum('ij,jk', A((2, 3)), A((3, 4))) | J.einsum('ii', A((3, 3))) | J.einsum('ii->i', A((3, 3)))
J.einsum('ij->ji', A((2, 3))) | J.einsum('ij->j', A((2, 3))) | J.einsum('ij->', A((2, 3)))
J.einsum('i,j->ij', A(2), A(3)) | J.einsum('i,i', A(3), A(3))
J.einsum('bij,bjk->bik', A((5, 2, 3)), A((5, 3, 4)))
J.einsum('...ij,...jk->...ik', A((5, 2, 3)), A((3, 4)))
J.einsum('ij,jk,kl->il', A((2, 3)), A((3, 4)), A((4, 5))) | J.einsum('bi,bj->bij', A((2, 3)), A((2, 4)))
J.einsum('ij,kj->ki', A((2, 3)), A((4, 3))) | J.einsum('i,ij,j', A(2), A((2, 3)), A(3))
J.einsum('ij,ij->ij', A((2, 3)), A((2, 3))) | J.einsum('i...->...', A((2, 3)))
J.einsum('ij,j', A((2, 3)), A(4)) | J.einsum('ij,jk', A((2, 3), 'i'), A((3, 2), 'h'))
J.einsum(A((2, 3)), [0, 1], A((3, 4)), [1, 2], [0, 2]) | J.einsum('ij,jk->ik', A((2, 1)), A((3, 4)))
J.einsum('iij->ij', A((3, 3, 2))) | J.einsum('ab,bc,cd,de->ae', A((2, 3)), A((3, 4)), A((4, 2)), A((2, 3)))
J.einsum(',ij->ij', 2.0, A((2, 3))) | J.einsum('ij', A((2, 3, 4))) | J.einsum('ij->k', A((2, 3)))
J.einsum('abc,abd->dc', A((2, 3, 4)), A((2, 3, 5))) | J.linalg.norm(A(3)) | J.linalg.norm(A((2, 3)))
J.linalg.norm(A((2, 3)), axis=1) | J.linalg.norm(A((2, 3)), axis=1, keepdims=True)
J.linalg.norm(A((2, 3)), ord=1) | J.linalg.norm(A((2, 3)), ord=np.inf) | J.linalg.norm(A((2, 3)), ord=-1)
J.linalg.norm(A(3), ord=1) | J.linalg.norm(A(3), ord=0) | J.linalg.norm(A(3), ord=np.inf)
J.linalg.norm(A(3), ord=3) | J.linalg.norm(A((2, 3, 4)), axis=(0, 2))
J.linalg.norm(A((2, 3, 4)), ord=1, axis=(0, 2)) | J.linalg.norm(A(3, 'c')) | J.linalg.norm(A(3, 'i'))
J.linalg.norm(A((2, 3)), ord='fro') | J.linalg.vector_norm(A((2, 3))) | J.linalg.matrix_norm(A((2, 3)))
J.linalg.matrix_power(A((2, 2)), 3) | J.linalg.matrix_power(A((2, 2)), 0)
J.linalg.multi_dot([A((2, 3)), A((3, 4)), A((4, 2))]) | J.linalg.trace(A((2, 2)))
J.linalg.diagonal(A((2, 3, 3))) | J.linalg.norm(A((2, 2, 2)), ord=1)
"""
CASES["selection"] = """
J.where(A(3) > 0, A(3), 0) | J.where(A((2, 3), 'b'), A(3), 1) | J.where(True, 1, 2.0)
J.where(A(3), A(3, 'i'), A(3, 'h')) | J.where(A(3, 'i')) | J.where(A(3) > 0, A(3), A(2)) | J.where(A(3))
J.where(A(3) > 0, 1) | J.where(A(()) > 0, A(3), 1) | J.clip(A(4), -1, 1) | J.clip(A(4), min=0)
J.clip(A(4, 'i'), 0, 2.5) | J.clip(A(4), max=A(4, 'f', 1)) | J.clip(A(4, 'c'), 0, 1) | J.clip(A(3))
J.select([A(3) > 1, A(3) > 0], [A(3), 2 * A(3)], 7) | J.select([A(3) > 1], [1]) | J.nonzero(A((2, 3), 'i'))
J.nonzero(A(6, 'b'), size=4) | J.nonzero(A(6, 'b'), size=4, fill_value=9) | J.nonzero(3)
J.argwhere(A((2, 3), 'b')) | J.flatnonzero(A((2, 3), 'i')) | J.flatnonzero(A(5, 'b'), size=2)
J.take(A(4), np.array([0, -1, 9])) | J.take(A((2, 3)), np.array([[0, 1]]), axis=1) | J.take(A((2, 3)), 4)
J.take(A((2, 3), 'i'), np.array([7]), mode='clip') | J.take(A(3), np.array([-5, 5]), mode='wrap')
J.take(A(3), np.array([5]), fill_value=-1) | J.take(A(3), 1.0) | J.take(A(0), np.array([0]))
J.take(A((0, 2)), np.zeros((0,), int), axis=0) | J.take(A(3, 'i'), np.array([5]))
J.take(A(3, 'b'), np.array([5])) | J.take(A(3), np.array([-1]), mode='clip')
J.take_along_axis(A((2, 3)), np.array([[0, 2], [1, 1]]), axis=1)
J.take_along_axis(A((2, 3)), np.array([[0, -1, 5]]), axis=0)
J.take_along_axis(A((2, 3)), np.array([4]), axis=None)
J.take_along_axis(A((2, 3)), np.array([[9]]), 1, mode='clip')
J.take_along_axis(A((2, 3)), np.array([[9]]), 1, fill_value=0)
J.take_along_axis(A((2, 3)), np.array([1]), axis=0) | J.take_along_axis(A(3), A(3), 0)
J.put_along_axis(A((2, 3)), np.array([[1], [0]]), 9.0, 1, inplace=False)
J.choose(np.array([0, 1, 0]), [A(3), A(3, 'f', 1)])
J.compress(np.array([True, False, True]), A((3, 2)), axis=0) | J.extract(A(4) > 0, A(4))
J.unravel_index(np.array([0, 5, 7]), (2, 3)) | J.unravel_index(4, (2, 3))
J.ravel_multi_index((np.array([0, 1]), np.array([1, 2])), (2, 3))
J.ravel_multi_index((np.array([0, 3]), np.array([1, 2])), (2, 3), mode='clip')
J.ravel_multi_index((np.array([0, 3]),), (2,))
J.ravel_multi_index((np.array([1]), np.array([2])), (2, 3), order='F')
J.ix_(np.array([0, 1]), np.array([2])) | J.diag_indices(3) | J.tril_indices(3) | J.triu_indices(2, 1, 4)
J.diagonal(A((3, 4)), 1) | J.diagonal(A((2, 3, 4)), -1, 1, 2) | J.diagonal(A(3))
J.fill_diagonal(A((3, 3)), 5, inplace=False) | J.mask_indices(3, J.triu)
J.put(A(4), np.array([0, 2]), 7, inplace=False)
"""
CASES["sorting"] = """
J.sort(A(6)) | J.sort(A((2, 4), 'i')) | J.sort(A((3, 2)), axis=0) | J.sort(A((2, 3)), axis=None)
J.sort(J.array([3., nan, 1.])) | J.sort(A(5), descending=True) | J.sort(3) | J.sort(A(4, 'b'))
J.argsort(A((2, 4))) | J.argsort(A(6, 'i')) | J.argsort(A(6, 'i'), descending=True)
J.argsort(A((3, 2)), axis=0) | J.argsort(A((2, 2)), axis=None) | J.lexsort((A(5, 'i'), A(5, 'i', 1)))
J.lexsort(A((2, 4), 'i')) | J.partition(A(5), 2)[2] | J.searchsorted(J.sort(A(5)), A((2, 3), 'f', 1))
J.searchsorted(J.sort(A(5, 'i')), A(6, 'i', 1), side='right') | J.searchsorted(J.sort(A(5)), 0.0)
J.searchsorted(A((2, 2)), 0.0) | J.searchsorted(J.array([1., 2., nan]), J.array([nan, 3.]))
J.digitize(A(5), np.array([-1.0, 0.0, 1.0])) | J.digitize(A(5), np.array([1.0, 0.0, -1.0]), right=True)
J.unique(A(6, 'i')) | J.unique(A(6, 'i'), return_index=True, return_inverse=True, return_counts=True)
J.unique(A(6, 'i'), size=4)
J.unique(A(6, 'i'), size=8, fill_value=99, return_counts=True, return_index=True, return_inverse=True)
J.unique(J.array([[1, 2], [1, 2], [0, 1]]), axis=0)
J.unique(J.array([[1, 2], [1, 2], [0, 1]]), axis=0, size=3) | J.unique(J.array([nan, 1., nan]))
J.isin(A(5, 'i'), A(3, 'i', 1)) | J.union1d(A(3, 'i'), A(3, 'i', 1))
J.intersect1d(A(6, 'i'), A(6, 'i', 1)) | J.setdiff1d(A(6, 'i'), A(3, 'i', 1))
J.setxor1d(A(4, 'i'), A(4, 'i', 1)) | J.bincount(A(6, 'u')) | J.bincount(A(6, 'u'), minlength=12)
J.bincount(A(6, 'u'), length=4) | J.bincount(A(4, 'u'), weights=A(4)) | J.bincount(A(3)) | J.histogram(A(9))
J.histogram(A(9), bins=3, range=(-1, 1)) | J.histogram(A(9), bins=np.array([-1., 0., 1.]))
J.histogram(A(9), bins=4, density=True) | J.histogram(A(9), weights=A(9, 'f', 1))
J.histogram_bin_edges(A(5), 3) | J.median(A((3, 4))) | J.median(A((3, 4)), axis=0) | J.median(A(3, 'i'))
J.quantile(A(7), 0.3) | J.quantile(A((3, 4)), np.array([0.1, 0.9], 'float32'), axis=1)
J.quantile(A((3, 4)), 0.5, axis=(0, 1), keepdims=True) | J.quantile(A(5), 0.4, method='lower')
J.quantile(A(5), 0.4, method='higher') | J.quantile(A(5), 0.4, method='nearest') | J.percentile(A(7), 30)
J.quantile(A(5), 0.4, method='x') | J.nanmedian(J.array([1., nan, 3., 2.]))
J.nanquantile(J.array([1., nan, 3., 2.]), 0.3) | J.median(J.array([1., nan]))
J.percentile(A(5), np.array([10, 50])) | J.average(A((2, 3)))
J.average(A((2, 3)), axis=1, weights=np.array([1., 2., 3.], 'float32'))
J.average(A(3), weights=A(3, 'f', 1), returned=True) | J.average(A((2, 3)), weights=A(3)) | J.cov(A((2, 5)))
J.cov(A(5)) | J.cov(A((2, 5)), rowvar=False) | J.cov(A((2, 5)), bias=True) | J.cov(A(4), A(4, 'f', 1))
J.corrcoef(A((3, 6))) | J.corrcoef(A(4), A(4, 'f', 1)) | J.diff(A(5)) | J.diff(A((2, 4)), n=2)
J.diff(A((2, 4), 'i'), axis=0) | J.diff(A(3), prepend=0, append=A(2)) | J.diff(A(4, 'b')) | J.ediff1d(A(4))
J.gradient(A(5)) | J.gradient(A((3, 4))) | J.gradient(A(5), 0.5) | J.gradient(A((3, 4)), axis=0)
J.trapezoid(A(5)) | J.trapezoid(A(5), J.sort(A(5, 'f', 1))) | J.trapezoid(A((2, 4)), dx=0.5, axis=0)
J.interp(A(5), np.array([-1., 0., 1.], 'float32'), A(3))
J.interp(0.5, np.array([0., 1.], 'float32'), np.array([1., 3.], 'float32'))
J.interp(A(5), np.array([-1., 0., 1.], 'float32'), A(3), left=9., right=-9.) | J.unwrap(A(6) * 3)
J.cumulative_sum(A(4), include_initial=True) | J.cumulative_prod(A((2, 3)), axis=1)
"""
CASES["mixed"] = """
J.divmod(A(4, 'i'), 3) | J.divmod(A(4), A(4, 'f', 1)) | J.modf(A(4)) | J.round(A(4), 1)
J.round(A(4, 'i'), -1) | J.round(A(3, 'h'), 1) | J.round(25, -1) | J.power(A(3), 2) | J.power(A(3), 2.0)
J.power(A(3), A(3, 'i')) | J.power(2, A(3)) | J.power(A(3, 'i'), 3) | J.power(A(3, 'i'), -1)
J.power(A(3, 'u'), A(3, 'u', 1)) | J.power(A(3, 's'), 2) | J.power(J.float32(2), np.int32(3))
J.power(A(3), J.int32(2)) | J.power(A(3, 'b'), 2) | A(3) + 1 | 1 + A(3, 'i') | A(3, 'i') + 1.5
A(3, 'u') + 1 | A(3, 'h') * 2.5 | A(3, 'i') / 2 | A(3) // 2 | A(3, 'i') % 3 | 7 % A(3) | A(3) ** 2
A(3) ** 0.5 | 2 ** A(3) | A(3, 'i') ** 2 | divmod(A(3), 2) | -A(3) | +A(3) | abs(A(3)) | ~A(3, 'i')
~A(3, 'b') | A(3, 'i') << 2 | A(3, 'i') >> 1 | A(3, 'i') & 3 | A(3, 'b') | True | 1 ^ A(3, 'i')
A(3) == A(3) | A(3) != 0 | A(3) < 1 | 1 <= A(3) | A(3) > A(3, 'i') | A(3) >= True | A(3) + [1, 2, 3]
A(3) @ [1, 2, 3] | A(3) + np.arange(3) | np.arange(3) + A(3) | np.float64(2) * A(3) | A(3) * np.float64(2)
np.ones((2, 3)) @ A(3) | A(3, 's') + np.int8(3) | A(3, 'i') + True | A(3) + 1j | J.array(2) + J.array(2.5)
J.array(2) * A(3, 'h') | A(3, 'u') + 300 | A(3, 'w') + (-1) | A(2) + 'a' | A(2) + None | A((2, 3)).T
A((2, 3)).mT | A((2, 3)).reshape(3, 2) | A((2, 3)).reshape((-1,)) | A((2, 3)).sum(0)
A((2, 3)).mean(axis=1, keepdims=True) | A(3).astype(int) | A((2, 3)).ravel() | A((2, 3)).flatten()
A((2, 3)).transpose(1, 0) | A((2, 3)).swapaxes(0, 1) | A((2, 3)).max() | A((2, 3)).argmax(1)
A((2, 3)).cumsum() | A((1, 3)).squeeze() | A(3).dot(A(3)) | A(3).clip(0, 1) | A(3).round(1) | A(3).sort()
A(3).argsort() | A(3).take(np.array([0, 2])) | A(3).repeat(2) | A(3, 'c').conj() | A(3, 'c').real
A(3, 'c').imag | A(3).real | A(3).copy() | A((2, 2)).diagonal() | A(3).std() | A(3).var(ddof=1) | A(3).any()
A(3).all() | A(3).prod() | A(3).ptp() | A(3).nonzero() | A(3).view('int32') | A(3).min(initial=0.0)
A((2, 2)).trace() | A(4).searchsorted(0.0) | J.allclose(A(3), A(3)) | J.array_equal(A(3), A(3))
J.array_equal(A(3), A(2)) | J.array_equiv(A((2, 2)), A(2))
J.isclose(J.array([1., nan, inf]), J.array([1., nan, inf]), equal_nan=True)
J.nan_to_num(J.array([nan, inf, -inf])) | J.nan_to_num(J.array([nan, inf, -inf]), nan=1.0, posinf=2.0)
J.shape(A((2, 3))) | J.sign(J.array([-0.0, nan])) | J.maximum(J.array([nan, 1.]), 0.0)
J.fmax(J.array([nan, 1.]), 0.0) | J.logaddexp(J.array([-inf, inf]), J.array([-inf, inf]))
J.hypot(J.array([inf, 0.]), J.array([nan, 0.])) | J.isscalar(3.0)
J.floor_divide(J.array([7, -7, 7, -7]), J.array([2, 2, -2, -2]))
J.remainder(J.array([7, -7, 7, -7]), J.array([2, 2, -2, -2]))
J.remainder(J.array([7., -7., 7., -7.]), J.array([2., 2., -2., -2.])) | J.fmod(J.array([7, -7]), 3)
J.floor_divide(J.array([1., -1., 0.]), 0.0) | J.remainder(5, 0)
J.floor_divide(J.array([7., -7.]), J.array([inf, inf])) | J.sinc(J.array([0., 0.5])) | J.float_power(2, 3)
J.copysign(1.0, J.array([-0.0, 2.])) | J.heaviside(J.array([-1., 0., 2.]), 0.5) | J.real(3) | J.imag(2.5)
J.conj(1j) | J.angle(1j) | J.angle(-1.0) | J.sum(J.array(3)) | J.max(J.array(3)) | J.mean(J.array(3))
J.reshape(J.array(3), (1,)) | J.transpose(J.array(2.5)) | J.expand_dims(2.5, 0)
J.broadcast_to(J.array(2.5), (2,)) | J.squeeze(J.array(2.5)) | J.stack([J.array(1), J.array(2)])
J.sort(J.array(2.5), axis=None) | J.take(J.array(2.5), 0) | J.flip(J.array(2.5)) | J.cumsum(J.array(2.5))
J.tile(2.5, 2) | J.where(True, J.array(1), J.array(2)) | J.pad(J.array(2.5), ())
J.concatenate([J.ravel(2.5), J.ravel(1)])
"""
GROUPS = {
    name: cases if isinstance(cases, list) else [c.strip() for c in cases.strip().replace("\n", " | ").split(" | ")]
    for name, cases in CASES.items()
}


ALL = [case for cases in GROUPS.values() for case in cases]


def failures_of(cases: list[str], check: Any) -> str:
    found = []
    for case in cases:
        try:
            check(case)
        except AssertionError as error:
            found.append(" ".join(str(error).split()))
    return "\n".join(found)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    return json.loads(ANSWERS.read_text())


def test_answers_are_complete(answers: dict[str, Any]) -> None:
    assert set(answers) == set(ALL), "run `python test/frontend/test_numpy.py` to record JAX's answers"


@pytest.mark.parametrize("name", GROUPS)
def test_agrees_with_recorded_jax(name: str, answers: dict[str, Any]) -> None:
    failures = failures_of(
        [c for c in GROUPS[name] if expected(c)],
        lambda case: compare(case, Outcome(case, anp), answers[case]),
    )
    assert not failures, failures


def test_agrees_with_jax_itself() -> None:
    jax = pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    cases = [c for c in ALL[::LIVE] if expected(c)]
    failures = failures_of(
        cases, lambda case: compare(case, Outcome(case, anp), recorded(Outcome(case, jax.numpy)))
    )
    assert not failures, failures


def is_traceable(case: str) -> bool:
    """Whether a case computes something from an array, and what it gives has a size that does not depend on values."""
    return "A(" in case and not any(name in case for name in NOT_TRACEABLE)


NOT_TRACEABLE = ("isscalar", "J.full(2, A")


@pytest.mark.parametrize("name", GROUPS)
def test_traced_is_as_eager(name: str) -> None:
    def check(case: str) -> None:
        eager = Outcome(case, anp)
        if eager.error is None and eager.results:
            compare(case, Outcome(case, anp, traced=True), recorded(eager))

    failures = failures_of([c for c in GROUPS[name] if is_traceable(c)][:60], check)
    assert not failures, failures


def record() -> None:
    """Write JAX's answers."""
    import jax.numpy

    lines = [f"{json.dumps(case)}: {json.dumps(recorded(Outcome(case, jax.numpy)))}" for case in ALL]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    record()
