"""Solutions whose derivatives come from the equation that they solve: `custom_linear_solve`, `custom_root`.

By the implicit function theorem the derivative of a solution is itself the solution of a linear equation, so a solver
(a loop that runs until it has converged, a factorisation) is never differentiated. Values that the user's functions
close over are found by tracing, and derivatives flow to those that the equation itself uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axil import errors, pytrees
from axil.core import RULE_ERRORS, Traced, run_traced, state, trace_function, user_error
from axil.custom_derivatives import custom_jvp, share_captures
from axil.dialects import avals as av
from axil.operands import ArgumentError, Flat, check_callable, operands_of, symbol
from axil.source import user_line

Solver = Callable[[Callable[[Any], Any], Any], Any]
"""A user's solver: `(function, right hand side or first guess)` to the solution."""


def custom_linear_solve(
    matvec: Callable[[Any], Any], b: Any, solve: Solver, transpose_solve: Solver | None = None,
    symmetric: bool = False, has_aux: bool = False,
) -> Any:  # fmt: skip
    """The solution `x` of `matvec(x) == b` that `solve(matvec, b)` finds; derivatives come from the equation.

    `b` is a tree of arrays, and `matvec` a linear function that keeps its structure, shapes and dtypes. Reverse mode
    asks for `transpose_solve(vecmat, b)`, which solves the transposed equation, or for `symmetric=True`, where
    `solve` serves. With `has_aux` the solvers give pairs of the solution and anything, which has no derivative.
    Raises `TypeError` where a function gives another structure, `ValueError` where it gives other shapes or dtypes.
    """
    for fun, name in ((matvec, "matvec"), (solve, "solve")):
        check_callable(fun, f"custom_linear_solve: {name}")
    if transpose_solve is None and symmetric:
        transpose_solve = solve
    operands, treedef = operands_of(b, "custom_linear_solve")
    equation = _Equation(operands, treedef, has_aux)
    solution = equation.checked(lambda x: solve(matvec, x), "solve", has_aux)
    if state.trace is None:
        return solution.unflatten(solution(*operands))
    results = _emit_solve(equation, matvec, solution, transpose_solve, symmetric)
    return solution.unflatten(results)


class _Equation:
    """What every function of a linear equation has to fit: the right hand side's structure and types."""

    def __init__(self, operands: list, treedef: Any, has_aux: bool) -> None:
        self.operands = operands
        self.treedef = treedef
        self.has_aux = has_aux

    def checked(self, fun: Callable[[Any], Any], name: str, has_aux: bool = False) -> Flat:
        """A function over leaves, whose results are checked against the right hand side."""
        label = f"custom_linear_solve: {name}"

        def call(x: Any) -> Any:
            result = fun(x)
            check_result(label, "b", result, self.treedef, self.operands, has_aux)
            return result

        call.__name__ = name
        return Flat(call, lambda leaves: ([pytrees.tree_unflatten(self.treedef, leaves)], {}), label)

    def trace(self, flat: Flat, role: str = "") -> Traced:
        """Trace a function of this equation into the current program."""
        sources = self.operands if role == "opaque" else ()
        avals, weak = [x.aval for x in self.operands], [x.weak_type for x in self.operands]
        return trace_function(flat.where, symbol(flat.fun), flat, avals, weak, sources, role)


def check_result(label: str, of: str, result: Any, treedef: Any, operands: Sequence[Any], has_aux: bool) -> None:
    """Raise where a function's result has not the structure, shapes and dtypes of what it is an equation for."""
    if has_aux:
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise errors.AxilTypeError(
                errors.explain(
                    f"{label} must give a pair (solution, aux) with has_aux=True, got {result!r}", user_line()
                )
            )
        result = result[0]
    leaves, given = operands_of(result, label)
    if given != treedef:
        raise errors.AxilTypeError(
            errors.explain(f"{label} must give the structure of {of}, {treedef}, got {given}", user_line())
        )
    if [x.aval for x in leaves] != [x.aval for x in operands]:
        text = [", ".join(str(x.aval) for x in xs) for xs in (leaves, operands)]
        raise ArgumentError(
            errors.explain(
                f"{label} must give the shapes and dtypes of {of}, ({text[1]}), got ({text[0]})", user_line(),
                ways_out=[f"convert {of} to the dtype in which the equation is solved"],
            )  # fmt: skip
        )


def _emit_solve(
    equation: _Equation, matvec: Any, solution: Flat, transpose_solve: Solver | None, symmetric: bool
) -> list:
    trace = state.trace
    assert trace is not None
    product = equation.trace(equation.checked(matvec, "matvec"))
    solver = equation.trace(solution, "opaque")
    functions = [product, solver]
    if transpose_solve is not None:
        transposed = product if symmetric else _transposed(trace, product)
        vecmat = matvec if symmetric else _callable_of(transposed, equation.treedef)
        flat = equation.checked(lambda x: transpose_solve(vecmat, x), "transpose_solve", equation.has_aux)
        functions = [product, transposed, solver, equation.trace(flat, "opaque")]
        if equation.has_aux:
            functions = [*functions[:2], *_without_aux(trace, functions[2:], len(equation.operands), flat, solution)]
    *names, captures = share_captures(trace, *functions)
    results = trace.call_site(
        "custom_linear_solve", names, [*captures, *equation.operands], consts=len(captures)
    )
    for r, w in zip(results, solver.weak):
        r.weak_type = w
    return results


def _without_aux(trace: Any, solvers: list[Traced], count: int, flat: Flat, solution: Flat) -> list[Traced]:
    """Solver and transposed solver. Where their auxiliary results differ, the transposed one gives none."""
    solve, transpose_solve = solvers
    if solve.outputs == transpose_solve.outputs and flat.treedef == solution.treedef:
        return solvers
    functions = trace.program.functions
    inputs = functions.signature(transpose_solve.name).inputs
    with trace.program.context, trace.program.ir.Location.unknown():
        name = functions.build(
            transpose_solve.name, inputs, lambda *a: functions.call(transpose_solve.name, a)[:count]
        )
    outputs, weak = transpose_solve.outputs[:count], transpose_solve.weak[:count]
    return [solve, Traced(name, transpose_solve.captures, outputs, weak)]


def _transposed(trace: Any, product: Traced) -> Traced:
    """The transpose of a traced linear function."""
    functions = trace.program.functions
    mask = (False,) * len(product.captures) + (True,) * len(product.outputs)
    try:
        with trace.program.context, trace.program.ir.Location.unknown():
            name = functions.transpose(product.name, mask)
    except RULE_ERRORS as e:
        raise user_error(e) from None
    return Traced(name, product.captures, product.outputs, product.weak)


def _callable_of(traced: Traced, treedef: Any) -> Callable[[Any], Any]:
    """A traced function, to be called on trees while its program is still being traced."""

    def call(x: Any) -> Any:
        leaves, _ = operands_of(x, "vecmat")
        assert state.trace is not None
        return pytrees.tree_unflatten(treedef, state.trace.call(traced.name, [*traced.captures, *leaves]))

    return call


# ---- roots ---------------------------------------------------------------------------------------------


def custom_root(
    f: Callable[[Any], Any], initial_guess: Any, solve: Solver, tangent_solve: Solver, has_aux: bool = False
) -> Any:
    """A root of `f` that `solve(f, initial_guess)` finds; derivatives come from `f(x) == 0`.

    `f` keeps the structure, shapes and dtypes of `initial_guess`. `tangent_solve(g, y)` solves `g(x) == y`, where `g`
    is `f` linearized at the root: for scalars `y / g(1.0)`. Derivatives are with respect to what `f` closes over;
    `initial_guess` has none. With `has_aux`, `solve` gives a pair of the root and anything.
    """
    for fun, name in ((f, "f"), (solve, "solve"), (tangent_solve, "tangent_solve")):
        check_callable(fun, f"custom_root: {name}")
    operands, treedef = operands_of(initial_guess, "custom_root")
    root = _Root(f, solve, tangent_solve, operands, treedef, has_aux)
    if state.trace is None:
        return root.solution.unflatten(root.solution(*operands))
    return root.solution.unflatten(run_traced("", root.emit, operands))


class _Root:
    """The parts of a root's derivative, each a function of the current program."""

    def __init__(
        self, f: Any, solve: Any, tangent_solve: Any, operands: list, treedef: Any, has_aux: bool
    ) -> None:
        self.operands = operands
        self.treedef = treedef
        self.f = self._flat(lambda x: self._checked(f(x), "f"), "f")
        self.solution = self._flat(lambda x: self._checked(solve(f, x), "solve", has_aux), "solve")
        self.tangent = self._flat(lambda x, y: self._tangent(f, tangent_solve, x, y), "tangent_solve", 2)

    def _flat(self, fun: Callable[..., Any], name: str, arity: int = 1) -> Flat:
        def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
            n = len(self.operands)
            return [pytrees.tree_unflatten(self.treedef, leaves[i * n : (i + 1) * n]) for i in range(arity)], {}

        fun.__name__ = name
        return Flat(fun, rebuild, f"custom_root: {name}")

    def _checked(self, result: Any, name: str, has_aux: bool = False) -> Any:
        check_result(f"custom_root: {name}", "initial_guess", result, self.treedef, self.operands, has_aux)
        return result

    def _tangent(self, f: Any, tangent_solve: Any, x: Any, y: Any) -> Any:
        from axil.differentiation import linearize

        return self._checked(tangent_solve(linearize(f, x)[1], y), "tangent_solve")

    def _trace(self, flat: Flat, arity: int = 1, role: str = "") -> Traced:
        avals, weak = [x.aval for x in self.operands], [x.weak_type for x in self.operands]
        sources = self.operands if role == "opaque" else ()
        return trace_function(flat.where, symbol(flat.fun), flat, avals * arity, weak * arity, sources, role)

    def emit(self, *operands: Any) -> list:
        """Emit the solution, with its rule."""
        f, solve, tangent = self._trace(self.f), self._trace(self.solution, 1, "opaque"), self._trace(self.tangent, 2)
        n = len(operands)

        def call(traced: Traced, consts: Sequence[Any], *args: Any) -> list:
            assert state.trace is not None
            return state.trace.call(traced.name, [*consts, *args], traced.weak)

        @custom_jvp
        def root(f_consts: list, consts: list, tangent_consts: list, guess: list) -> list:
            return call(solve, consts, *guess)

        @root.defjvp
        def _(primals: tuple, tangents: tuple) -> tuple[list, list]:
            found = root(*primals)
            x = found[:n]
            change = _tangent_of(f, [*primals[0], *x], tangents[0])
            dx = [-t for t in call(tangent, primals[2], *x, *change)]
            zeros = [_zero_tangent(v) for v in found[n:]]
            return found, [*dx, *zeros]

        root.label = "custom_root"
        return root(f.captures, solve.captures, tangent.captures, list(operands))


def _zero_tangent(x: Any) -> Any:
    """The tangent of a result without derivative."""
    return x * 0 if av.is_inexact(x.aval.dtype) else x


def _tangent_of(f: Traced, primals: list, tangents: list) -> list:
    """The change of `f`'s results with the tangents of its first operands."""
    assert state.trace is not None
    wrt = tuple(i for i in range(len(tangents)) if av.is_inexact(primals[i].aval.dtype))
    results = state.trace.call_site("jvp", [f.name], [*primals, *[tangents[i] for i in wrt]], wrt=wrt)
    return results[len(f.outputs) :]


__all__ = ["custom_linear_solve", "custom_root"]
