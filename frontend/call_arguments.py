"""The arguments of a call of a jitted function: which are static, which are operands, which are donated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from axil import errors, pytrees
from axil.config import config
from axil.core import Array, Tracer, concrete_array
from axil.float0_values import flatten_values
from axil.operands import ArgumentError, operand
from axil.shape_structs import ShapeDtypeStruct
from axil.source import user_line


class Jitted(Protocol):
    """What a call needs to know of the jitted function."""

    label: str
    parameters: list
    static_argnums: tuple[int, ...]
    static_argnames: frozenset[str]
    donate_argnums: tuple[int, ...]
    donate_argnames: frozenset[str]
    compiler_options: Mapping[str, Any]
    keep_unused: bool

    def _trace(self, call: Any) -> Any:
        """Trace for the arguments of a call."""
        ...


class Arguments:
    """The arguments of one call, sorted into operands (leaves of the dynamic ones) and static values."""

    def __init__(self, jitted: Jitted, args: tuple, kwargs: Mapping[str, Any]) -> None:
        self.jitted = jitted
        self.label = jitted.label
        static_at = {i for i in jitted.static_argnums if i < len(args)}
        self.static = {i: args[i] for i in sorted(static_at)}
        self.static_names = {k: v for k, v in kwargs.items() if k in jitted.static_argnames}
        dynamic = tuple([a for i, a in enumerate(args) if i not in static_at])
        named = {k: v for k, v in kwargs.items() if k not in jitted.static_argnames}
        leaves, self.treedef = flatten_values((dynamic, named))
        self.count = len(args)
        self.operands = [x if type(x) is Array else self._operand(x, i) for i, x in enumerate(leaves)]
        self.donated = self._donated(dynamic, named)

    def _operand(self, x: Any, position: int) -> Any:
        if isinstance(x, ShapeDtypeStruct):
            return x
        try:
            return operand(x, self.label)
        except errors.AxilTypeError:
            path = self.paths(self.treedef.num_leaves)[position]
            return operand(x, self.label, f", as {path}")  # raises, and says where

    def _donated(self, dynamic: tuple, named: dict) -> tuple[int, ...]:
        """Positions of the operands that are leaves of donated arguments."""
        numbers, names = self.jitted.donate_argnums, self.jitted.donate_argnames
        if not numbers and not names:
            return ()
        marks: list[bool] = []
        positions = [i for i in range(self.count) if i not in self.static]
        for i, a in zip(positions, dynamic):
            marks += [i in numbers] * len(pytrees.tree_leaves(a))
        # Leaves of a dict come in the order of its keys.
        for name in sorted(named):
            marks += [name in names] * len(pytrees.tree_leaves(named[name]))
        donated = tuple(i for i, marked in enumerate(marks) if marked)
        self.check_not_passed_twice(self.operands, donated)
        return donated

    def check_not_passed_twice(self, operands: Sequence[Any], donated: Sequence[int] | None = None) -> None:
        """Refuse an array that is donated and passed a second time."""
        given = [id(x) for x in operands]
        for i in self.donated if donated is None else donated:
            if given.count(given[i]) > 1:
                raise ArgumentError(
                    errors.explain(
                        f"{self.label}: an array of {self.operands[i].aval} is donated and passed a second time",
                        user_line(),
                        ways_out=["pass a copy of it: x.copy()", "or do not donate it"],
                    )
                )

    def check_values(self) -> None:
        """Refuse what has no value to compute with."""
        for i, x in enumerate(self.operands):
            if type(x) is Tracer:
                self.operands[i] = concrete_array(x)  # raises: its trace has ended
            elif type(x) is not Array:
                self.check_no_structs()

    def check_no_structs(self) -> None:
        """Refuse stand-ins for arrays."""
        if any(isinstance(x, ShapeDtypeStruct) for x in self.operands):
            raise ArgumentError(
                errors.explain(
                    f"{self.label} was called with a ShapeDtypeStruct, which has no value", user_line(),
                    ways_out=["to look at the program: f.lower(...)", "for shapes: axil.eval_shape(f, ...)"],
                )  # fmt: skip
            )

    def rebuild(self, leaves: Sequence[Any]) -> tuple[Any, Any]:
        """Positional and keyword arguments with other leaves."""
        dynamic, named = pytrees.tree_unflatten(self.treedef, leaves)
        rest = iter(dynamic)
        args = [self.static[i] if i in self.static else next(rest) for i in range(self.count)]
        return args, {**named, **self.static_names}

    def key(self) -> Any:
        """What decides which compiled program is used. Static 1, 1.0 and True are equal, but not the same."""
        self.check_statics()
        signature = tuple([(x.aval, x.weak_type) for x in self.operands])
        statics = tuple([(i, type(v), v) for i, v in self.static.items()])
        names = tuple([(k, type(v), v) for k, v in sorted(self.static_names.items())])
        return (self.treedef, signature, statics, names, self.donated, config.trace_key)

    def check_statics(self) -> None:
        """Static arguments must be hashable, since they are a part of the key."""
        for name, value in [*self.static.items(), *self.static_names.items()]:
            try:
                hash(value)
            except TypeError:
                raise ArgumentError(
                    errors.explain(
                        f"{self.label}: the static argument {name!r} is {type(value).__name__}, which cannot be "
                        "hashed, and static arguments decide which compiled program is used",
                        user_line(),
                        ways_out=["pass a tuple instead of a list, or a frozen dataclass",
                                  "or make it an ordinary argument"],
                    )
                ) from None  # fmt: skip

    # ---- names, for people -----------------------------------------------------------------------------

    def paths(self, count: int | None = None) -> list[str]:
        """What each operand is called in the user's code, such as `params['w'][0]`."""
        # Of operands themselves: nodes of users' classes may look at their children.
        leaves = self.operands if count is None else list(range(count))
        dynamic, named = pytrees.tree_unflatten(self.treedef, leaves)
        positions = [i for i in range(self.count) if i not in self.static]
        names = [self.argument_name(i) for i in positions]
        found = [_path(n, keys) for n, a in zip(names, dynamic) for keys, _ in pytrees.tree_flatten_with_path(a)[0]]
        return found + [_path(n, k) for n in sorted(named) for k, _ in pytrees.tree_flatten_with_path(named[n])[0]]

    def argument_name(self, position: int) -> str:
        """The name of a positional argument."""
        parameters = self.jitted.parameters
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if position < len(positional):
            return positional[position]
        variadic = next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), "args")
        return f"{variadic}[{position - len(positional)}]"

    def statics(self) -> dict[str, Any]:
        """The static values by name."""
        return {self.argument_name(i): v for i, v in self.static.items()} | self.static_names


def _path(name: str, keys: Any) -> str:
    return name + pytrees.keystr(keys)


__all__ = ["Arguments", "Jitted"]
