"""The API against JAX: what a case gives, how it is recorded, and how two outcomes are compared.

`cases/<topic>.py` holds a table; `answers/<topic>.json` what JAX gives for each of its cases, written by
`python test/api/record.py <topic>`, so that neither JAX nor its compile times are needed to run the tests. A table has

    MODULE         the namespace, relative to the package: "scipy.special"
    CASES          public name -> list of cases
    GRAD           name -> a lambda's text, or (lambda's text, text of its operands): gradients of the sum are compared
    X64            cases under `enable_x64`
    EXCEPTIONS     case -> why it differs from JAX on purpose (or is refused by one of the two)
    TOLERANCE      name -> tolerance, relative and absolute
    NOT_TRACEABLE, NOT_BATCHED, NOT_COMPILED    names left out of those checks, for a reason stated beside them

All but the first two are optional. A case is the text of an expression in which `X` is the package (axil or jax), `J`
its `numpy`, `M` the table's module, and `A(shape, kind, seed, low, high)` makes an array: kinds are the letters of
`KINDS`; values are rounded normals of both signs, or uniform from `low` to `high`.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

FOLDER = pathlib.Path(__file__).parent
KINDS = {
    "f": np.float32, "h": np.float16, "g": ml_dtypes.bfloat16, "d": np.float64, "c": np.complex64, "z": np.complex128,
    "i": np.int32, "l": np.int64, "s": np.int8, "u": np.uint8, "w": np.uint32, "b": np.bool_,
}  # fmt: skip
EXPECTED_ERRORS = (TypeError, ValueError, IndexError, NotImplementedError, OverflowError, AssertionError, KeyError)
MAX_NUMBERS = 4000


def values(shape: Any, kind: str = "f", seed: int = 0, low: float | None = None, high: float | None = None) -> Any:
    """A fixed NumPy array: small numbers of both signs with repetitions, or uniform ones from a range."""
    shape = shape if isinstance(shape, tuple) else (shape,)
    rng, dtype = np.random.default_rng(seed), np.dtype(KINDS[kind])
    if low is not None or high is not None:
        low, high = -1.0 if low is None else low, 1.0 if high is None else high
        numbers = rng.uniform(low, high, shape)
        numbers = numbers + 1j * rng.uniform(low, high, shape) if kind in "cz" else numbers
        return (np.round(numbers) if kind in "ilsuw" else numbers).astype(dtype)
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind in "ilsuw":
        return rng.integers(*((0, 9) if kind in "uw" else (-5, 6)), shape).astype(dtype)
    numbers = np.round(rng.normal(size=shape) * 2, 2)
    return (numbers + 1j * np.round(rng.normal(size=shape), 2) if kind in "cz" else numbers).astype(dtype)


class Side:
    """One of the two packages: evaluates cases of a table with its modules."""

    def __init__(self, package: str, module: str) -> None:
        self.package, self.module = package, f"{package}.{module}" if module else package
        importlib.import_module(f"{package}.numpy")
        self.scope = {
            "X": importlib.import_module(package),
            "J": importlib.import_module(f"{package}.numpy"),
            "M": importlib.import_module(self.module),
            "np": np, "nan": np.nan, "inf": np.inf,
        }  # fmt: skip

    def array(self, *arguments: Any) -> Any:
        """`A(...)` as an array of the package."""
        return self.scope["J"].asarray(values(*arguments))

    def evaluate(self, case: str, array: Callable[..., Any] | None = None) -> list[Any]:
        """The leaves of what a case gives."""
        return leaves(eval(case, {**self.scope, "A": array or self.array}))

    def gradient(self, function: str, operands: str) -> list[Any]:
        """Gradients of the sum of (the real part of) a function's results, for each operand."""
        f, xs = eval(function, dict(self.scope)), self.operands(f"[{operands}]")
        return list(self.scope["X"].grad(self.total(f), argnums=tuple(range(len(xs))))(*xs))

    def total(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """The function as one real number."""
        numpy = self.scope["J"]
        return lambda *xs: sum(numpy.sum(numpy.real(y)) for y in leaves(f(*xs)))

    def operands(self, case: str) -> list[Any]:
        """The arrays that a case makes, in order."""
        made: list[Any] = []

        def note(*arguments: Any) -> Any:
            made.append(self.array(*arguments))
            return made[-1]

        self.evaluate(case, note)
        return made

    def function(self, case: str) -> Callable[..., list[Any]]:
        """The case as a function of the arrays that it makes."""

        def run(*arrays: Any) -> list[Any]:
            supply = iter(arrays)
            return self.evaluate(case, lambda *_: next(supply))

        return run


def leaves(result: Any) -> list[Any]:
    """Leaves of nested tuples, lists and dictionaries."""
    if isinstance(result, dict):
        return [leaf for key in sorted(result) for leaf in leaves(result[key])]
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in leaves(part)]
    return [] if result is None else [result]


def quietly(run: Callable[..., Any], *arguments: Any) -> Any:
    """Call without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            return run(*arguments)


def recorded(run: Callable[..., Sequence[Any]], *arguments: Any, digits: int = 8) -> list | None:
    """What a call gives as plain data: dtype, shape, weak type, numbers; None where it is refused."""
    try:
        results = quietly(run, *arguments)
    except Exception:
        return None
    return [_plain(x, digits) for x in results]


def _plain(x: Any, digits: int) -> list:
    if isinstance(x, str) or not hasattr(x, "dtype") and not isinstance(x, (bool, int, float, complex)):
        return ["text", [], False, str(x)]
    weak, a = bool(getattr(x, "weak_type", False)), np.asarray(x)
    assert a.size <= MAX_NUMBERS, f"a case of {a.size} numbers; keep them small"
    return [a.dtype.name, list(a.shape), weak, [float(f"{v:.{digits}g}") for v in flat(a)]]


def flat(x: np.ndarray) -> np.ndarray:
    """All numbers of an array in a row, complex ones as two."""
    if x.dtype.kind == "c":
        return x.astype(np.complex128).reshape(-1).view(float)
    return x.astype(float).reshape(-1)


def difference(case: str, run: Callable[[], Sequence[Any]], wanted: list | None, tolerance: float | None) -> str:
    """How our outcome differs from the wanted one, if it does; an expected refusal is to be an error for users."""
    try:
        got = quietly(run)
    except Exception as error:
        if wanted is None and isinstance(error, EXPECTED_ERRORS):
            return ""
        return f"{case}: raised {type(error).__name__}: {str(error)[:300]}"
    if wanted is None:
        return f"{case}: JAX refuses, we give {[str(x)[:80] for x in got]}"
    if len(got) != len(wanted):
        return f"{case}: {len(got)} results, not {len(wanted)}"
    return "; ".join(filter(None, (_leaf_difference(case, x, w, tolerance) for x, w in zip(got, wanted))))


def _leaf_difference(case: str, x: Any, wanted: list, tolerance: float | None) -> str:
    dtype, shape, weak, numbers = wanted
    if dtype == "text":
        return "" if str(x) == numbers else f"{case}: {x}, not {numbers}"
    a = np.asarray(x)
    if a.dtype.name != dtype or list(a.shape) != shape:
        return f"{case}: {a.dtype.name}{list(a.shape)}, JAX {dtype}{shape}"
    if bool(getattr(x, "weak_type", False)) != weak and a.dtype != bool:
        return f"{case}: weak_type is {not weak}, JAX's {weak}"
    close = tolerance or (1e-2 if a.dtype.itemsize <= 2 else 3e-5)
    try:
        np.testing.assert_allclose(flat(a), np.array(numbers, float), rtol=close, atol=close)
    except AssertionError as error:
        return f"{case}: {' '.join(str(error).split())[:400]}"
    return ""


# ---- tables --------------------------------------------------------------------------------------------


class Table:
    """A table of `cases/`."""

    def __init__(self, topic: str) -> None:
        self.topic, self.source = topic, importlib.import_module(f"cases.{topic}")
        self.module: str = self.source.MODULE
        self.cases: dict[str, list[str]] = self.source.CASES
        self.exceptions: dict[str, str] = self._optional("EXCEPTIONS", {})
        self.tolerance: dict[str, float] = self._optional("TOLERANCE", {})
        self.x64: list[str] = self._optional("X64", [])
        self.answers_file = FOLDER / "answers" / f"{topic}.json"

    def _optional(self, name: str, default: Any) -> Any:
        return getattr(self.source, name, default)

    def left_out(self, check: str) -> set[str]:
        """Names left out of a check."""
        return set(self._optional(f"NOT_{check}", ()))

    def gradients(self) -> dict[str, tuple[str, str]]:
        """Functions whose gradients are compared, with their operands."""
        found: dict[str, tuple[str, str]] = {}
        for name, given in self._optional("GRAD", {}).items():
            if isinstance(given, str):
                count = given.partition(":")[0].count(",") + 1
                given = given, ", ".join(f"A((2,3), 'f', {i})" for i in range(count))
            found[name] = given
        return found

    def usable(self, name: str) -> list[str]:
        """The cases of a name that are to agree with JAX."""
        return [case for case in self.cases[name] if case not in self.exceptions]

    def answers(self) -> dict[str, Any]:
        """JAX's recorded answers."""
        return json.loads(self.answers_file.read_text()) if self.answers_file.exists() else {}

    def record(self) -> None:
        """Write JAX's answers."""
        import jax

        side, found = Side("jax", self.module), {}
        for case in (case for cases in self.cases.values() for case in cases):
            found[case] = recorded(side.evaluate, case)
        for name, (function, operands) in self.gradients().items():
            found[f"grad of {name}"] = recorded(side.gradient, function, operands)
        with jax.enable_x64(True):
            for case in self.x64:
                found[f"x64 {case}"] = recorded(side.evaluate, case, digits=15)
        lines = [f"{json.dumps(case)}: {json.dumps(answer)}" for case, answer in found.items()]
        self.answers_file.write_text("{\n" + ",\n".join(lines) + "\n}\n")

    def expected_keys(self) -> set[str]:
        """What the answers must have."""
        keys = {case for cases in self.cases.values() for case in cases}
        return keys | {f"grad of {name}" for name in self.gradients()} | {f"x64 {case}" for case in self.x64}


def tables() -> list[str]:
    """The topics that have a table."""
    return sorted(path.stem for path in (FOLDER / "cases").glob("*.py"))
