"""Operations of your own, declared in your own package exactly as Axil declares its operations.

    import numpy as np
    import axil.extend as extend
    from axil.extend import ops

    softsign = extend.op(
        "mylib.softsign", "x / (1 + |x|).", reference=lambda x: x / (1 + np.abs(x)),
        partials=(lambda y, x: ops.integer_pow(ops.add(ops.abs(x), 1.0), exponent=-2),),
        lower=lambda values, results, context: ..., samples=(extend.sample("f32[2,3]"),),
    )
    softsign(x)      # eagerly, and under jit, grad, vmap, scan, in any nesting

Everything that is known of an op stands in its declaration: the meaning in NumPy, the derivative, batching, the
lowering to StableHLO or to a kernel, and samples. `axil.testing.check_op(softsign)` holds these against each other;
`axil docs --of mylib` writes the reference page. docs/extending.md has worked examples.

Rules run in two worlds: on NumPy arrays, where `ops.mul(a, b)` computes, and on MLIR values, where it emits. So they
are made of `ops`, `full` and `full_like`, not of NumPy functions. What each rule receives and gives is told by `Op`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from axil import errors
from axil.core import bind
from axil.dialects.avals import Aval, aval
from axil.dialects.errors import AttributeValueError, DifferentiationError, DtypeError, ShapeError
from axil.dialects.factories import add_tangents, all_batched, batch_elementwise, check_dtype, check_same, ops
from axil.dialects.op import OPS, Linear, Op, Sample, full, full_like, is_linear, no_tangent, sample
from axil.lax.common import aligned, operands
from axil.source import user_line

hlo: Any
"""The builders of StableHLO that lowering rules call, on first use (see `axil.dialects.hlo`)."""


class DeclarationError(errors.AxilTypeError, ValueError):
    """The declaration of an op is incomplete or wrong."""


class ExtendedOp:
    """An op of a user's, as a function: takes arrays and numbers by position, attributes by keyword.

    `declaration` is the `Op`. Operands of an elementwise op have one dtype, and shapes that are equal or scalar.
    """

    def __init__(self, declaration: Op, elementwise: bool, defaults: Mapping[str, Any]) -> None:
        self.declaration = declaration
        self.__name__ = self.__qualname__ = declaration.name.rpartition(".")[2]
        self.__doc__ = _documented(declaration)
        self._elementwise = elementwise
        self._defaults = dict(defaults)

    def __call__(self, *arguments: Any, **attributes: Any) -> Any:
        """Apply the op: an array, or a tuple of them for an op of several results."""
        op = self.declaration
        if len(arguments) != len(op.operands) and not op.variadic:
            wanted = f"{len(op.operands)} ({', '.join(op.operands)})"
            self._refuse(f"{op.name} takes {wanted} operands, got {len(arguments)}")
        attributes = {**self._defaults, **attributes}
        if set(attributes) != set(op.attributes):
            missing, unknown = set(op.attributes) - set(attributes), set(attributes) - set(op.attributes)
            what = f"needs {', '.join(sorted(missing))}" if missing else f"does not take {', '.join(sorted(unknown))}"
            self._refuse(f"{op.name} {what}; its attributes are {', '.join(op.attributes) or 'none'}")
        fit = aligned if self._elementwise else operands
        return bind(op, *fit(op.name, arguments), **{k: _plain(v) for k, v in attributes.items()})

    def _refuse(self, message: str) -> None:
        raise errors.AxilTypeError(errors.explain(message, user_line()))

    def __repr__(self) -> str:
        return f"<op {self.declaration.name}>"


def op(
    name: str, summary: str, *, reference: Callable[..., Any], lower: str | Callable[..., Any],
    samples: Sequence[Sample], operands: Sequence[str] = ("x",), infer: Callable[..., Any] | None = None,
    partials: Sequence[Callable[..., Any] | None] | None = None, jvp: Callable[..., Any] | None = None,
    batch: Callable[..., Any] | None = None, takes: str = "float", defaults: Mapping[str, Any] | None = None,
    replace: bool = False, **rules: Any,
) -> ExtendedOp:  # fmt: skip
    """Declare an op. Gives the function that applies it.

    - `name`: `"package.op"`, `axil.package.op` in text.
    - `reference(*arrays, **attributes)`: the meaning, in NumPy.
    - `lower`: the name of the StableHLO op that it is, or `lower(values, results, context, **attributes)`, which
      emits StableHLO with `hlo` or code of its own with `context.code`.
    - `samples`: operands and attributes to check the op on.
    - Without `infer`, the op is *elementwise*: operands and result have one shape and dtype (of the kind `takes`, a
      key of `axil.dialects.factories.DTYPE_KINDS`); batching follows. Otherwise `infer(*avals, **attributes)` gives
      the aval of the result (a tuple of them for several), and `batch` is needed.
    - The derivative is `partials`, for elementwise ops a function `(y, *xs)` an operand that gives the slope in it, or
      `jvp(y, xs, tangents, **attributes)`, or neither for an op that has none: asking for it is then an error.
    - `rules`: anything else that `Op` has: `attributes`, `linear` and `transpose`, `jet`, `simplify`, `flops`,
      `domain`, `results`, `source`, ...; `defaults` gives values of attributes.
    - `replace=True` declares an op again, with operands and attributes as before: for notebooks.

    Raises `DeclarationError` for an incomplete declaration or a name that is taken.
    """
    elementwise = infer is None
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", name):
        way_out = f"name it after your package, such as 'mylib.{re.sub('[^A-Za-z0-9_]', '_', name)}'"
        text = f"an op's name is 'package.op', got {name!r}"
        raise DeclarationError(errors.explain(text, user_line(), ways_out=[way_out]))
    if partials is not None and jvp is not None:
        raise DeclarationError(errors.explain(f"'{name}': give partials or jvp, not both", user_line()))
    if partials is not None and len(partials) != len(operands):
        text = f"'{name}' has {len(operands)} operands and {len(partials)} partials; give one each, or None"
        raise DeclarationError(errors.explain(text, user_line()))
    if not elementwise and partials is not None:
        text = f"'{name}': partials are for elementwise ops; with infer, give jvp"
        raise DeclarationError(errors.explain(text, user_line()))
    if not elementwise and batch is None:
        text = f"'{name}' has no batching rule: with infer, give batch(size, xs, batched, **attributes)"
        raise DeclarationError(errors.explain(text, user_line()))
    rules |= dict(
        name=name, summary=summary, operands=tuple(operands), reference=reference, lower=lower, samples=tuple(samples),
        infer=infer or _same_type(name, takes), batch=batch or batch_elementwise(name),
        jvp=jvp or (_jvp_of_partials(name, operands, partials) if partials else _no_derivative(name)),
    )  # fmt: skip
    return ExtendedOp(_declared(name, rules, replace), elementwise, defaults or {})


def _declared(name: str, rules: dict[str, Any], replace: bool) -> Op:
    """Put the declaration into the registry, and the op into the dialect."""
    from axil.dialects import families  # noqa: F401  (Axil's own ops come first)
    from axil.dialects.registration import declare_op

    before = OPS.get(name)
    if before is not None and not replace:
        ways = ["choose another name", "or declare it again with replace=True"]
        raise DeclarationError(errors.explain(f"an op '{name}' is declared already", user_line(), ways_out=ways))
    OPS.pop(name, None)
    try:
        made = Op(**rules)
        if before is not None and _form(before) != _form(made):
            raise TypeError(f"declared again, '{name}' must keep operands, attributes and number of results")
        if before is None:
            declare_op(made)
    except Exception as e:
        OPS.pop(name, None)
        if before is not None:
            OPS[name] = before
        raise DeclarationError(errors.explain(f"'{name}' cannot be declared: {e}", user_line())) from e
    if before is not None:
        from axil import clear_caches

        clear_caches()  # programs hold the rules as they were
    return made


def __getattr__(name: str) -> Any:
    if name == "hlo":  # on first use: it loads MLIR
        from axil.dialects import hlo

        return hlo
    raise AttributeError(f"module 'axil.extend' has no attribute {name!r}")


def _form(op: Op) -> tuple:
    return op.operands, tuple(op.attributes.items()), op.results, op.variadic


def _same_type(name: str, takes: str) -> Callable[..., Aval]:
    def infer(*xs: Aval, **attributes: Any) -> Aval:
        check_same(name, *xs)
        check_dtype(name, xs[0], takes)
        return xs[0]

    return infer


def _jvp_of_partials(name: str, operands: Sequence[str], partials: Sequence[Any]) -> Callable[..., Any]:
    def jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
        total = None
        for operand, partial, t in zip(operands, partials, dxs):
            if t is None:
                continue
            if partial is None:
                raise DifferentiationError(f"'{name}' has no derivative in '{operand}'")
            total = add_tangents(total, ops.mul(t, partial(y, *xs, **attributes)))
        return total

    return jvp


def _no_derivative(name: str) -> Callable[..., Any]:
    def jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
        if any(t is not None for t in dxs):
            raise DifferentiationError(
                f"'{name}' was declared without a derivative: give it partials or a jvp rule (no_tangent if it has "
                "none by its nature), or stop the gradient before it: axil.lax.stop_gradient(x)"
            )
        return None

    return jvp


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _documented(op: Op) -> str:
    """The docstring of a declaration."""
    lines = [op.summary, "", f"`axil.{op.name}`: operands {', '.join(op.operands)}"]
    lines += [f"- attribute `{k}`: {kind}" for k, kind in op.attributes.items()]
    return "\n".join([*lines, *([f"Source: {op.source}"] if op.source else [])])


__all__ = [
    "Aval", "AttributeValueError", "DeclarationError", "DifferentiationError", "DtypeError", "ExtendedOp", "Linear",
    "Op", "Sample", "ShapeError", "add_tangents", "all_batched", "aval", "full", "full_like", "hlo", "is_linear",
    "no_tangent", "op", "ops", "sample",
]  # fmt: skip
