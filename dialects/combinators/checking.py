"""How `checkify` goes into control flow: rules that make new control of functions that give their errors too.

A rule `checkify(deriver, site, operands, categories)` emits the call and gives its results and its error, a `Failure`,
or `None` if nothing can go wrong. Loops carry the first error; of branches, one with none of its own gives the others'
slots as zeros. Custom derivative rules are not checked themselves: what they give besides results has no checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects import effects
from axil.dialects.avals import aval_of, is_inexact
from axil.dialects.combinators.combinator import Signature, Site, split
from axil.dialects.combinators.error_state import Checked, ErrorState, first_of, no_error, union
from axil.dialects.combinators.python_rules import keep
from axil.dialects.effects import AUTOMATIC, EXPLICIT
from axil.dialects.factories import ops
from axil.dialects.op import Failure, full, zeros_like_aval


def call_where(
    d: Any, function: str, mask: tuple[bool, ...], size: int, axis_name: str, wanted: Any, operands: Any, active: Any
) -> list:  # fmt: skip
    """Call a batched function, of whose checks only those of the `active` examples count.

    Where examples go different ways, a function is run for all of them and some of its results are not used: nor may
    the errors of these be reported.
    """
    from axil.dialects.mlir import EFFECTS

    checked = d.checkify(function, (EXPLICIT,)) if EFFECTS in d[function].attributes else Checked(function, (), ())
    if not checked.messages:
        return d.call(d.batch(function, mask, size, axis_name, at_least=wanted).function, operands)
    wanted = [*wanted, *[True] * len(checked.avals)]
    derived = d.batch(checked.function, mask, size, axis_name, at_least=wanted)
    outs, failure = checked.split(d.call(derived.function, operands))
    assert failure is not None
    code = ops.select(active, failure.code, full((size,), 0, np.int32))
    effects.check.batch(
        size, [code, *failure.payload], [True] * len(checked.avals),
        messages=tuple(map(effects.number_of, failure.messages)),
    )  # fmt: skip
    return outs


def checkify_unchanged(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, None]:
    """Calls that have nothing to check."""
    return d.call_site(site, operands), None


def checkify_call(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """Combinators that call their one function on their operands."""
    checked = d.checkify(site.functions[0], categories)
    return checked.split(d.call_site(site.replace((checked.function,)), operands))


def checkify_beside(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """Combinators that call their first function, with rules that depend on its type: it is called again for its error.

    What both calls compute is merged when the program is compiled. Nothing differentiates the second.
    """
    of, *others = site.functions
    checked, plain = d.checkify(of, categories), d.checkify(of, ())
    more = {}
    if "rule" in site.parameters:
        more["rule"] = keep(d, _WithoutChecks(site.parameters["rule"], f"a rule of {site.combinator.name}"))
    outs = d.call_site(site.replace((plain.function, *others), **more), operands)
    if not checked.messages:
        return outs, None
    _, failure = checked.split(d.call(checked.function, _stopped(operands)))
    return outs, failure


@dataclass(frozen=True)
class _WithoutChecks:
    """A rule in Python, whose checks are left out: what can go wrong in the function has been said."""

    base: int
    what: str

    def make(self, d: Any, key: tuple) -> tuple[str, Any]:
        """The function for a case."""
        name, more = d.rule(self.base, self.what, key)
        return d.checkify(name, ()).function, more


def _stopped(values: Any) -> list:
    """Values as constants of differentiation: errors have no derivative."""
    return [ops.stop_gradient(v) if is_inexact(aval_of(v).dtype) else v for v in values]


def checkify_scan(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """The error is one more part of the carry."""
    consts, carry = site.parameters["consts"], site.parameters["carry"]
    (body,) = site.functions
    checked = d.checkify(body, categories)
    n = len(checked.avals)
    if not n:
        return d.call_site(site.replace((checked.function,)), operands), None
    of = d.signature(body)
    c_avals, rest = split(of.inputs, consts)

    def step(*args: Any) -> list:
        c, error, others = split(args, consts, n)
        outs, new = split(d.call(checked.function, [*c, *others]), len(of.outputs))
        return [*first_of(error, new), *outs]

    new_body = d.build(f"{body}.checked_step", [*c_avals, *checked.avals, *rest], step)
    c, others = split(operands, consts)
    results = d.call_site(site.replace((new_body,), carry=carry + n), [*c, *no_error(checked), *others])
    (code, *payload), outs = split(results, n)
    return outs, Failure(code, checked.messages, tuple(payload))


def checkify_while(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """The error is one more part of the carry. So is what the condition gives, if something can go wrong in it."""
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    cond, body = (d.checkify(f, categories) for f in site.functions)
    if not cond.messages:
        return _checkify_loop(d, site, operands, cond, body)
    of = d.signature(site.functions[1])
    c_avals, (b_avals, s_avals) = d.signature(site.functions[0]).inputs[:n_cond], split(of.inputs, n_body)
    (goes_on,) = d.signature(site.functions[0]).outputs
    cc, bc, s = split(operands, n_cond, n_body)
    (start,), first = cond.split(d.call(cond.function, [*cc, *s]))

    def step(*args: Any) -> list:
        cc, bc, _, s = split(args, n_cond, n_body, 1)
        state = ErrorState()
        outs, failed = body.split(d.call(body.function, [*bc, *s]))
        (again,), in_condition = cond.split(d.call(cond.function, [*cc, *outs]))
        for failure in (failed, in_condition):
            if failure is not None:
                state.add(failure)
        found.append(state)
        return [again, *outs, *state.outputs()]

    found: list[ErrorState] = []
    new_body = d.build(f"{site.functions[1]}.checked", [*c_avals, *b_avals, goes_on, *s_avals], step)
    whole = Checked(new_body, tuple(found[0].messages), found[0].slots)
    new_cond = d.build(f"{site.functions[0]}.carried", [goes_on, *s_avals], lambda goes, *_: [goes])
    new = site.replace((new_cond, new_body), cond_consts=0, body_consts=n_cond + n_body)
    condition = Checked(new_cond, (), ())
    (_, *outs), failure = _checkify_loop(d, new, [*cc, *bc, start, *s], condition, whole)
    state = ErrorState()
    for error in (first, failure):
        if error is not None:
            state.add(error)
    code, *payload = state.outputs()
    return outs, Failure(code, tuple(state.messages), tuple(payload))


def _checkify_loop(d: Any, site: Site, operands: Any, cond: Checked, body: Checked) -> tuple[list, Failure | None]:
    """A loop whose condition cannot fail; `body` gives the carry and its error."""
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    n = len(body.avals)
    if not n:
        return d.call_site(site.replace((cond.function, body.function)), operands), None
    c_avals, s_avals = split(d.signature(cond.function).inputs, n_cond)
    b_avals = d.signature(body.function).inputs[:n_body]

    def condition(*args: Any) -> list:
        c, _, s = split(args, n_cond, n)
        return d.call(cond.function, [*c, *s])

    def step(*args: Any) -> list:
        b, error, s = split(args, n_body, n)
        outs, new = split(d.call(body.function, [*b, *s]), len(s_avals))
        return [*first_of(error, new), *outs]

    new_cond = d.build(f"{cond.function}.of_error", [*c_avals, *body.avals, *s_avals], condition)
    new_body = d.build(f"{body.function}.checked_step", [*b_avals, *body.avals, *s_avals], step)
    consts, s = split(operands, n_cond + n_body)
    results = d.call_site(site.replace((new_cond, new_body)), [*consts, *no_error(body), *s])
    (code, *payload), outs = split(results, n)
    return outs, Failure(code, body.messages, tuple(payload))


def checkify_cond(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """Every branch gives the slots of all."""
    branches = [d.checkify(f, categories) for f in site.functions]
    if not any(b.messages for b in branches):
        return d.call_site(site.replace(tuple(b.function for b in branches)), operands), None
    messages, slots, givers = union(branches)
    inputs = d.signature(site.functions[0]).inputs

    def branch(part: Checked, give: Any) -> str:
        def body(*args: Any) -> list:
            outs, failure = part.split(d.call(part.function, args))
            return [*outs, *give(failure)]

        return d.build(f"{part.function}.joined", inputs, body)

    new = tuple(branch(part, give) for part, give in zip(branches, givers))
    whole = Checked("", messages, slots)
    return whole.split(d.call_site(site.replace(new), operands))


def checkify_custom_jvp(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """Errors are those of the function and, where a derivative is taken, of checks in the rule; they have no tangents.

    The rule's operations are not checked, as those of other derivatives are not, if these are taken of a checkified
    function. Let `checkify` see them: `checkify(grad(f))`.
    """
    of, rule = site.functions
    own, in_rule = d.checkify(of, categories), d.checkify(rule, _explicit(categories))
    both = _Joined((own, in_rule))
    signature, n_in = d.signature(of), len(d.signature(of).inputs)
    n_out = len(signature.outputs)
    floats = [a for a in both.avals if is_inexact(a.dtype)]

    def new_rule(*args: Any) -> list:
        _, failure = own.split(d.call(own.function, _stopped(args[:n_in])))
        results, more = in_rule.split(d.call(in_rule.function, args))
        outs, touts = split(results, n_out)
        return [*outs, *both.error(failure, more), *touts, *map(zeros_like_aval, floats)]

    wrapped = d.build(f"{rule}.of_error", d.signature(rule).inputs, new_rule)
    return both.split(d.call_site(site.replace((both.function(d, signature), wrapped)), operands))


def checkify_custom_vjp(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """As for `custom_jvp`: errors are of the function and of checks in the forward rule; their cotangents are dropped.
    """
    of, forward, backward = site.functions
    of_consts, forward_consts = site.parameters["of_consts"], site.parameters["forward_consts"]
    own, in_rule = d.checkify(of, categories), d.checkify(forward, _explicit(categories))
    both = _Joined((own, in_rule))
    signature, (c_avals, args_of) = d.signature(of), split(d.signature(of).inputs, of_consts)
    n_out, floats = len(signature.outputs), [a for a in both.avals if is_inexact(a.dtype)]

    def new_forward(*values: Any) -> list:
        fc, oc, args = split(values, forward_consts, of_consts)
        _, failure = own.split(d.call(own.function, _stopped([*oc, *args])))
        results, more = in_rule.split(d.call(in_rule.function, [*fc, *args]))
        outs, residuals = split(results, n_out)
        return [*outs, *both.error(failure, more), *residuals]

    def new_backward(*values: Any) -> list:
        return d.call(backward, values[: len(values) - len(floats)])

    consts = d.signature(forward).inputs[:forward_consts]
    fw = d.build(f"{forward}.of_error", [*consts, *c_avals, *args_of], new_forward)
    bw = d.build(f"{backward}.of_error", [*d.signature(backward).inputs, *floats], new_backward)
    oc, fc, rest = split(operands, of_consts, forward_consts)
    new = site.replace((both.function(d, signature), fw, bw), forward_consts=forward_consts + of_consts)
    return both.split(d.call_site(new, [*oc, *fc, *oc, *rest]))


def _explicit(categories: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(c for c in categories if c not in AUTOMATIC)


class _Joined:
    """A function whose errors are joined with those of a rule, which are none where the rule is not run."""

    def __init__(self, parts: tuple[Checked, Checked]) -> None:
        self.own = parts[0]
        messages, slots, self.givers = union(parts)
        self.whole = Checked("", messages, slots)
        self.avals = self.whole.avals
        self.split = self.whole.split

    def error(self, own: Failure | None, in_rule: Failure | None) -> list:
        """Code and slots: the function's error, else the rule's."""
        if not self.avals:
            return []
        errors = [give(e) for give, e in zip(self.givers, (own, in_rule))]
        return first_of(*errors)

    def function(self, d: Any, of: Signature) -> str:
        """The function itself, giving its own error."""
        if not self.avals:
            return self.own.function

        def body(*args: Any) -> list:
            outs, failure = self.own.split(d.call(self.own.function, args))
            return [*outs, *self.givers[0](failure)]

        return d.build(f"{self.own.function}.joined", of.inputs, body)


def checkify_solve(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Failure | None]:
    """A linear solve: the solver's error is one more of its auxiliary results."""
    at = 1 if len(site.functions) == 2 else 2
    checked = d.checkify(site.functions[at], categories)
    functions = (*site.functions[:at], checked.function, *site.functions[at + 1 :])
    return checked.split(d.call_site(site.replace(functions), operands))


