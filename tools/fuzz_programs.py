"""Random programs over the op registry: what `axil fuzz` tries.

A program is a list of steps, each an operation (with a sample's attributes, or random ones) or a piece of control flow
with a program of its own. Operands are values made before, brought to the wanted shape, dtype and domain by further
steps. So a new op takes part as soon as it has samples. Programs are data: they run eagerly, under `jit`, `vmap` and
`grad` alike, in single or double precision, can be cut down, and print as text.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval
from axil.dialects.op import OPS, Op, Sample

UNIQUE = {"eigh": (0,), "svd": (1,)}
"""Of ops whose results are not unique (eigenvectors have any sign), the results that are."""

EXCLUDED = {
    "bitcast": "what it gives depends on the precision, which the checks change",
    "qr_column_order": "columns of one norm are ordered by rounding",
    "reduce_precision": "its derivative is by convention that of the identity, rounded",
}
"""Ops that programs are not made of, and why."""

_REFLECTORS = "of dependent columns, rounding decides the reflectors, and these have no derivative"
ROUGH = {"qr": _REFLECTORS, "geqrf": _REFLECTORS, "hessenberg": _REFLECTORS, "tridiagonal": _REFLECTORS}
"""Ops with results that are unique for most operands, but not for all that programs make, and why.

Such a program runs once more with their operands nudged (`Nudge`): results and derivatives are compared as far as that
leaves them as they are.
"""

Nudge = Callable[[Any], Any]
"""Changes an operand a little, as rounding does."""

RARE = 0.15
"""How often ops of these families are taken, beside others: they compile slowly."""
_RARE_FAMILIES = ("eig", "svd", "schur", "lu", "householder", "cholesky", "fft", "special", "sorting", "triangular",
                  "convolution", "pooling")  # fmt: skip
CONTROL = ("cond", "scan", "fori_loop", "checkpoint", "vmap", "jit", "jvp", "vjp")
MAX_SIZE = 600


@dataclass(frozen=True)
class Input:
    """An argument of a program, and the range that its values are drawn from."""

    aval: Aval
    domain: tuple[float, float] = (-2.0, 2.0)


@dataclass(frozen=True)
class Step:
    """One operation on values by position, or control flow with a body. Its results are the next values."""

    name: str
    operands: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    body: Program | None = None
    count: int = 1


@dataclass(frozen=True)
class Program:
    """Inputs, steps, and the positions of the values that it gives. Values are the inputs, then the steps' results."""

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    smooth: bool = True
    """Whether finite differences tell the derivative."""

    def text(self, indent: str = "") -> str:
        """The program as a person reads it."""
        ranges = [x.domain if _is_range(x.domain) else "a domain of arrays" for x in self.inputs]
        lines = [f"{indent}%{i}: {x.aval} in {r}" for i, (x, r) in enumerate(zip(self.inputs, ranges))]
        position = len(self.inputs)
        for step in self.steps:
            names = ", ".join(f"%{position + i}" for i in range(step.count))
            shown = ", ".join(f"{k}={v!r}" for k, v in step.attributes.items())
            operands = ", ".join(f"%{i}" for i in step.operands)
            lines.append(f"{indent}{names} = {step.name}({operands}) {shown}".rstrip())
            if step.body is not None:
                lines.append(step.body.text(indent + "    "))
            position += step.count
        return "\n".join([*lines, f"{indent}return {', '.join(f'%{i}' for i in self.outputs)}"])


# ---- running -------------------------------------------------------------------------------------------


def run(program: Program, inputs: Sequence[Any], nudge: Nudge | None = None) -> list[Any]:
    """The results of a program on arrays or tracers; with `nudge`, operands of `ROUGH` ops go through it."""
    values = every_value(program, inputs, nudge)
    return [values[i] for i in program.outputs]


def every_value(program: Program, inputs: Sequence[Any], nudge: Nudge | None = None) -> list[Any]:
    """All values of a program, in order."""
    from axil.core import bind

    values = list(inputs)
    for step in program.steps:
        operands = [values[i] for i in step.operands]
        if step.body is not None:
            values.append(_control(step, operands, nudge))
            continue
        if nudge is not None and step.name in ROUGH:
            operands = [nudge(x) for x in operands]
        result = bind(OPS[step.name], *operands, **step.attributes)
        values.extend(result if isinstance(result, (tuple, list)) else [result])
    return values


def _control(step: Step, operands: list[Any], nudge: Nudge | None) -> Any:
    """Run a step that has a body: a function of (x, y) that gives a value like x."""
    import axil
    from axil import lax

    body = step.body
    assert body is not None
    call: Callable[..., Any] = lambda x, y: run(body, [x, y], nudge)[0]
    x, y = operands[:2]
    if step.name == "cond":
        return lax.cond(lax.gt(lax.reduce_sum(x, tuple(range(x.ndim))), x.dtype.type(0)), call, lambda x, y: x, x, y)
    if step.name == "scan":
        return lax.scan(lambda c, t: (call(c, t), None), x, axil.numpy.stack([y, -y, y]))[0]
    if step.name == "fori_loop":
        return lax.fori_loop(0, 3, lambda _, c: call(c, y), x)
    if step.name == "vmap":
        return axil.vmap(call, in_axes=(0, None))(axil.numpy.stack([x, -x]), y)[1]
    if step.name == "call":
        return call(x, y)
    if step.name == "jvp":
        return axil.jvp(lambda x: call(x, y), (x,), (x,))[1]
    if step.name == "vjp":
        return axil.vjp(lambda x: call(x, y), x)[1](x)[0]
    return {"checkpoint": axil.checkpoint, "jit": axil.jit}[step.name](call)(x, y)


def nudging(seed: Sequence[int], relative: float) -> Nudge:
    """A nudge of each element by a random part of it."""
    from axil.core import as_array

    rng = np.random.default_rng(seed)
    return lambda x: x * as_array((1 + relative * rng.standard_normal(x.shape)).astype(x.dtype))


def is_rough(program: Program) -> bool:
    """Whether a program has `ROUGH` ops."""
    return any(step.name in ROUGH or (step.body is not None and is_rough(step.body)) for step in program.steps)


def draw(inputs: Sequence[Input], rng: np.random.Generator) -> list[np.ndarray]:
    """Random arrays for the inputs of a program."""
    return [_draw(x.aval, x.domain, rng) for x in inputs]


def _is_range(domain: tuple[Any, Any]) -> bool:
    """Whether a domain is of numbers; a few ops give one of arrays, such as those near definite matrices."""
    return isinstance(domain[0], (int, float))


def _draw(of: Aval, domain: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    low, high = domain
    if av.is_bool(of.dtype):
        return np.asarray(rng.integers(0, 2, of.shape)).astype(bool)
    if av.is_integer(of.dtype):
        low = max(math.ceil(low), int(ml_dtypes.iinfo(of.dtype).min))
        return np.asarray(rng.integers(low, max(math.floor(high), low) + 1, of.shape)).astype(of.dtype)
    x = np.asarray(rng.uniform(low, high, of.shape))
    if av.is_complex(of.dtype):
        x = x + 1j * rng.uniform(low, high, of.shape)
    return np.asarray(x).astype(of.dtype)


def rounds(program: Program) -> bool:
    """Whether a program computes with floats of 16 bits or less, whose derivatives are rounded too."""
    narrow = lambda x: isinstance(x, np.dtype) and av.is_float(x) and x.itemsize < 4
    return any(narrow(x.aval.dtype) for x in program.inputs) or any(
        any(map(narrow, step.attributes.values())) or (step.body is not None and rounds(step.body))
        for step in program.steps
    )


# ---- precision -----------------------------------------------------------------------------------------

_WIDE = {np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(np.complex128)}


def widened(program: Program) -> Program:
    """The program in double precision."""
    inputs = tuple(replace(x, aval=x.aval.with_dtype(_WIDE.get(x.aval.dtype, x.aval.dtype))) for x in program.inputs)
    steps = tuple(
        replace(
            step, attributes={k: widen(v) for k, v in step.attributes.items()},
            body=None if step.body is None else widened(step.body),
        )
        for step in program.steps
    )  # fmt: skip
    return replace(program, inputs=inputs, steps=steps)


def without_jit(program: Program) -> Program:
    """The program with its jitted parts called as they are."""
    steps = tuple(
        step if step.body is None
        else replace(step, name="call" if step.name == "jit" else step.name, body=without_jit(step.body))
        for step in program.steps
    )  # fmt: skip
    return replace(program, steps=steps)


def widen(x: Any) -> Any:
    """Single precision as double, of arrays and of dtype attributes."""
    if isinstance(x, np.dtype):
        return _WIDE.get(x, x)
    return x.astype(_WIDE.get(x.dtype, x.dtype)) if isinstance(x, np.ndarray) else x


# ---- generating ----------------------------------------------------------------------------------------


def generate(rng: np.random.Generator, steps: int, depth: int = 2) -> Program:
    """A random program of about that many operations, besides those that fit operands."""
    _ops()  # which declares them all
    writer = _Writer(rng, depth)
    for _ in range(steps):
        writer.grow()
    return writer.finish()


@functools.cache
def _ops() -> tuple[list[Op], np.ndarray]:
    """The ops that programs are made of, and how likely each is."""
    from axil.dialects import families

    rare = {
        op.name
        for name, module in vars(families).items()
        if name.startswith(_RARE_FAMILIES)
        for op in vars(module).values()
        if isinstance(op, Op)
    }
    usable = lambda op: op.name in UNIQUE or op.determined is None
    chosen = [op for op in OPS.values() if op.samples and op.source != "test" and usable(op)]
    chosen = [op for op in chosen if op.name not in EXCLUDED and "." not in op.name]  # none of users' packages
    weights = np.array([RARE if op.name in rare else 1.0 for op in chosen])
    return chosen, weights / weights.sum()


class _Writer:
    """A program under construction."""

    def __init__(
        self, rng: np.random.Generator, depth: int, inputs: Sequence[Input] = (), closed: bool = False
    ) -> None:
        self.rng, self.depth = rng, depth
        self.closed = closed  # bodies take their two operands and no more inputs: what else they need are constants
        self.inputs: list[Input] = list(inputs)
        self.made: list[tuple[Step, list[int]]] = []  # with the numbers of results; inputs may still be added
        self.avals: dict[int, Aval] = {}  # by number: inputs are negative
        self.used: set[int] = set()
        self.unclear: set[int] = set()  # results that are not unique, such as the sign of an eigenvector
        self.smooth = True
        for i, x in enumerate(self.inputs):
            self.avals[-1 - i] = x.aval

    def grow(self) -> None:
        """One more operation, or a piece of control flow."""
        if self.depth and self.rng.random() < 0.12:
            self.control()
            return
        chosen, weights = _ops()
        op = chosen[self.rng.choice(len(chosen), p=weights)]
        sample = op.samples[self.rng.integers(len(op.samples))]
        self.apply(op, sample)

    def apply(self, op: Op, sample: Sample) -> None:
        """An operation with a sample's attributes; elementwise ones on whatever shape there is."""
        from axil.tools.run import parse_type

        try:
            wanted = [aval(*parse_type(text)) for text in sample.operands]
        except Exception:  # a dtype that programs are not made of
            return
        domain = sample.domain or op.domain
        if self.closed and not _is_range(domain):
            return
        shapes = {a.shape for a in wanted}
        if _is_range(domain) and not sample.attributes and len(shapes) == 1 and op.results == 1 and not op.variadic:
            shape = self.some_shape()
            trial = [a.with_shape(shape) for a in wanted]
            if self._infers(op, trial, {}):
                wanted = trial
        self.smooth &= sample.grad
        operands = [self.fitting(a, domain) for a in wanted]
        self.emit(op, operands, dict(sample.attributes))

    def _infers(self, op: Op, avals: Sequence[Aval], attributes: dict[str, Any]) -> bool:
        try:
            return op.result_avals(avals, attributes)[0].shape == avals[0].shape
        except Exception:
            return False

    def emit(self, op: Op, operands: Sequence[int], attributes: dict[str, Any]) -> list[int]:
        """Append a step; gives the numbers of its results."""
        results = op.result_avals([self.avals[i] for i in operands], attributes)
        numbers = [len(self.avals) + 1000 + i for i in range(len(results))]
        self.made.append((Step(op.name, tuple(operands), attributes, count=len(results)), numbers))
        self.used.update(operands)
        for i, (number, of) in enumerate(zip(numbers, results)):
            self.avals[number] = of
            if i not in UNIQUE.get(op.name, range(len(results))):
                self.used.add(number)
                self.unclear.add(number)
        return numbers

    def control(self) -> None:
        """A piece of control flow, whose body is a program."""
        name = CONTROL[self.rng.integers(len(CONTROL))]
        shape = self.some_shape()
        x, y = (self.fitting(aval(shape, np.dtype(np.float32)), (-2.0, 2.0)) for _ in range(2))
        inner = _Writer(self.rng, self.depth - 1, [Input(self.avals[x]), Input(self.avals[y])], closed=True)
        for _ in range(self.rng.integers(1, 4)):
            inner.grow()
        body = inner.finish(like=self.avals[x])
        self.smooth &= body.smooth
        number = len(self.avals) + 1000
        self.made.append((Step(name, (x, y), body=body), [number]))
        self.used.update((x, y))
        self.avals[number] = self.avals[x]

    # ---- operands ----------------------------------------------------------------------------------------

    def some_shape(self) -> tuple[int, ...]:
        """A shape: of a value that is there, mostly."""
        floats = [a.shape for a in self.avals.values() if av.is_float(a.dtype) and 0 < a.size <= MAX_SIZE]
        if floats and self.rng.random() < 0.7:
            return floats[self.rng.integers(len(floats))]
        return tuple(int(n) for n in self.rng.integers(1, 5, self.rng.integers(0, 4)))

    def fitting(self, wanted: Aval, domain: tuple[float, float]) -> int:
        """The number of a value of an aval and domain: one made from a value that is there, or a new input."""
        inexact = av.is_inexact(wanted.dtype)
        candidates = [
            i for i, a in self.avals.items()
            if 0 < a.size <= MAX_SIZE and a.dtype.itemsize > 1 and (av.is_float(a.dtype) or a.dtype == wanted.dtype)
            and i not in self.unclear
        ]  # fmt: skip
        possible = _is_range(domain) and inexact and wanted.size and candidates
        if not possible or (not self.closed and self.rng.random() < 0.25):
            return self.fresh(wanted, domain)
        unused = [i for i in candidates if i not in self.used]
        pool = unused if unused and self.rng.random() < 0.7 else candidates
        value = self.converted(pool[self.rng.integers(len(pool))], wanted.dtype)
        value = self.reshaped(value, wanted.shape)
        if domain == (-2.0, 2.0) and self.rng.random() < 0.5 and av.is_float(wanted.dtype):
            return value
        return self.bounded(value, domain)

    def fresh(self, wanted: Aval, domain: tuple[float, float]) -> int:
        """A new input; in a body, a constant."""
        if self.closed:
            value = _draw(wanted, domain, self.rng)
            if value.ndim == 0 or value.size <= 16:
                return self.emit(OPS["constant"], [], {"value": value})[0]
            small = self.emit(OPS["constant"], [], {"value": value.reshape(-1)[0].reshape(())})[0]
            return self.emit(OPS["broadcast_in_dim"], [small], {"shape": wanted.shape, "dims": ()})[0]
        self.inputs.append(Input(wanted, domain))
        number = -len(self.inputs)
        self.avals[number] = wanted
        return number

    def converted(self, value: int, dtype: np.dtype) -> int:
        """A value in another dtype."""
        of = self.avals[value].dtype
        if of == dtype:
            return value
        return self.emit(OPS["convert"], [value], {"dtype": dtype})[0]

    def reshaped(self, value: int, shape: tuple[int, ...]) -> int:
        """As many elements as a shape has, cut from those of a value or repeating them."""
        of, size = self.avals[value], math.prod(shape)
        if of.shape == shape:
            return value
        if of.size != size:
            value = self.emit(OPS["reshape"], [value], {"shape": (of.size,)})[0]
            times = -(-size // of.size)
            if times > 1:
                spread = {"shape": (times, of.size), "dims": (1,)}
                value = self.emit(OPS["broadcast_in_dim"], [value], spread)[0]
                value = self.emit(OPS["reshape"], [value], {"shape": (times * of.size,)})[0]
            start = int(self.rng.integers(times * of.size - size + 1))
            cut = {"starts": (start,), "limits": (start + size,), "strides": (1,)}
            value = self.emit(OPS["slice"], [value], cut)[0]
        if self.avals[value].shape == shape:
            return value
        return self.emit(OPS["reshape"], [value], {"shape": shape})[0]

    def bounded(self, value: int, domain: tuple[float, float]) -> int:
        """A value whose elements are in a range: the middle of it plus a multiple of a sine."""
        of = self.avals[value]
        middle, half = (domain[0] + domain[1]) / 2, (domain[1] - domain[0]) / 2
        sine = self.emit(OPS["sin"], [value], {})[0] if av.is_float(of.dtype) else value
        if not av.is_float(of.dtype):
            return sine
        scaled = self.emit(OPS["mul"], [sine, self.full(of, half)], {})[0]
        return self.emit(OPS["add"], [scaled, self.full(of, middle)], {})[0] if middle else scaled

    def full(self, like: Aval, value: float) -> int:
        """A constant of an aval."""
        scalar = self.emit(OPS["constant"], [], {"value": np.asarray(value).astype(like.dtype)})[0]
        if not like.shape:
            return scalar
        return self.emit(OPS["broadcast_in_dim"], [scalar], {"shape": like.shape, "dims": ()})[0]

    # ---- the end -----------------------------------------------------------------------------------------

    def finish(self, like: Aval | None = None) -> Program:
        """The program: it gives what nobody took, or one value of an aval, made from some of that."""
        ends = [i for i in self.avals if i not in self.used and i >= 0]
        if like is not None:
            floats = [i for i in ends if av.is_float(self.avals[i].dtype) and 0 < self.avals[i].size <= MAX_SIZE]
            value = floats[-1] if floats else -1
            ends = [self.bounded(self.reshaped(self.converted(value, like.dtype), like.shape), (-2.0, 2.0))]
        return self._numbered(ends or [-1] if self.inputs else ends)

    def _numbered(self, ends: Sequence[int]) -> Program:
        """Numbers become positions: inputs, then results in order."""
        position = {-1 - i: i for i in range(len(self.inputs))}
        steps = []
        for step, numbers in self.made:
            steps.append(replace(step, operands=tuple(position[i] for i in step.operands)))
            for number in numbers:
                position[number] = len(position)
        return Program(tuple(self.inputs), tuple(steps), tuple(position[i] for i in ends), self.smooth)


# ---- cutting down --------------------------------------------------------------------------------------


def needed(program: Program, output: int) -> Program:
    """The part of a program that one of its values depends on."""
    starts, position = [], len(program.inputs)
    for step in program.steps:
        starts.append(position)
        position += step.count
    wanted = {output}
    for start, step in zip(reversed(starts), reversed(program.steps)):
        if wanted & set(range(start, start + step.count)):
            wanted |= set(step.operands)
    kept = [i for i in range(len(program.inputs)) if i in wanted]
    place = {old: new for new, old in enumerate(kept)}
    steps = []
    for start, step in zip(starts, program.steps):
        results = range(start, start + step.count)
        if wanted & set(results):
            steps.append(replace(step, operands=tuple(place[i] for i in step.operands)))
            for i in results:
                place[i] = len(place)
    return Program(tuple(program.inputs[i] for i in kept), tuple(steps), (place[output],), program.smooth)
