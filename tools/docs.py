"""`axil docs` (hidden): writes docs/ops.md, the reference of the dialect, and docs/api.md, the API beside JAX's.

What the first says of dtypes and derivatives is found by asking the rules themselves, on the declarations'
samples.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from axil.dialects.combinators import Combinator
    from axil.dialects.op import Op, Sample

HELP = "write the generated pages of docs/"

_KINDS = {
    "ints": "list of integers", "int": "integer", "float": "number", "bool": "true or false", "str": "text",
    "dtype": "dtype", "dense": "array", "symbols": "names of functions",
    "signature": "types of operands and results",
}  # fmt: skip
_PAGE_START = """# The operations of the `axil` dialect

Generated from the declarations by `axil docs`; do not edit. An op is written `"axil.name"(operands)
{attributes}` in `.mlir` files. [adding-an-op.md](adding-an-op.md) tells how to declare one.

- *takes*: the dtypes of the first operand. The others have the same dtype unless they are indices or
  predicates.
- *derivative*: `yes` if the op has one; `linear in` names operands through which reverse mode transposes it.
- *lowers to*: the StableHLO op it becomes, or `rule` where a rule of its own emits several, or a kernel.
"""
_COMBINATORS_START = """
## Combinators

A combinator makes a function from functions: `{axil.derived = {combinator = "vmap", of = [@f], ...}}` on a
private declaration, called with `func.call`. Transformations are removed when the program is compiled;
control stays, and is lowered last.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("-o", "--output", default="docs", metavar="FOLDER", help="default: docs")
    parser.add_argument("--cases", default="test/api/cases", metavar="FOLDER", help="tables of the differential tests")
    parser.add_argument("--check", action="store_true", help="only say whether the files are up to date")
    parser.add_argument("--of", metavar="PACKAGE", help="the page of the ops that a package of yours declares")


def run(args: argparse.Namespace) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    status = 0
    texts = {f"{args.of}.md": package_page(args.of)} if args.of else _own_pages(args)
    for name, text in texts.items():
        path = Path(args.output) / name
        if not args.check:
            path.write_text(text)
            print(f"wrote {path}")
        elif not path.exists() or path.read_text() != text:
            print(f"{path} is out of date: run axil docs")
            status = 1
        else:
            print(f"{path} is up to date")
    return status


def _own_pages(args: argparse.Namespace) -> dict[str, str]:
    from axil.tools import api

    return {"ops.md": page(), "api.md": api.page(Path(args.cases))}


def package_page(package: str) -> str:
    """The page of the ops named `<package>.*`, which importing the package declares (see `axil.extend`)."""
    import importlib

    from axil.dialects.op import OPS
    from axil.runtime.errors import AxilError

    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as e:
        raise AxilError(f"cannot import {package!r}: {e}. Is it on the path (PYTHONPATH), or installed?") from None
    found = [op for name, op in OPS.items() if name.rpartition(".")[0] == package]
    if not found:
        raise AxilError(f"importing {package} declares no op named '{package}.*' with axil.extend.op")
    summary = (inspect.getdoc(module) or "").partition("\n\n")[0]
    return "\n".join([f"# The operations of {package}\n", *([summary, ""] if summary else []), *map(_op, found)])


def page() -> str:
    """The whole page; the same declarations give the same text."""
    from axil.dialects import combinators

    parts = [_PAGE_START]
    parts += [_family(module, ops) for module, ops in families()]
    parts.append(_COMBINATORS_START)
    found = sorted(combinators.COMBINATORS.values(), key=lambda c: (not c.transformation, c.name))
    parts += [_combinator(c) for c in found]
    return "\n".join(parts)


def families() -> Iterator[tuple[ModuleType, list[Op]]]:
    """The modules that declare ops, by name, each with its ops in the order of declaration."""
    from axil.dialects import families as found
    from axil.dialects.op import OPS

    order = {name: i for i, name in enumerate(OPS)}
    for _, module in sorted(vars(found).items()):
        if inspect.ismodule(module):
            ops = [x for x in vars(module).values() if OPS.get(getattr(x, "name", "")) is x]
            yield module, sorted(set(ops), key=lambda op: order[op.name])


def _family(module: ModuleType, ops: list[Op]) -> str:
    title = module.__name__.rpartition(".")[2]
    summary = " ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split()).rstrip(".")
    entries = "\n".join(_op(op) for op in ops)
    return f"## {title}\n\n{summary}.\n\n{entries}"


# ---- an op ---------------------------------------------------------------------------------------------


def _op(op: Op) -> str:
    lines = [f"### `axil.{op.name}`", "", op.summary, "", f"- operands: {_operands(op)}"]
    if op.attributes:
        shown = [f"`{name}` ({_KINDS[kind]})" for name, kind in op.attributes.items()]
        lines.append(f"- attributes: {', '.join(shown)}")
    if op.results != 1:
        lines.append(f"- results: {_results(op.results)}")
    if takes := accepted(op):
        lines.append(f"- takes: {takes}")
    lines.append(f"- derivative: {_derivative(op)}")
    lowering = f"`stablehlo.{op.lower}`" if isinstance(op.lower, str) else "rule"
    lines.append(f"- lowers to: {lowering}")
    if op.source:
        lines.append(f"- source: {op.source}")
    return "\n".join([*lines, ""])


def _operands(op: Op) -> str:
    if op.variadic:
        return f"any number of `{op.operands[0]}`; the name in text ends in their number: `axil.{op.name}.2`"
    return ", ".join(f"`{name}`" for name in op.operands) or "none"


def _derivative(op: Op) -> str:
    if not differentiable(op):
        return "none"
    names = [op.operands[0] if op.variadic else op.operands[i] for i in op.linear]
    return "yes" + (f"; linear in {', '.join(f'`{n}`' for n in names)}" if names else "")


def differentiable(op: Op) -> bool:
    """Whether the op's JVP rule gives a tangent on one of its samples."""
    import numpy as np

    from axil.dialects.avals import is_inexact

    for sample in op.samples:
        xs = _arrays(op, sample)
        tangents = [np.ones_like(x) if is_inexact(x.dtype) else None for x in xs]
        if not sample.grad or not any(t is not None for t in tangents):
            continue
        with np.errstate(all="ignore"):
            got = op.jvp(op(*xs, **sample.attributes), xs, tangents, **sample.attributes)
        if got is not None and any(t is not None for t in (got if isinstance(got, (tuple, list)) else [got])):
            return True
    return not op.samples and bool(op.linear)  # ops over a named axis compute nothing alone


def accepted(op: Op) -> str:
    """The dtypes that type inference takes for the first operand, in words if there are words; or ''."""
    from axil.dialects.factories import DTYPE_KINDS

    tried = _dtypes()
    samples = [sample for sample in op.samples if sample.operands]
    taken = {d for d in tried if any(_infers(op, sample, d) for sample in samples)}
    for what, ok in DTYPE_KINDS.values():
        if taken == {d for d in tried if ok(d)}:
            return what.removesuffix(" arrays").replace("arrays of ", "")
    from axil.dialects.avals import short_dtype

    return ", ".join(short_dtype(d) for d in tried if d in taken)


def _infers(op: Op, sample: Sample, dtype: Any) -> bool:
    """Whether a sample is well typed with another dtype in the place of the first operand's."""
    avals = [_aval(text) for text in sample.operands]
    avals = [a.with_dtype(dtype) if a.dtype == avals[0].dtype else a for a in avals]
    targets = _dtypes() if "dtype" in op.attributes else [None]  # of conversions: some target will do
    for target in targets:
        try:
            op.result_avals(avals, {**sample.attributes, **({"dtype": target} if target is not None else {})})
            return True
        except (TypeError, ValueError, KeyError):
            continue
    return False


def _dtypes() -> list[Any]:
    """The dtypes that are tried: those of at most 8 bits that nothing computes with are left out."""
    from axil.dialects.avals import SMALL_TYPES
    from axil.tools.run import DTYPES, parse_dtype

    return [dtype for dtype in map(parse_dtype, DTYPES) if dtype not in SMALL_TYPES]


def _arrays(op: Op, sample: Sample) -> list[Any]:
    """Operands of a sample: one value of the op's domain everywhere."""
    import numpy as np

    low, high = sample.domain or op.domain
    return [np.full(a.shape, low + 0.6 * (high - low)).astype(a.dtype) for a in map(_aval, sample.operands)]


def _aval(text: str) -> Any:
    from axil.dialects.avals import aval
    from axil.tools.run import parse_type

    return aval(*parse_type(text))


# ---- a combinator --------------------------------------------------------------------------------------


def _combinator(combinator: Combinator) -> str:
    kind = "a transformation" if combinator.transformation else "control"
    of = ", ".join(f"`{name}`" for name in combinator.functions)
    lines = [f"### `{combinator.name}`", "", combinator.summary, "", f"- kind: {kind}", f"- functions: {of}"]
    if combinator.parameters:
        shown = [f"`{name}` ({_KINDS[kind]})" for name, kind in combinator.parameters.items()]
        lines.append(f"- parameters: {', '.join(shown)}")
    if not combinator.transformation:
        lines.append(f"- reverse mode: {'yes' if combinator.transpose else _reverse(combinator)}")
    return "\n".join([*lines, ""])


def _reverse(combinator: Combinator) -> str:
    return "no" if re.search("[Ff]orward-mode only", combinator.summary) else "through the functions it names"


def _results(count: int) -> str:
    return "none: it is there for its effect" if count < 0 else str(count or "as many as operands")
