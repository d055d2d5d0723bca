"""The functions of a module: a table of them, their signatures, and building, calling and inlining them.

Everything here works on `func.func` operations of one module, which the table keeps alive: an MLIR operation
dies with its module. Functions are not changed once they have a body, except that calls in them are inlined
(`flatten`), which changes nothing that they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from axil.dialects.avals import Aval
from axil.dialects.combinators import COMBINATORS, Combinator, Signature, Site
from axil.dialects.errors import AttributeValueError, DtypeError, ShapeError
from axil.dialects.mlir import (
    ATTRIBUTE_KINDS,
    EFFECTS,
    aval_of_type,
    context,
    from_attribute,
    ir,
    tensor_type,
    to_attribute,
)


def body_of(function: ir.Operation) -> ir.Block:
    """The one block of a function with a body."""
    return function.regions[0].blocks[0]


def operations(block: ir.Block) -> list[ir.Operation]:
    """The operations of a block, as a list that stays valid while ops are added or erased."""
    return [o.operation for o in block.operations]


def terminator(block: ir.Block) -> ir.Operation:
    """The last operation of a block. (Python's view of all of them would cost a microsecond for each.)"""
    found = block.operations
    return found[len(found) - 1].operation


def producer(value: ir.Value) -> ir.Operation | None:
    """The operation that gives a value; None for a block's argument."""
    if type(value) is ir.BlockArgument:
        return None
    owner = value.owner
    return getattr(owner, "operation", owner)


def has_body(function: ir.Operation) -> bool:
    """False for declarations."""
    return len(function.regions[0].blocks) > 0


def is_public(function: ir.Operation) -> bool:
    """True for functions that callers outside the module see."""
    visibility = function.attributes["sym_visibility"] if "sym_visibility" in function.attributes else None
    return visibility is None or visibility.value == "public"


def copy_operation(op: ir.Operation, operands: Sequence[ir.Value]) -> ir.Operation:
    """Emit the same operation (of no regions) on other operands of the same types."""
    attributes = {a: op.attributes[a] for a in op.attributes}
    made = ir.Operation.create(
        op.name, results=[r.type for r in op.results], operands=operands, attributes=attributes or None
    )
    if not len(made.results):  # it is there for its effect
        mark_current()
    return made


class located:  # noqa: N801 - used as a function is
    """Emit at a location, and put it on errors that rules raise. (A class: entered for every operation.)"""

    __slots__ = ("_location",)

    def __init__(self, location: ir.Location) -> None:
        self._location = location

    def __enter__(self) -> None:
        self._location.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self._location.__exit__(kind, error, traceback)
        if isinstance(error, Exception):
            place_error(error, self._location)


def place_error(error: Exception, location: ir.Location) -> None:
    """Put a location on an error, unless it has one: for loops in which entering `located` would cost too much."""
    if not hasattr(error, "location"):
        error.location = location  # type: ignore[attr-defined]


class Functions:
    """The functions of one module."""

    def __init__(self, module: Any) -> None:
        self.module = module  # held: the operations below die with it
        operation = module.operation if hasattr(module, "operation") else module
        self.block = operation.regions[0].blocks[0]
        self.table: dict[str, ir.Operation] = {
            o.attributes["sym_name"].value: o for o in operations(self.block) if o.name == "func.func"
        }
        self._signatures: dict[str, Signature] = {}
        self._sites: dict[str, Site | None] = {}
        self._flat: set[str] = set()
        self._flattening: set[str] = set()
        self._later: dict[str, Callable[[], Any]] = {}  # functions that are written when somebody asks for them
        self._counters: dict[str, int] = {}
        self.held: dict[Any, Any] = {}  # rules and functions in Python that sites name by number or handle
        self._imported: dict[tuple[int, str], tuple[Functions, str]] = {}

    @property
    def names_calls(self) -> bool:
        """Whether a rule belongs to one call: the module's text is then unlike that of the next call."""
        return any(getattr(rule, "of_one_call", False) for rule in self.held.values())

    @property
    def size(self) -> int:
        """How many operations the functions of the module have."""
        return sum(len(body_of(f).operations) for f in self.table.values() if has_body(f))

    # ---- looking up ------------------------------------------------------------------------------------

    def signature(self, name: str) -> Signature:
        """Avals of a function's inputs and outputs."""
        found = self._signatures.get(name)
        if found is None:
            op = self[name]
            type_ = ir.FunctionType(op.attributes["function_type"].value)
            try:
                inputs, outputs = tuple(map(aval_of_type, type_.inputs)), tuple(map(aval_of_type, type_.results))
            except TypeError as e:
                with located(op.location):
                    raise DtypeError(f"function @{name}: {e}") from None
            found = self._signatures[name] = Signature(inputs, outputs)
        return found

    def __getitem__(self, name: str) -> ir.Operation:
        try:
            return self.table[name]
        except KeyError:
            write = self._later.pop(name, None)
            if write is not None:
                write()
                return self.table[name]
            raise AttributeValueError(f"there is no function @{name} in the module") from None

    def site(self, name: str) -> Site | None:
        """What a derived function is derived from; `None` for a function with a body of its own."""
        if name not in self._sites:
            op = self[name]
            with located(op.location):
                found = self._sites[name] = read_site(op)
                if found is not None:
                    self._check_types(name, found)
                    self._hold(found)
        return self._sites[name]

    def _check_types(self, name: str, site: Site) -> None:
        """The declared type of a derived function must be the one that its combinator gives."""
        expected = site.combinator.signature([self.signature(f) for f in site.functions], **site.parameters)
        declared = self.signature(name)
        if declared != expected:
            raise ShapeError(
                f"@{name} is declared as {_text(declared)}, but {site.combinator.name} of "
                f"{', '.join('@' + f for f in site.functions)} is {_text(expected)}"
            )

    def avals(self, values: Iterable[ir.Value]) -> list[Aval]:
        """Avals of values."""
        return [aval_of_type(v.type) for v in values]

    def aval(self, value: ir.Value) -> Aval:
        """Aval of a value."""
        return aval_of_type(value.type)

    def fresh(self, hint: str) -> str:
        """A function name that is not taken."""
        if hint not in self.table and hint not in self._later:
            return hint
        while True:
            n = self._counters[hint] = self._counters.get(hint, 0) + 1
            if f"{hint}.{n}" not in self.table and f"{hint}.{n}" not in self._later:
                return f"{hint}.{n}"

    # ---- making ----------------------------------------------------------------------------------------

    def declare(self, site: Site, hint: str = "") -> str:
        """Declare a derived function, checking its types; gives its name."""
        signature = site.combinator.signature([self.signature(f) for f in site.functions], **site.parameters)
        name = self.fresh(hint or ".".join([*site.functions[:1], site.combinator.name]))
        op = self._create(name, signature)
        op.attributes["axil.derived"] = write_site(site)
        self._sites[name] = site
        self._hold(site)
        if self.site_has_effects(site):
            mark_effects(op)
        return name

    def build(self, hint: str, inputs: Sequence[Aval], body: Callable[..., Sequence[ir.Value]]) -> str:
        """Make a private function whose body `body(*arguments)` emits; gives its name."""
        name = self.fresh(hint)
        op = self._create(name, Signature(tuple(inputs), ()))
        block = add_body(op)
        with ir.InsertionPoint(block):
            self.finish(name, list(body(*block.arguments)))
        self._sites[name] = None
        return name

    def finish(self, name: str, outputs: Sequence[ir.Value]) -> None:
        """Emit the return at the insertion point and give the function its type."""
        ir.Operation.create("func.return", operands=list(outputs))
        self.retype(name, outputs)

    def retype(self, name: str, outputs: Sequence[ir.Value]) -> None:
        """Set a function's type from its arguments and the given outputs."""
        op = self.table[name]
        inputs = [a.type for a in body_of(op).arguments]
        type_ = ir.FunctionType.get(inputs, [v.type for v in outputs], context())
        op.attributes["function_type"] = ir.TypeAttr.get(type_, context())
        self._signatures.pop(name, None)

    def clone(self, name: str, hint: str) -> str:
        """Copy a function (in C++: 0.2 us an operation); gives the copy's name."""
        new = self.fresh(hint)
        op = self[name].clone(ip=ir.InsertionPoint(self.block))
        op.attributes["sym_name"] = ir.StringAttr.get(new, context())
        op.attributes["sym_visibility"] = ir.StringAttr.get("private", context())
        self.table[new] = op
        self._sites[new] = None
        return new

    def _create(self, name: str, signature: Signature, location: ir.Location | None = None) -> ir.Operation:
        ctx = context()
        location = location or ir.Location.current
        inputs, outputs = map(tensor_type, signature.inputs), map(tensor_type, signature.outputs)
        type_ = ir.FunctionType.get(list(inputs), list(outputs), ctx)
        op = ir.Operation.create(
            "func.func", regions=1, ip=ir.InsertionPoint(self.block), loc=location,
            attributes={
                "sym_name": ir.StringAttr.get(name, ctx), "function_type": ir.TypeAttr.get(type_, ctx),
                "sym_visibility": ir.StringAttr.get("private", ctx),
            },
        )  # fmt: skip
        self.table[name] = op
        return op

    def fill(self, name: str, body: Callable[..., Sequence[ir.Value]]) -> None:
        """Give a derived declaration its body."""
        op = self[name]
        with located(op.location):
            block = add_body(op)
            with ir.InsertionPoint(block):
                outputs = list(body(*block.arguments))
                ir.Operation.create("func.return", operands=outputs)
        del op.attributes["axil.derived"]
        self._sites[name] = None

    def import_from(self, other: Functions, name: str) -> str:
        """Copy a function of another module, with all that it calls or is derived from; gives its name here."""
        if other is self:
            return name
        key = (id(other), name)
        found = self._imported.get(key)
        if found is not None:
            return found[1]
        self.held.update(other.held)
        new = self.fresh(name)
        op = other[name].clone(ip=ir.InsertionPoint(self.block))
        op.attributes["sym_name"] = ir.StringAttr.get(new, context())
        self.table[new] = op
        self._imported[key] = (other, new)  # `other` is held, so that its id stays its own
        site = other.site(name)
        self._sites[new] = site
        if site is not None:
            self._sites[new] = site.replace(tuple(self.import_from(other, f) for f in site.functions))
            op.attributes["axil.derived"] = write_site(self._sites[new])  # type: ignore[arg-type]
            self._hold(site)
        elif has_body(op):
            for call in operations(body_of(op)):
                if call.name == "func.call":
                    callee = self.import_from(other, call.attributes["callee"].value)
                    call.attributes["callee"] = ir.FlatSymbolRefAttr.get(callee, context())
        return new

    def adopt(self, other: Functions, name: str) -> str:
        """Copy a function that calls no others from another module; gives its name here."""
        new = self.fresh(name)
        op = other[name].clone(ip=ir.InsertionPoint(self.block))
        if new != name:
            op.attributes["sym_name"] = ir.StringAttr.get(new, context())
        self.table[new] = op
        self._sites[new] = None
        self._signatures[new] = other.signature(name)
        return new

    # ---- calling ---------------------------------------------------------------------------------------

    def call(self, name: str, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """Emit a call; gives the results."""
        results = [tensor_type(a) for a in self.signature(name).outputs]
        callee = ir.FlatSymbolRefAttr.get(name, context())
        attributes = {"callee": callee}
        if has_effects(self[name]):
            attributes[EFFECTS] = ir.UnitAttr.get(context())
            mark_current()
        made = ir.Operation.create("func.call", results=results, operands=list(operands), attributes=attributes)
        return list(made.results)

    def call_site(self, site: Site, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """Declare a derived function and call it."""
        return self.call(self.declare(site), operands)

    # ---- effects ---------------------------------------------------------------------------------------

    def _hold(self, site: Site) -> None:
        """Keep alive what a site names and does not contain."""
        if site.combinator.holds is not None:
            held = site.combinator.holds(**site.parameters)
            self.held[id(held)] = held

    def acts(self, name: str) -> bool:
        """Whether a function does something beside giving results."""
        return has_effects(self[name])

    @staticmethod
    def last(block: ir.Block) -> ir.Operation:
        """The operation emitted last into a block that is being written."""
        return terminator(block)

    def site_has_effects(self, site: Site) -> bool:
        """Whether a call of a derived function does something beside giving results."""
        own = site.combinator.effects
        if own is not None and own(**site.parameters):
            return True
        return any(has_effects(self[f]) for f in site.functions)

    def find_effects(self) -> None:
        """Mark the functions and calls of a module that has been parsed, where its text does not."""
        acts = any(s is not None and s.combinator.effects for s in map(self.site, list(self.table)))
        if not acts and not any(map(has_effects, self.table.values())):
            return
        grown = True
        while grown:  # until the marks have gone from the calls that act to all that lead to them
            grown = False
            for name, op in self.table.items():
                if not has_effects(op) and self._acts(name, op):
                    mark_effects(op)
                    grown = True

    def _acts(self, name: str, op: ir.Operation) -> bool:
        """Whether a function makes calls with effects; marks these calls."""
        site = self.site(name)
        if site is not None:
            return self.site_has_effects(site)
        acting = [c for c in self._calls(op) if has_effects(self[c.attributes["callee"].value])]
        for call in acting:
            mark_effects(call)
        return bool(acting)

    @staticmethod
    def _calls(function: ir.Operation) -> list[ir.Operation]:
        body = operations(body_of(function)) if has_body(function) else []
        return [op for op in body if op.name == "func.call"]

    # ---- inlining --------------------------------------------------------------------------------------

    def inline(self, name: str, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """Emit a function's operations instead of a call (1.8 us an operation)."""
        if has_effects(self[name]):
            mark_current()
        copy = self[name].clone(ip=ir.InsertionPoint(self.block))
        block = body_of(copy)
        for argument, value in zip(list(block.arguments), operands, strict=True):
            argument.replace_all_uses_with(value)
        ip = ir.InsertionPoint.current
        before, target = ip.ref_operation, ip.block
        body = operations(block)
        results = list(body[-1].operands)
        for op in body[:-1]:
            if before is not None:
                op.move_before(before)
            else:
                target.append(op)
        copy.erase()
        return results

    def flatten(self, name: str, expand: Callable[[str], None]) -> None:
        """Inline a function's calls, all but those to control combinators. `expand` fills in transformations."""
        if name in self._flat:
            return
        if name in self._flattening:
            raise AttributeValueError(f"function @{name} calls itself; recursion cannot be compiled: use 'while'")
        if not has_body(self[name]):
            raise AttributeValueError(f"function @{name} has no body, and nothing can be derived from it")
        self._flattening.add(name)
        try:
            for op in operations(body_of(self[name])):
                if op.name == "func.call":
                    with located(op.location):
                        self._flatten_call(op, expand)
        finally:
            self._flattening.discard(name)
        self._flat.add(name)

    def _flatten_call(self, op: ir.Operation, expand: Callable[[str], None]) -> None:
        callee = op.attributes["callee"].value
        site = self.site(callee)
        if site is not None and not site.combinator.transformation:
            return
        if site is not None:
            expand(callee)
        if not has_body(self[callee]):
            return  # an external function, such as a host callback
        self.flatten(callee, expand)
        with ir.InsertionPoint(op):
            results = self.inline(callee, list(op.operands))
        for old, new in zip(list(op.results), results):
            old.replace_all_uses_with(new)
        op.erase()


def has_effects(op: ir.Operation) -> bool:
    """Whether a call, or what a function does, is marked as having effects."""
    return EFFECTS in op.attributes


def mark_effects(op: Any) -> None:
    """Mark a call, or a function that makes such a call, as having effects."""
    op.attributes[EFFECTS] = ir.UnitAttr.get(context())


def mark_current() -> None:
    """Mark the function that is being written."""
    owner = ir.InsertionPoint.current.block.owner
    function = getattr(owner, "operation", owner)  # the name of a view of a function is that of the function
    if function.name == "func.func":
        mark_effects(function)


def add_body(function: ir.Operation) -> ir.Block:
    """Append the entry block of a declaration."""
    inputs = ir.FunctionType(function.attributes["function_type"].value).inputs
    return function.regions[0].blocks.append(*inputs, arg_locs=[function.location] * len(inputs))


def read_site(function: ir.Operation) -> Site | None:
    """Read a derived function's attribute."""
    if "axil.derived" not in function.attributes:
        return None
    values = {a.name: a.attr for a in ir.DictAttr(function.attributes["axil.derived"])}
    if "combinator" not in values or "of" not in values:
        raise AttributeValueError("a derived function needs the attributes 'combinator' and 'of'")
    name = from_attribute(values.pop("combinator"))
    combinator = COMBINATORS.get(name)
    if combinator is None:
        raise AttributeValueError(f"there is no combinator '{name}'; known are {', '.join(sorted(COMBINATORS))}")
    of = _read_functions(combinator, values.pop("of"))
    missing = sorted(set(combinator.parameters) - set(combinator.optional) - set(values))
    if missing:
        raise AttributeValueError(f"combinator '{name}' needs the parameter '{missing[0]}'")
    unknown = sorted(set(values) - set(combinator.parameters))
    if unknown:
        raise AttributeValueError(f"combinator '{name}' has no parameter '{unknown[0]}'")
    for key, kind in combinator.parameters.items():
        if key in values and not isinstance(values[key], ATTRIBUTE_KINDS[kind][0]):
            raise AttributeValueError(
                f"combinator '{name}': parameter '{key}' must be of kind {kind}, got {values[key]}"
            )
    return Site(combinator, of, {k: from_attribute(v) for k, v in values.items()})


def _read_functions(combinator: Combinator, of: ir.Attribute) -> tuple[str, ...]:
    """Names of the functions that a derived function works on, as many as its combinator takes."""
    roles = combinator.functions
    if not isinstance(of, ir.ArrayAttr) or not all(isinstance(a, ir.FlatSymbolRefAttr) for a in of):
        raise AttributeValueError(f"combinator '{combinator.name}': 'of' must be a list of functions, got {of}")
    variadic = roles[-1:] != () and roles[-1].endswith("...")
    if len(of) < len(roles) or (len(of) > len(roles) and not variadic):
        wanted = f"{len(roles)}{' or more' if variadic else ''} ({', '.join(roles)})"
        raise AttributeValueError(f"combinator '{combinator.name}' takes {wanted} in 'of', got {len(of)}")
    return tuple(a.value for a in of)


def _text(signature: Signature) -> str:
    return f"({', '.join(map(str, signature.inputs))}) -> ({', '.join(map(str, signature.outputs))})"


def write_site(site: Site) -> ir.Attribute:
    """The attribute that `read_site` reads. A builtin dictionary: MLIR's symbol passes look inside it."""
    kinds = site.combinator.parameters
    entries = {k: to_attribute(kinds[k], v) for k, v in site.parameters.items()}
    entries["combinator"] = to_attribute("str", site.combinator.name)
    entries["of"] = to_attribute("symbols", site.functions)
    return ir.DictAttr.get(entries, context())
