"""Functions of a module under test: declaring derived functions on them, running them, checking derivatives.

A `Program` is parsed from text. Transformations and control are declared on its functions as passes and the
frontend declare them; the interpreter runs the result. Checks compare one derivation with the function that it
derives from (finite differences, the adjoint identity, a loop over the batch), so that a chain of checks covers
any nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.compiler.derive import Deriver
from axil.compiler.interpreter import Interpreter
from axil.compiler.passes import expand, guard_inputs, lower, simplify  # noqa: F401  (registers them)
from axil.dialects.avals import BFLOAT16, SMALL_TYPES, Aval, aval, is_inexact, short_dtype
from axil.dialects.combinators import COMBINATORS, Site
from axil.dialects.combinators.combinator import differentiable
from axil.dialects.mlir import context, dense, ir, parse_module, stablehlo_bindings, tensor_type

_DTYPES = [BFLOAT16, *SMALL_TYPES, *map(np.dtype, "f2 f4 f8 ? i1 i2 i4 i8 u1 u2 u4 u8 c8 c16".split())]

EPSILON = 1e-5
"""Step of central differences, which are of f64 programs: their error is about 1e-10."""


class Program:
    """A module, its functions by name, and what can be derived from them."""

    def __init__(self, text: str = "module {}", lazy: bool = False) -> None:
        """With `lazy`, transformations are declared and not expanded."""
        self.lazy = lazy
        self.module = parse_module(text)
        self.d = Deriver(self.module)

    def define(self, name: str, inputs: str, body: Callable[..., Sequence[Any]]) -> str:
        """Make a function of operands such as `"f64[3], i32[]"`, whose body calls ops; gives its name."""
        avals = [parse_aval(text) for text in re.findall(r"\w+\[[\d,]*\]", inputs)]
        with context(), ir.Location.unknown():
            return self.d.build(name, avals, body)

    def derive(self, combinator: str, *functions: str, **parameters: Any) -> str:
        """Declare a derived function; gives its name."""
        with context(), ir.Location.unknown():
            name = self.d.declare(Site(COMBINATORS[combinator], functions, parameters))
            if not self.lazy:
                self.d.expand(name)
            return name

    def jvp(self, name: str, wrt: Sequence[int] | None = None) -> str:
        """Declare forward mode, by default with respect to everything that has a derivative."""
        return self.derive("jvp", name, wrt=tuple(self.smooth(name) if wrt is None else wrt))

    def vjp(self, name: str, wrt: Sequence[int] | None = None, outs: Sequence[int] | None = None) -> str:
        """Declare reverse mode."""
        wrt = tuple(self.smooth(name) if wrt is None else wrt)
        outs = differentiable(self.outputs(name)) if outs is None else outs
        return self.derive("vjp", name, wrt=wrt, outs=tuple(outs))

    def vmap(self, name: str, in_axes: Sequence[int], size: int, out_axes: Sequence[int] | None = None) -> str:
        """Declare batching."""
        out_axes = (0,) * len(self.outputs(name)) if out_axes is None else tuple(out_axes)
        return self.derive("vmap", name, in_axes=tuple(in_axes), out_axes=out_axes, size=size, axis_name="")

    def scan(self, body: str, consts: int, carry: int, length: int, reverse: bool = False, unroll: int = 0) -> str:
        """Declare a loop of known length."""
        return self.derive(
            "scan", body, consts=consts, carry=carry, length=length, reverse=reverse, unroll=unroll
        )

    def inputs(self, name: str) -> tuple[Aval, ...]:
        """Avals of operands."""
        return self.d.signature(name).inputs

    def outputs(self, name: str) -> tuple[Aval, ...]:
        """Avals of results."""
        return self.d.signature(name).outputs

    def smooth(self, name: str) -> tuple[int, ...]:
        """Operands that have tangents."""
        return differentiable(self.inputs(name))

    def run(self, name: str, arrays: Sequence[Any]) -> list[np.ndarray]:
        """Run a function in the reference interpreter; its results must have the declared types."""
        with context(), ir.Location.unknown():
            results = [np.asarray(v) for v in Interpreter(self.d).run(self.entry(name), list(arrays))]
        for r, a in zip(results, self.outputs(name), strict=True):
            assert (r.shape, r.dtype) == (a.shape, a.dtype), f"@{name} gave {r.dtype}{r.shape} for {a}"
        return results

    def entry(self, name: str) -> str:
        """A function that can be run, which control combinators are not: it calls them."""
        site = self.d.site(name)
        if site is None or site.combinator.transformation:
            return name
        wrapped = self.d.build(f"{name}.run", self.inputs(name), lambda *args: self.d.call(name, args))
        self.d._signatures[name] = self.d.signature(name)
        return wrapped

    def main(self, name: str) -> None:
        """Add the public function `@main`, which calls another."""
        with context(), ir.Location.unknown():
            self.d.build("main", self.inputs(name), lambda *args: self.d.call(name, args))
            del self.d["main"].attributes["sym_visibility"]

    def verify(self) -> None:
        """Let MLIR check the whole module: every op's types against its own inference."""
        with context(), ir.Location.unknown():
            assert self.module.verify()

    # ---- checks ----------------------------------------------------------------------------------------

    def check(self, transformation: str, name: str, arrays: list, rng: np.random.Generator, tolerance: float) -> Any:
        """Check a derivation; gives the derived function and operands for it."""
        if transformation == "vmap":
            return self.check_vmap(name, arrays, rng, [-1 if rng.random() < 0.3 else 0 for _ in arrays])
        checked = self.check_jvp if transformation == "jvp" else self.check_vjp
        derived = checked(name, arrays, rng, tolerance)
        more = self.inputs(derived)[len(arrays) :]
        return derived, [*arrays, *[0.5 * rng.standard_normal(a.shape) for a in more]]

    def check_jvp(self, name: str, arrays: list, rng: np.random.Generator, tolerance: float = 1e-6) -> str:
        """Forward mode against central differences; gives the derived function."""
        wrt = self.smooth(name)
        derived = self.jvp(name, wrt)
        tangents = [rng.standard_normal(np.shape(arrays[i])) for i in wrt]
        results = self.run(derived, [*arrays, *tangents])
        outs = self.run(name, arrays)
        same(results[: len(outs)], outs)
        moved = [self.run(name, move(arrays, wrt, tangents, s * EPSILON)) for s in (1, -1)]
        smooth = differentiable(self.outputs(name))
        numeric = [(moved[0][i] - moved[1][i]) / (2 * EPSILON) for i in smooth]
        close(results[len(outs) :], numeric, tolerance, f"jvp of @{name}")
        return derived

    def check_vjp(self, name: str, arrays: list, rng: np.random.Generator, tolerance: float = 1e-6) -> str:
        """Reverse mode against forward mode, by <ct, J t> = <J^T ct, t>; gives the derived function."""
        wrt, outs = self.smooth(name), differentiable(self.outputs(name))
        derived = self.vjp(name, wrt, outs)
        cts = [rng.standard_normal(self.outputs(name)[i].shape) for i in outs]
        results = self.run(derived, [*arrays, *cts])
        values, grads = results[: len(self.outputs(name))], results[len(self.outputs(name)) :]
        same(values, self.run(name, arrays))
        for _ in range(2):
            tangents = [rng.standard_normal(np.shape(arrays[i])) for i in wrt]
            moved = [self.run(name, move(arrays, wrt, tangents, s * EPSILON)) for s in (1, -1)]
            numeric = [(moved[0][i] - moved[1][i]) / (2 * EPSILON) for i in outs]
            lhs, rhs = dot(cts, numeric), dot(grads, tangents)
            assert abs(lhs - rhs) <= tolerance * (1 + abs(lhs)), f"vjp of @{name}: {rhs}, numerically {lhs}"
        return derived

    def check_vmap(
        self, name: str, arrays: list, rng: np.random.Generator, in_axes: Sequence[int], size: int = 3
    ) -> Any:
        """Batching against a loop; gives the derived function and its operands."""
        batch = [widen(x, axis, size, rng) for x, axis in zip(arrays, in_axes, strict=True)]
        derived = self.vmap(name, in_axes, size)
        got = self.run(derived, batch)
        rows = []
        for i in range(size):
            rows.append(self.run(name, [x if a < 0 else x.take(i, a) for x, a in zip(batch, in_axes)]))
        close(got, [np.stack(column) for column in zip(*rows)], 1e-9, f"vmap of @{name}")
        return derived, batch


def parse_aval(text: str) -> Aval:
    """The aval that a text such as `f64[3,4]` spells."""
    kind, dims = text.rstrip("]").split("[")
    names = {short_dtype(dtype): dtype for dtype in _DTYPES}
    return aval(tuple(int(n) for n in dims.split(",") if n), names[kind])


def widen(x: np.ndarray, axis: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A batch of operands that resemble `x`; integers differ by their position in the batch."""
    if axis < 0:
        return x
    x = np.asarray(x)
    if is_inexact(x.dtype):
        rows = [x + 0.1 * rng.standard_normal(x.shape) for _ in range(size)]
    elif x.dtype == bool:
        rows = [x ^ bool(i % 2) for i in range(size)]
    else:
        rows = [x + i for i in range(size)]
    return np.stack([np.asarray(r, x.dtype) for r in rows], axis)


def move(arrays: list, wrt: Sequence[int], tangents: list, step: float) -> list:
    """Operands moved along tangents."""
    moved = list(arrays)
    for i, t in zip(wrt, tangents):
        moved[i] = arrays[i] + step * t
    return moved


def dot(a: list, b: list) -> float:
    """Inner product of lists of arrays."""
    return float(sum(np.sum(x * y) for x, y in zip(a, b, strict=True)))


def close(got: list, wanted: list, tolerance: float, what: str) -> None:
    """Assert that arrays agree relative to their size."""
    assert len(got) == len(wanted), f"{what}: {len(got)} results, wanted {len(wanted)}"
    for i, (g, w) in enumerate(zip(got, wanted)):
        assert g.shape == w.shape, f"{what}, result {i}: shape {g.shape}, wanted {w.shape}"
        scale = 1 + (np.abs(w).max() if w.size else 0)
        difference = np.abs(g.astype(float) - w.astype(float)).max() if w.size else 0
        assert difference <= tolerance * scale, f"{what}, result {i}: {g}, wanted {w}"


def same(got: list, wanted: list) -> None:
    """Assert that values are what they are without derivatives."""
    close(got, wanted, 1e-12, "values")


def eval_stablehlo(module: Any, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Run `@main` of a StableHLO module in StableHLO's own reference interpreter."""
    from axil.dialects.avals import aval_of

    with context() as ctx, ir.Location.unknown():
        fresh = ir.Module.parse(str(module), ctx)
        arguments = [dense.to_attribute(np.asarray(x), tensor_type(aval_of(np.asarray(x)))) for x in arrays]
        results = stablehlo_bindings.eval_module(fresh, arguments)
        return [dense.to_array(r, _aval(r)) for r in map(ir.DenseElementsAttr, results)]


def _aval(attribute: Any) -> Aval:
    from axil.dialects.mlir import aval_of_type

    return aval_of_type(attribute.type)
