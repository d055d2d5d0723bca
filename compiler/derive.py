"""Derivation: functions made from functions, by the traversals `jvp`, `linearize`, `transpose` and `batch`.

The `Deriver` is what rules of combinators talk to. Each derivation is memoised on the function, the
transformation and its parameters: a body that a loop and its gradient share is derived once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axil.compiler.functions import Functions, body_of, has_effects, located, operations, terminator
from axil.compiler.passes import checkify as checkify_traversal
from axil.compiler.passes import jet as jet_traversal
from axil.compiler.passes import jvp as jvp_traversal
from axil.compiler.passes import linear_tape
from axil.compiler.passes import linearize as linearize_traversal
from axil.compiler.passes import prune as prune_traversal
from axil.compiler.passes import quiet as quiet_traversal
from axil.compiler.passes import save as save_traversal
from axil.compiler.passes import transpose as transpose_traversal
from axil.compiler.passes import vmap as vmap_traversal
from axil.dialects.combinators import Site, python_rules
from axil.dialects.combinators.combinator import differentiable, spread
from axil.dialects.combinators.error_state import Checked
from axil.dialects.errors import AttributeValueError, ShapeError
from axil.dialects.factories import broadcast_batch
from axil.dialects.mlir import ir
from axil.dialects.op import zeros_like_aval


class Deriver(Functions):
    """Derives functions of one module. See `axil.dialects.combinators.combinator` for who calls it."""

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self._memo: dict[tuple, Any] = {}
        self._expanding: set[str] = set()
        self._linear: dict[str, linear_tape.LinearProgram] = {}

    # ---- what rules ask for ----------------------------------------------------------------------------

    def jvp(self, name: str, mask: tuple[bool, ...]) -> jvp_traversal.Jvp:
        """Forward mode of a function; `mask` says which operands have tangents."""
        return self._once(("jvp", name, tuple(mask)), lambda: jvp_traversal.derive(self, name, tuple(mask)))

    def jet(self, name: str, mask: tuple[bool, ...], order: int) -> jet_traversal.Jet:
        """Taylor mode of a function; `mask` says which operands have series, of `order` coefficients."""
        key = ("jet", name, tuple(mask), order)
        return self._once(key, lambda: jet_traversal.derive(self, name, tuple(mask), order))

    def call_jet(
        self, derived: jet_traversal.Jet, primals: Sequence, series: Sequence, order: int
    ) -> tuple[list, list]:
        """Call a derived Taylor-mode function; series that are zero are `None`, on both sides."""
        return jet_traversal.call(self, derived, primals, series, order)

    def needed(self, name: str, outputs: tuple[bool, ...]) -> tuple[bool, ...]:
        """Which operands of a function the marked results depend on."""
        key = ("needed", name, outputs)
        return self._once(key, lambda: prune_traversal.needed(self, name, outputs))

    def pruned(self, name: str, inputs: tuple[bool, ...], outputs: tuple[bool, ...]) -> str:
        """A function with the marked operands and results only."""
        if all(inputs) and all(outputs):
            return name
        key = ("pruned", name, inputs, outputs)
        return self._once(key, lambda: prune_traversal.pruned(self, name, inputs, outputs))

    def replace_return(self, name: str, outputs: Sequence[ir.Value]) -> None:
        """Let a function return other values of its body."""
        jvp_traversal.replace_return(self, name, list(outputs))

    def linearize(
        self, name: str, mask: tuple[bool, ...], forwardable: tuple[bool, ...], wanted: Sequence[bool] | None = None
    ) -> linearize_traversal.Linearized:
        """A function in two: outputs and residuals, and the linear map of tangents.

        Operands marked `forwardable` are given to the linear part again, not kept as residuals. `wanted` marks the
        results whose tangents are asked for, all of them by default.
        """
        asked = None if wanted is None or all(wanted) else tuple(wanted)
        key = ("linearize", name, tuple(mask), tuple(forwardable), asked)
        return self._once(
            key, lambda: linearize_traversal.derive(self, name, tuple(mask), tuple(forwardable), asked)
        )

    def quiet(self, name: str) -> str:
        """A function without the calls that are made for their effects alone: for steps that are run again."""
        return self._once(("quiet", name), lambda: quiet_traversal.derive(self, name))

    def transpose(self, name: str, linear: tuple[bool, ...]) -> str:
        """Transposition: (nonlinear operands, cotangents) to cotangents of the linear operands."""
        key = ("transpose", name, tuple(linear))
        program = self._linear.get(name)
        if program is not None and tuple(linear) == program.mask:
            return self._once(key, lambda: linear_tape.transpose(self, program, f"{name}.transposed"))
        return self._once(key, lambda: transpose_traversal.derive(self, name, tuple(linear)))

    def later(self, hint: str, program: linear_tape.LinearProgram) -> str:
        """Name the function of a linear map, which is written when somebody asks for it."""
        name = self.fresh(hint)
        self._linear[name] = program
        self._later[name] = lambda: linear_tape.write(self, program, name)
        self._sites[name] = None
        self._signatures[name] = program.signature
        return name

    def batch(
        self, name: str, mask: tuple[bool, ...], size: int, axis_name: str, at_least: Sequence[bool] = ()
    ) -> vmap_traversal.Batched:
        """Batching; `at_least` says which of the first results must come out batched."""
        key = ("batch", name, tuple(mask), size, axis_name, tuple(at_least))
        return self._once(
            key, lambda: vmap_traversal.derive(self, name, tuple(mask), size, axis_name, tuple(at_least))
        )

    def checkify(self, name: str, categories: tuple[str, ...]) -> Checked:
        """A function with its errors, of the given categories, as further results."""
        return self._once(("checkify", name, categories), lambda: checkify_traversal.derive(self, name, categories))

    def save(self, name: str, policy: str, wanted: tuple[bool, ...]) -> save_traversal.Saved:
        """A function split in what is run once and what is run again for the outputs `wanted`; see `policies`."""
        key = ("save", name, policy, tuple(wanted))
        return self._once(key, lambda: save_traversal.derive(self, name, policy, tuple(wanted)))

    def rule(self, number: int, what: str, key: tuple) -> Any:
        """What a rule in Python gives for a case, once in this module; see `python_rules`."""
        return self._once(("rule", number, key), lambda: python_rules.find(number, what).make(self, key))

    def call_jvp(self, derived: jvp_traversal.Jvp, primals: Sequence, tangents: Sequence) -> tuple[list, list]:
        """Call a derived forward-mode function; tangents that are zero are `None`, on both sides."""
        results = self.call(derived.function, [*primals, *[t for t in tangents if t is not None]])
        n = len(derived.nonzero)
        return results[:n], spread(results[n:], derived.nonzero)

    def unseen(self, name: str, mask: tuple[bool, ...]) -> str:
        """A function without its calls that only look at a value (and print it), of what depends on some operands."""
        return self._once(("unseen", name, tuple(mask)), lambda: self._without_looks(self.flat(name), mask))

    def _without_looks(self, name: str, mask: tuple[bool, ...]) -> str:
        if not self.acts(name):
            return name
        copy = self.clone(name, f"{name}.unseen")
        block = body_of(self[copy])
        depend = {a for a, m in zip(block.arguments, mask) if m}
        for op in operations(block)[:-1]:
            if any(v in depend for v in op.operands):
                if has_effects(op) and not len(op.results):
                    op.erase()
                else:
                    depend.update(op.results)
        return copy

    def inline(self, name: str, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """Emit a function's operations, flattened, instead of a call."""
        return super().inline(self.flat(name), operands)

    def variant(self, name: str, hint: str, outputs: Callable[[ir.Block], Sequence[ir.Value]]) -> str:
        """A copy of a function that returns other values of its body: those that `outputs` picks."""
        copy = self.clone(self.flat(name), hint)
        block = body_of(self[copy])
        jvp_traversal.replace_return(self, copy, list(outputs(block)))
        prune_traversal.drop_dead(block, list(terminator(block).operands))
        return copy

    def part(self, name: str, hint: str, count: int, outputs: Callable[[ir.Block], Sequence[ir.Value]]) -> str:
        """What computes some values of a function's body from its first `count` operands, and nothing else of it."""
        copy = self.clone(self.flat(name), hint)
        block = body_of(self[copy])
        values = list(outputs(block))
        jvp_traversal.replace_return(self, copy, values)
        needed = set(values)
        for op in reversed(operations(block)[:-1]):
            if any(r in needed for r in op.results):
                needed.update(op.operands)
            else:
                op.erase()
        for i in reversed(range(count, len(block.arguments))):
            block.erase_argument(i)
        self.retype(copy, values)
        return copy

    def broadcast_batch(self, value: ir.Value, size: int) -> ir.Value:
        """A value with a new leading dimension."""
        return broadcast_batch(value, size)

    def flat(self, name: str) -> str:
        """A function of the same meaning that calls nothing but control combinators: itself, once flattened.

        Control has no body of its own; what stands for it is a function that calls it.
        """
        site = self.site(name)
        if site is not None and not site.combinator.transformation:
            return self._once(("body", name), lambda: self._body_of_control(name))
        self.expand(name)
        self.flatten(name, self.expand)
        return name

    def _body_of_control(self, name: str) -> str:
        with ir.InsertionPoint(self.block), self[name].location:
            return self.build(f"{name}.body", self.signature(name).inputs, lambda *args: self.call(name, args))

    def _once(self, key: tuple, make: Any) -> Any:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]

    # ---- expansion of declared transformations ---------------------------------------------------------

    def expand(self, name: str) -> None:
        """Write the body of a derived function; control combinators stay declarations."""
        site = self.site(name)
        if site is None or not site.combinator.transformation:
            return
        if name in self._expanding:
            raise AttributeValueError(f"function @{name} is derived from itself")
        self._expanding.add(name)
        try:
            with located(self[name].location):
                _EXPAND[site.combinator.name](self, name, site)
        finally:
            self._expanding.discard(name)


def _mask(positions: tuple[int, ...], count: int) -> tuple[bool, ...]:
    return tuple(i in positions for i in range(count))


def _expand_jvp(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    signature = d.signature(of)
    wrt = site.parameters["wrt"]
    mask = _mask(wrt, len(signature.inputs))
    derived = d.jvp(of, mask)

    def body(*args: Any) -> list:
        n = len(signature.inputs)
        tangents = dict(zip(wrt, args[n:]))
        outs, touts = d.call_jvp(derived, args[:n], [tangents.get(i) for i in range(n)])
        return [*outs, *_with_zeros(signature, touts)]

    d.fill(name, body)


def _expand_jet(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    signature = d.signature(of)
    wrt, order = site.parameters["wrt"], site.parameters["order"]
    n = len(signature.inputs)
    derived = d.jet(of, _mask(wrt, n), order)

    def body(*args: Any) -> list:
        own = {i: list(args[n + j * order : n + (j + 1) * order]) for j, i in enumerate(wrt)}
        outs, found = d.call_jet(derived, args[:n], [own.get(i) for i in range(n)], order)
        avals = signature.outputs
        zeros = lambda i: [zeros_like_aval(avals[i]) for _ in range(order)]
        series = [zeros(i) if found[i] is None else found[i] for i in differentiable(avals)]
        return [*outs, *[c for s in series for c in s]]

    d.fill(name, body)


def _with_zeros(signature: Any, touts: Sequence) -> list:
    avals = signature.outputs
    return [zeros_like_aval(avals[i]) if touts[i] is None else touts[i] for i in differentiable(avals)]


def _expand_linearize(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    signature = d.signature(of)
    wrt = site.parameters["wrt"]
    n = len(signature.inputs)
    parts = d.linearize(of, _mask(wrt, n), (False,) * n)
    forward = d.clone(parts.forward, f"{name}.forward")
    linear = d.clone(parts.linear, f"{name}.linear")

    def body(*args: Any) -> list:
        results = d.call(forward, args[:n])
        outs, residuals = results[: len(signature.outputs)], results[len(signature.outputs) :]
        tangents = dict(zip(wrt, args[n:]))
        touts = d.call(linear, [*residuals, *[tangents[i] for i in sorted(wrt)]])
        return [*outs, *_with_zeros(signature, spread(touts, parts.nonzero))]

    d.fill(name, body)


def _expand_vjp(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    signature = d.signature(of)
    wrt, outs = site.parameters["wrt"], site.parameters["outs"]
    n = len(signature.inputs)
    mask = _mask(wrt, n)
    parts = d.linearize(of, mask, (True,) * n, _mask(outs, len(signature.outputs)))
    used = tuple(i for i, nz in enumerate(parts.nonzero) if nz)

    def body(*args: Any) -> list:
        primals, cts = args[:n], dict(zip(outs, args[n:]))
        results = d.call(parts.forward, primals)
        values, kept = results[: len(signature.outputs)], results[len(signature.outputs) :]
        residuals = [primals[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
        linear = (False,) * len(residuals) + (True,) * sum(mask)
        backward = d.transpose(parts.linear, linear)
        grads = dict(zip(sorted(wrt), d.call(backward, [*residuals, *[cts[i] for i in used]])))
        return [*values, *[grads[i] for i in wrt]]

    d.fill(name, body)


def _expand_transpose(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    linear = site.parameters["linear"]
    derived = d.transpose(of, _mask(linear, len(d.signature(of).inputs)))

    def body(*args: Any) -> list:
        grads = dict(zip(sorted(linear), d.call(derived, args)))
        return [grads[i] for i in linear]

    d.fill(name, body)


def _expand_vmap(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    p = site.parameters
    mask = tuple(axis >= 0 for axis in p["in_axes"])
    wanted = tuple(axis >= 0 for axis in p["out_axes"])
    derived = d.batch(of, mask, p["size"], p["axis_name"], at_least=wanted)
    vmap_traversal.check_unbatched(derived.batched, wanted, p["out_axes"])

    def body(*args: Any) -> list:
        moved = [vmap_traversal.move_axis(v, axis, 0) if axis > 0 else v for v, axis in zip(args, p["in_axes"])]
        results = d.call(derived.function, moved)
        return [vmap_traversal.move_axis(v, 0, axis) if axis > 0 else v for v, axis in zip(results, p["out_axes"])]

    d.fill(name, body)


def _expand_checkify(d: Deriver, name: str, site: Site) -> None:
    (of,) = site.functions
    categories = tuple(c.strip() for c in site.parameters["errors"].split(",") if c.strip())
    checked = d.checkify(of, categories)
    declared = list(d.signature(name).outputs[len(d.signature(of).outputs) :])
    if checked.messages and checked.avals != declared:
        raise ShapeError(f"'checkify' of @{of} has the payload ({', '.join(map(str, checked.slots))}), and is "
                         f"declared with ({', '.join(map(str, declared[1:]))})")  # fmt: skip

    def body(*args: Any) -> list:
        results = d.call(checked.function, args)
        return results if checked.messages else [*results, *map(zeros_like_aval, declared)]

    d.fill(name, body)


_EXPAND = {
    "jvp": _expand_jvp, "jet": _expand_jet, "linearize": _expand_linearize, "vjp": _expand_vjp,
    "transpose": _expand_transpose, "vmap": _expand_vmap, "checkify": _expand_checkify,
}  # fmt: skip

__all__ = ["Deriver"]
