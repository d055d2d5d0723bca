"""What a random program must satisfy, and how a failure is told from ill-conditioned arithmetic.

The reference is eager execution. Compiled results, alone and under `vmap`, must agree with it; forward mode with finite
differences, and reverse mode with forward mode, both in double precision. Arguments must be left as they were.

Random programs amplify rounding, and have jumps. So results are compared with a tolerance that grows with what rounding
does to the reference (single against double precision), and a disagreement counts only if it is seen again with other
arguments.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.tools import fuzz_programs as programs
from axil.tools.fuzz_programs import Program

TRIES = 3
RELATIVE = 2e-3
"""Tolerance of single precision. Wrong code is off by more."""
COARSE = 5e-2
"""Tolerance of programs with floats of 16 bits or less."""
ROUNDING = 1e-7
"""How far the operands of `programs.ROUGH` ops are nudged: as far as rounding to single precision does."""


class Refused(Exception):
    """The program is one that Axil refuses by design, such as a derivative that an op does not have."""


@dataclass(frozen=True)
class Failure:
    """A program that does not satisfy a check."""

    check: str
    program: Program
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.detail}\n{self.program.text('    ')}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """64-bit types, no warnings: programs say themselves which types they have."""
    import warnings

    import axil

    with axil.enable_x64(True), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def arrays(program: Program, seed: Sequence[int]) -> list[Any]:
    """Arguments of a program."""
    from axil.core import as_array

    return [as_array(x) for x in programs.draw(program.inputs, np.random.default_rng(seed))]


def reference(program: Program, xs: Sequence[Any], nudge: programs.Nudge | None = None) -> list[np.ndarray]:
    """What a program gives eagerly."""
    from axil.core import DerivativeError

    try:
        return [np.asarray(y) for y in programs.run(program, xs, nudge)]
    except (DerivativeError, NotImplementedError) as error:
        raise Refused(str(error).splitlines()[0]) from None


# ---- compiled ------------------------------------------------------------------------------------------


class Compiled:
    """Several programs as one compiled program, alone and under `vmap`: compiling them one by one costs too much."""

    def __init__(self, group: Sequence[Program]) -> None:
        import axil

        self.group = list(group)
        one = lambda p: lambda xs: programs.run(p, xs)
        self.alone = axil.jit(lambda every: [one(p)(xs) for p, xs in zip(self.group, every)])
        self.mapped = axil.jit(
            lambda every: [axil.vmap(one(p))(xs) if xs else one(p)(xs) for p, xs in zip(self.group, every)]
        )

    def run(self, every: Sequence[Sequence[Any]]) -> list[list[np.ndarray]]:
        """What all programs give, each for its arguments."""
        return [[np.asarray(y) for y in ys] for ys in self.alone([list(xs) for xs in every])]

    def run_mapped(self, rows: Sequence[Sequence[Sequence[Any]]]) -> list[list[np.ndarray]]:
        """What all programs give under `vmap`, each for a list of rows of arguments."""
        import axil

        stacked = [[axil.numpy.stack(column) for column in zip(*of)] for of in rows]
        return [[np.asarray(y) for y in ys] for ys in self.mapped(stacked)]


def check_compiled(compiled: Compiled, seed: int, forms: str = "both") -> list[tuple[int, str, str]]:
    """For each program that fails: its number, the check, and what was seen.

    `forms` says what is compiled: the programs ("alone"), the programs under `vmap` ("mapped"), or both.
    """
    suspects: dict[tuple[int, str], list[str]] = {}
    for attempt in range(TRIES):
        rows = [[arrays(p, (seed, i, attempt, row)) for row in range(2)] for i, p in enumerate(compiled.group)]
        copies = [[[np.array(x) for x in xs] for xs in of] for of in rows]
        alone = compiled.run([of[0] for of in rows]) if forms != "mapped" else None
        mapped = compiled.run_mapped(rows) if forms != "alone" else None
        for i, p in enumerate(compiled.group):
            wanted = [reference(p, xs) for xs in rows[i]]
            slack = _sensitivity(p, rows[i][0], wanted[0])
            relative = COARSE if programs.rounds(p) else RELATIVE
            found = {"compiled": _difference(alone[i], wanted[0], slack, relative)} if alone else {}
            if mapped and rows[i][0]:
                slack = [max(s, t) for s, t in zip(slack, _sensitivity(p, rows[i][1], wanted[1]))]
                differences = (_difference([y[k] for y in mapped[i]], wanted[k], slack, relative) for k in (0, 1))
                found["compiled vmap"] = next(filter(None, differences), "")
            same = all(np.array_equal(x, c, equal_nan=x.dtype.kind in "fc")
                       for xs, of in zip(rows[i], copies[i]) for x, c in zip(map(np.asarray, xs), of))  # fmt: skip
            if not same:
                found["inputs untouched"] = "an argument was overwritten"
            for check, text in found.items():
                if text:
                    suspects.setdefault((i, check), []).append(text)
        if not suspects:
            break
    return [(i, check, texts[-1]) for (i, check), texts in suspects.items() if len(texts) == TRIES]


def _sensitivity(program: Program, xs: Sequence[Any], wanted: Sequence[np.ndarray]) -> list[float]:
    """What rounding does to each result: how far its elements are from those in double precision, at most."""
    from axil.core import as_array

    wide, nudge = programs.widened(program), programs.nudging((0,), ROUNDING)
    try:
        precise = reference(wide, [as_array(programs.widen(np.asarray(x))) for x in xs], nudge)
    except Exception:
        return [np.inf] * len(wanted)
    found = []
    for a, b in zip(wanted, precise):
        if not av.is_inexact(a.dtype) or not a.size:
            found.append(0.0)
            continue
        if programs.is_rough(program) and not np.array_equal(np.isnan(a), np.isnan(b)):
            found.append(np.inf)
            continue
        distance = np.abs(_numbers(a) - _numbers(b))
        found.append(float(np.max(np.where(np.isfinite(distance), distance, 0.0), initial=0.0)))
    return found


def _numbers(x: np.ndarray) -> np.ndarray:
    """An array in double precision."""
    return x.astype(np.complex128 if av.is_complex(x.dtype) else np.float64)


def _difference(
    got: Sequence[np.ndarray], wanted: Sequence[np.ndarray], slack: Sequence[Any], relative: float = RELATIVE
) -> str:  # fmt: skip
    """How results differ, in words, or nothing."""
    for i, (a, b, more) in enumerate(zip(got, wanted, slack)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"result {i} is {a.dtype}{list(a.shape)}, not {b.dtype}{list(b.shape)}"
        if not av.is_inexact(b.dtype):
            wrong = int(np.sum(a != b))
            if wrong > 0.02 * b.size + (b.size > 4):
                return f"result {i}: {wrong} of {b.size} differ: {a.ravel()[:6]}, not {b.ravel()[:6]}"
            continue
        if np.isinf(more):
            continue  # rounding decides whether it is a number at all
        x, y = _numbers(a), _numbers(b)
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        scale = np.max(np.abs(y), where=np.isfinite(y), initial=0.0)
        with np.errstate(all="ignore"):
            close = np.abs(x - y) <= relative * (np.abs(y) + 0.01 * scale) + 100 * more + 1e-6
        wrong = ~(same | close)
        if wrong.any():
            where = int(np.argmax(wrong))
            pair = f"{a.ravel()[where]}, not {b.ravel()[where]}"
            return f"result {i}: element {where} is {pair} ({wrong.sum()} of {b.size})"
    return ""


# ---- derivatives ---------------------------------------------------------------------------------------


JITTED = 8
"""Of so many programs with jitted parts one is differentiated with them: each derivative of one is compiled, in f64."""


def check_derivatives(program: Program, seed: int) -> tuple[str, str] | None:
    """Forward mode against finite differences, reverse mode against forward mode; the check and what was seen."""
    if programs.rounds(program):
        return None
    wide = programs.widened(program)
    if seed % JITTED:
        wide = programs.without_jit(wide)
    seen: dict[str, list[str]] = {}
    for attempt in range(TRIES):
        found = _derivatives(wide, (seed, 7, attempt), program.smooth)
        if found is None:
            return None
        seen.setdefault(found[0], []).append(found[1])
    check, texts = max(seen.items(), key=lambda item: len(item[1]))
    return (check, texts[-1]) if len(texts) == TRIES else None


def _derivatives(program: Program, seed: Sequence[int], smooth: bool) -> tuple[str, str] | None:
    import axil
    from axil.core import DerivativeError

    xs = arrays(program, seed)
    moving = [i for i, x in enumerate(xs) if av.is_inexact(x.dtype) and x.dtype.itemsize > 2 and x.size]
    rng = np.random.default_rng([*seed, 1])
    if not moving:
        return None
    directions = [_direction(xs[i], rng) for i in moving]
    outputs = reference(program, xs)
    weights = [_direction(y, rng) if av.is_inexact(y.dtype) and y.dtype.itemsize > 2 else None for y in outputs]
    if not any(w is not None for w in weights):
        return None

    def total(*moved: Any, nudge: programs.Nudge | None = None) -> Any:
        """A real number from all results."""
        values = list(xs)
        for i, x in zip(moving, moved):
            values[i] = x
        ys = programs.run(program, values, nudge)
        parts = [axil.numpy.sum(axil.numpy.real(y * w)) for y, w in zip(ys, weights) if w is not None]
        return sum(parts[1:], parts[0])

    points = [xs[i] for i in moving]
    try:
        forward, backward, size = _both_modes(total, points, directions)
    except (DerivativeError, NotImplementedError):
        return None
    if programs.is_rough(program):
        nudged = functools.partial(total, nudge=programs.nudging((*seed, 2), 1e-9))
        others = _both_modes(nudged, points, directions)
        scale = 1e-2 * (size + abs(forward))
        if not all(abs(x - y) <= scale for x, y in zip((forward, backward), others)):  # NaN neither
            return None  # rounding decides the derivative
    if not np.isfinite(forward) or not np.isfinite(backward):
        same = np.isnan(forward) == np.isnan(backward) or not np.isfinite(size)
        if same or not all(np.isfinite(y).all() for y in outputs if av.is_inexact(y.dtype)):
            return None  # where a value is NaN, 0 * NaN may or may not reach a derivative
        return "reverse mode", f"{backward}, forward mode gives {forward}"
    if abs(forward - backward) > 1e-6 * (size + abs(forward)) + 1e-9:
        return "reverse mode", f"{backward}, forward mode gives {forward}"
    return _against_differences(total, points, directions, forward, size) if smooth else None


def _both_modes(total: Any, points: Sequence[Any], directions: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """The derivative in forward and in reverse mode, and the sum of the sizes of its terms."""
    import axil
    from axil.core import as_array

    forward = float(axil.jvp(total, tuple(points), tuple(map(as_array, directions)))[1])
    gradients = axil.vjp(total, *points)[1](as_array(np.float64(1)))
    terms = [np.asarray(g) * d for g, d in zip(gradients, directions)]
    backward = sum(float(np.sum(np.real(x))) for x in terms)
    return forward, backward, sum(float(np.sum(np.abs(x))) for x in terms)


def _against_differences(
    total: Any, points: Sequence[Any], directions: Sequence[np.ndarray], forward: float, size: float
) -> tuple[str, str] | None:
    """Central differences with two steps; they tell the derivative only where they agree."""
    from axil.core import as_array

    def slope(h: float) -> float:
        moved = ([as_array(np.asarray(x) + s * h * d) for x, d in zip(points, directions)] for s in (1, -1))
        after, before = (float(total(*xs)) for xs in moved)
        return (after - before) / (2 * h)

    coarse, fine = slope(1e-5), slope(2e-6)
    scale = abs(forward) + 1e-3 * size + 1e-6
    if not np.isfinite(coarse + fine) or abs(coarse - fine) > 1e-3 * scale:
        return None
    if abs(coarse - fine) > 1e-2 * (abs(coarse) + abs(fine)) + 1e-6:
        return None  # both are noise, where the slope is too steep for their steps
    if abs(forward - fine) > 1e-2 * scale:
        return "forward mode", f"{forward}, finite differences give {fine}"
    return None


def _direction(x: Any, rng: np.random.Generator) -> np.ndarray:
    """A random array like `x`."""
    d = rng.standard_normal(x.shape)
    d = d + 1j * rng.standard_normal(x.shape) if av.is_complex(x.dtype) else d
    return np.asarray(d).astype(x.dtype)
