"""The declaration of an operation: everything that is known of it, in one place.

An `Op` carries its operands and attributes, type inference with user-facing errors, NumPy reference,
derivative, transpose, batching and lowering rules, and samples that drive the generated tests. Passes look
rules up here and never name an op. The constructor refuses a declaration that leaves something out.

Rules are ordinary functions that call other ops (`mul(dx, cos(x))`). They run in two worlds: on MLIR values,
where a call emits an operation at the current insertion point, and on NumPy arrays, where it computes.
The second is how the generated tests check the rules without compiling.

A rule that takes attributes receives them as keyword arguments, as Python values: tuples of ints, strings,
bools, dtypes. `None` stands for a zero tangent or cotangent, and is never materialised by a rule.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from axil.dialects.avals import MLIR_VALUES, Aval, aval_of
from axil.dialects.errors import DeclarationError

OPS: dict[str, Op] = {}
"""All declared ops by name: `axil.<name>` in text."""


@dataclass(frozen=True)
class Sample:
    """Operands and attributes on which the generated tests try an op.

    `operands` are texts such as `"f32[2,3]"`; values are drawn from the op's `domain`.
    `grad=False` leaves the sample out of the derivative checks (ties, kinks, integer operands).
    """

    operands: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: tuple[float, float] | None = None
    grad: bool = True


def sample(*operands: str, domain: tuple[float, float] | None = None, grad: bool = True, **attributes: Any) -> Sample:
    """Shorthand for `Sample`."""
    return Sample(operands, attributes, domain, grad)


class Check(NamedTuple):
    """What a `checks` rule gives: whether something went wrong, and how to say it.

    `text` is a template for `str.format` of the `payload`, small arrays; an entry of `choices` has texts that the
    payload's value at its place is an index of.
    """

    failed: Any  # a boolean scalar
    text: str
    payload: tuple = ()
    choices: tuple[tuple[str, ...] | None, ...] = ()


class Failure(NamedTuple):
    """An error as a value: `code` is 0, or the number (from 1) of the message that applies to `payload`."""

    code: Any  # an i32 scalar
    messages: tuple
    payload: tuple


class Linear:
    """Stands in a transpose rule for an operand in which the op is linear: it has an aval and no value."""

    __slots__ = ("aval",)

    def __init__(self, value: Aval) -> None:
        self.aval = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the operand."""
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the operand."""
        return self.aval.dtype


class ByDtype:
    """A lowering rule: the StableHLO op that `name_of` gives for the result's dtype, or `otherwise` where it has none.

    `keeps` are attributes that the StableHLO op has too; such a rule needs `otherwise`, for callers that have none.
    """

    __slots__ = ("keeps", "otherwise", "rule")

    def __init__(
        self, name_of: Callable[[Any], str | None], otherwise: Any = None, keeps: tuple[str, ...] = ()
    ) -> None:
        self.keeps = keeps
        self.otherwise = otherwise
        self.rule = functools.cache(lambda dtype: name_of(dtype) or otherwise)
        """The rule for a dtype: the name of an op, or a function."""

    def __call__(self, values: Any, results: Any, context: Any, **attributes: Any) -> Any:
        from axil.dialects import hlo
        from axil.dialects.mlir import aval_of_type

        rule = self.rule(aval_of_type(results[0]).dtype)
        if isinstance(rule, str) and not self.keeps:
            return hlo.typed(rule, results, values).results[0]
        return self.otherwise(values, results, context, **attributes)


def is_linear(x: Any) -> bool:
    """True where a transpose rule has to produce a cotangent for operand `x`."""
    return isinstance(x, Linear)


def no_tangent(y: Any, xs: Any, dxs: Any, **attributes: Any) -> None:
    """The JVP rule of ops whose result never has a tangent: comparisons, integers, rounding, constants."""
    return None


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """One operation of the dialect, with every rule of its own.

    Rules, where `xs` are operands, `y` the result (a tuple of results if there are several):

    - `infer(*avals, **attributes) -> Aval | tuple[Aval, ...]`; raises `ShapeError`, `DtypeError`,
      `AttributeValueError` with a text for users.
    - `reference(*arrays, **attributes)`: the meaning, in NumPy. Also the eager evaluator.
    - `jvp(y, xs, dxs, **attributes)`: tangent(s) of the result(s); entries of `dxs` are `None` where zero.
    - `transpose(ct, xs, **attributes)`: one cotangent or `None` an operand; `xs` holds `Linear` where linear.
      Needed where `linear` names operands in which the op is linear, jointly or one at a time; `(0,)` stands
      for all operands of a variadic op. `bilinear` says that it is linear in one at a time only.
    - `jet(y, xs, series, **attributes)`: Taylor coefficients of the result (a tuple of lists if there are several).
      Entries of `series` are lists of coefficients 1, 2, ... of the operands, `None` where all are zero; so is the
      result. By default from `jvp`; see `axil.dialects.taylor`.
    - `batch(size, xs, batched, **attributes)`: result(s) with a leading batch dimension. `batched` says which
      operands have one.
    - `lower`: the name of the StableHLO op that takes the same operands and no attributes, or
      `lower(values, results, context, **attributes)` that emits StableHLO and gives value(s) back;
      `results` are the result types, `context` reaches kernels and the target.
    - `simplify(values, attributes, result)`: a value that may stand for the result, or `None`.
    - `determined(results, **attributes)`, in NumPy: what of the results is unique, where they are not, such as
      eigenvectors, whose sign is arbitrary. The generated tests compare this instead of the results.
    - `total(length, xs, **attributes)`: the sum of the op's results over the steps of a loop, from operands that are
      stacked along a new leading dimension of `length`: for ops whose result is larger than their operands.
    - `accumulate(total, xs, **attributes)`: `total` plus the op's result, without making that, or `None`: for ops that
      place small operands in a large zero.
    - `named_batch(size, axis_name, xs, batched, **attributes)`: for ops over a named axis, when that axis is the one
      being batched; gives the result and whether it is batched.
    - `checks[category](xs, **attributes)`: what `checkify` asks of the op's operands: a `Check` or `None`.
      Whether a result has a NaN needs no rule; an op whose result has one only where its operands have says so by
      `makes_nan=False`, and is not asked.
    - `raises(xs, **attributes)`: for ops whose effect is an error: a `Failure`.
    """

    name: str
    summary: str
    operands: tuple[str, ...]
    infer: Callable[..., Any]
    reference: Callable[..., Any]
    jvp: Callable[..., Any]
    batch: Callable[..., Any]
    lower: str | Callable[..., Any]
    samples: tuple[Sample, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    transpose: Callable[..., Any] | None = None
    linear: tuple[int, ...] = ()
    bilinear: bool = False  # linear in each of the `linear` operands alone, not in all of them jointly
    jet: Callable[..., Any] | None = None
    variadic: bool = False  # operands of any number and type; the arity is part of the name in text
    results: int = 1  # 0: as many as operands; -1: none, the op is there for its effect
    checks: Mapping[str, Callable[..., Check | None]] = field(default_factory=dict)
    makes_nan: bool = True  # False: it moves, chooses or rounds values
    raises: Callable[..., Failure] | None = None
    simplify: Callable[..., Any] | None = None
    chooses: bool = False  # `simplify` gives an operand, where another is a certain constant, and emits nothing
    foldable: bool = True  # False: constant operands must not be computed at compile time
    moves: bool = False  # a result's elements are elements of the operands: its reference takes arrays of any dtype
    marks_keys: bool = False  # says of random keys that they are used, or new: see `axil.dialects.keys`
    cheap: bool = False  # better computed again than kept from the forward pass for the backward one
    total: Callable[..., Any] | None = None
    accumulate: Callable[..., Any] | None = None
    named_batch: Callable[..., Any] | None = None
    determined: Callable[..., tuple] | None = None
    flops: Callable[..., float] | None = None  # default: one a result element
    transcendental: bool = False  # a result element is a function such as exp, counted apart from flops
    traffic: Callable[..., float] | None = None  # bytes read and written; default: all of operands and results
    domain: tuple[float, float] = (-2.0, 2.0)
    source: str = ""  # paper or standard, where there is one

    def __post_init__(self) -> None:
        self._check_complete()
        if self.name in OPS:
            raise DeclarationError(f"op '{self.name}' is declared twice")
        OPS[self.name] = self

    def _check_complete(self) -> None:
        missing = [
            rule
            for rule in ("summary", "infer", "reference", "jvp", "batch", "lower", "samples")
            if not getattr(self, rule)
        ]
        if (self.named_batch is not None or self.has_effect) and "samples" in missing:
            missing.remove("samples")  # it computes nothing until an axis is bound, or at all
        if self.linear and self.transpose is None:
            missing.append("transpose (the op says it is linear)")
        if self.transpose is not None and not self.linear:
            missing.append("linear (there is a transpose rule)")
        if missing:
            raise DeclarationError(f"op '{self.name}' is incomplete: it has no {', '.join(missing)}")
        if not self.variadic and any(i >= len(self.operands) for i in self.linear):
            raise DeclarationError(f"op '{self.name}' says it is linear in an operand that it does not have")
        from_table = {"ints", "int", "float", "bool", "str", "dtype", "dense", "symbols"}
        for attribute, kind in self.attributes.items():
            if kind not in from_table:
                raise DeclarationError(f"op '{self.name}': attribute '{attribute}' has unknown kind '{kind}'")

    @property
    def has_effect(self) -> bool:
        """True for ops that are run for what they do: they are neither dropped nor merged nor moved."""
        return self.results < 0

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        """Emit the op where MLIR is being built, else compute it with NumPy. For rules, not for users."""
        if operands and type(operands[0]) in MLIR_VALUES or _emitting():
            return _emit()(self, operands, attributes)
        arrays = [x if isinstance(x, np.ndarray) else _like(x, operands) for x in operands]
        return self.evaluate(arrays, attributes)

    def evaluate(self, arrays: Any, attributes: Mapping[str, Any]) -> Any:
        """Run the reference on arrays; the result has exactly the inferred dtype."""
        return self.reference(*arrays, **attributes)

    def linear_operands(self, count: int) -> tuple[int, ...]:
        """Positions of the linear ones among `count` operands; a variadic op is linear in all or in none."""
        return tuple(range(count)) if self.variadic and self.linear else self.linear

    def result_avals(self, avals: Any, attributes: Mapping[str, Any]) -> tuple[Aval, ...]:
        """Inferred avals of all results."""
        inferred = self.infer(*avals, **attributes)
        return inferred if type(inferred) is tuple else (inferred,)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def bytes_of(avals: Any) -> float:
    """Bytes of arrays, together."""
    return float(sum(a.size * a.dtype.itemsize for a in avals))


def reads_a_part(xs: Any, ys: Any, **attributes: Any) -> float:
    """The `traffic(operands, results)` rule of ops that read as much of their first operand as the result has."""
    return 2 * bytes_of(ys) + bytes_of(xs[1:])


def writes_a_part(xs: Any, ys: Any, **attributes: Any) -> float:
    """The `traffic(operands, results)` rule of ops that replace as much of their first operand as the second has."""
    return bytes_of(xs[1:]) + bytes_of(xs[1:2])


def _emitting() -> bool:
    """True where an MLIR insertion point is current in this thread."""
    mlir = sys.modules.get("axil.dialects.mlir")
    if mlir is None:
        return False
    try:
        _ = mlir.ir.InsertionPoint.current
    except ValueError:
        return False
    return True


@functools.cache
def _emit() -> Callable[..., Any]:
    """`emit`, imported late, for eager execution needs no MLIR, and once, for an import costs 0.5 us each time."""
    from axil.dialects.emit import emit

    return emit


def _like(x: Any, operands: Any) -> np.ndarray:
    """A Python scalar beside arrays takes their dtype and shape; NumPy's scalars are arrays of no dimensions."""
    if isinstance(x, np.generic):
        return np.asarray(x)
    for other in operands:
        if isinstance(other, (np.ndarray, np.generic)):
            shape = other.shape
            return np.broadcast_to(np.asarray(x, other.dtype), shape)
    return np.asarray(x)


def zeros_like_aval(value: Aval) -> Any:
    """A zero of an aval, in either world of the rules."""
    return full(value.shape, 0, value.dtype)


def full(shape: tuple[int, ...], fill: Any, dtype: Any) -> Any:
    """A constant array, in either world of the rules."""
    array = np.asarray(fill).astype(dtype)
    if _emitting():
        from axil.dialects.emit import splat

        return splat(array, tuple(shape))
    return np.broadcast_to(array, shape)


def is_zero(x: Any) -> bool:
    """Whether `x` is a literal zero, in either world of the rules."""
    if isinstance(x, np.ndarray):
        return not x.any()
    from axil.dialects.emit import splat_value

    return splat_value(x) == 0


def full_like(x: Any, fill: Any) -> Any:
    """A constant of the shape and dtype of `x`."""
    of = aval_of(x)
    return full(of.shape, fill, of.dtype)
