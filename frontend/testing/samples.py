"""Samples of declarations as arrays, and declarations as one-op functions: what the checks are made of."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import ml_dtypes
import numpy as np

from axil.dialects import avals as av
from axil.dialects import families  # noqa: F401  (fills OPS)
from axil.dialects.avals import Aval, aval, aval_of
from axil.dialects.mlir import context, ir, tensor_type
from axil.dialects.op import OPS, Op, Sample

_DTYPES = {short: np.dtype(getattr(ml_dtypes, name, name)) for name, short in av._SHORT.items()}
_KNOWN = ", ".join(sorted(_DTYPES))

Case = tuple[Op, Sample, str]


def cases() -> list[Case]:
    """Every sample of every declared op, with a name."""
    return [case for op in OPS.values() for case in cases_of(op)]


def cases_of(op: Op) -> list[Case]:
    """The samples of one op, with names."""
    return [(op, s, f"{op.name}-{i}") for i, s in enumerate(op.samples)]


def parse_aval(text: str) -> Aval:
    """The aval that a text such as `f32[2,3]` spells."""
    match = re.fullmatch(r"(\w+)\[([\d,]*)\]", text)
    if match is None or match[1] not in _DTYPES:
        raise ValueError(f"{text!r} is no type of an operand; write it as in 'f32[2,3]', its dtype one of {_KNOWN}")
    dtype, dims = match.groups()
    return aval(tuple(int(n) for n in dims.split(",") if n), _DTYPES[dtype])


def avals_of(sample: Sample) -> list[Aval]:
    """Avals of a sample's operands."""
    return [parse_aval(text) for text in sample.operands]


def draw(of: Aval, domain: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """A random array of an aval, its values in `domain` where the dtype has such values."""
    low, high = domain
    if av.is_bool(of.dtype):
        return np.asarray(rng.integers(0, 2, of.shape)).astype(bool)
    if av.is_integer(of.dtype):
        low = max(int(np.ceil(low)), ml_dtypes.iinfo(of.dtype).min)
        return np.asarray(rng.integers(low, int(np.floor(high)) + 1, of.shape)).astype(of.dtype)
    x = np.asarray(rng.uniform(low, high, of.shape))
    if av.is_complex(of.dtype):
        x = x + 1j * rng.uniform(low, high, of.shape)
    return np.asarray(x).astype(of.dtype)


def seeded(name: str) -> np.random.Generator:
    """A random generator of its own for each case."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def operands(case: Case, batch: Iterable[bool] | None = None, size: int = 3) -> list[np.ndarray]:
    """Random operands of a case; where `batch` says so, with a leading dimension of `size`."""
    op, sample, name = case
    rng, domain, avals = seeded(name), sample.domain or op.domain, avals_of(sample)
    batch = batch or [False] * len(avals)
    return [draw(a.with_shape((size, *a.shape)) if b else a, domain, rng) for a, b in zip(avals, batch)]


def widen(x: Any) -> Any:
    """Single precision as double, of arrays and of dtype attributes: finite differences need it."""
    if isinstance(x, np.dtype):
        return np.dtype(np.float64) if x == np.float32 else x
    if isinstance(x, np.ndarray) and x.dtype in (np.float32, np.complex64):
        return x.astype(np.float64 if x.dtype == np.float32 else np.complex128)
    return x


def widened(case: Case) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Operands and attributes of a case in double precision."""
    return [widen(x) for x in operands(case)], {a: widen(v) for a, v in case[1].attributes.items()}


def results(y: Any) -> list:
    """Result(s) of an op as a list."""
    return list(y) if isinstance(y, (tuple, list)) else [y]


def determined(case: Case, ys: Any) -> list:
    """What is unique of the results of a case: these themselves, unless the op declares otherwise."""
    op, sample, _ = case
    return list(ys) if op.determined is None else list(op.determined(list(ys), **sample.attributes))


def function(name: str, arguments: Iterable[Aval], body: Callable[..., Any]) -> ir.Operation:
    """Emit a `func.func` whose body is what `body` emits for the arguments."""
    types = [tensor_type(a) for a in arguments]
    made = ir.Operation.create(
        "func.func", regions=1,
        attributes={"sym_name": ir.StringAttr.get(name),
                    "function_type": ir.TypeAttr.get(ir.FunctionType.get(types, []))},
    )  # fmt: skip
    block = made.regions[0].blocks.append(*types, arg_locs=[ir.Location.unknown()] * len(types))
    with ir.InsertionPoint(block):
        values = [v for v in results(body(*block.arguments)) if v is not None]
        ir.Operation.create("func.return", operands=values)
    function_type = ir.FunctionType.get(types, [v.type for v in values])
    made.attributes["function_type"] = ir.TypeAttr.get(function_type)
    return made


def module(build: Callable[[], Any]) -> ir.Module:
    """A module of what `build` emits."""
    with context(), ir.Location.unknown():
        made = ir.Module.create()
        with ir.InsertionPoint(made.body):
            build()
        return made


def function_of_case(case: Case, symbol: str) -> ir.Operation:
    """Emit a function that applies a case's op to its arguments."""
    op, sample, _ = case
    return function(symbol, avals_of(sample), lambda *xs: op(*xs, **sample.attributes))


def same_aval(a: Any, b: Any) -> bool:
    """Whether two arrays or values have one shape and dtype."""
    return aval_of(a) is aval_of(b)
