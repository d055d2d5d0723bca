"""A small builder of MLIR text: the one way kernels are written.

Kernels are text rather than operations built through bindings because IREE's `stream` ops are not registered
in our MLIR, and because a kernel is easiest to judge as the MLIR that it becomes (`Kernel.text` shows it
whole).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

FLOATS = {"f16", "bf16", "f32", "f64"}
SIGNED = {"i8", "i16", "i32", "i64"}
UNSIGNED = {"ui8", "ui16", "ui32", "ui64"}
PURE = ("arith.", "math.", "vector.broadcast", "vector.extract", "vector.from_elements", "vector.shuffle")
"""Starts of ops that a sharing builder writes once. Loads are not among them: stores may come between."""
ELEMENT_TYPES = FLOATS | SIGNED | UNSIGNED | {"i1"}


def signless(dtype: str) -> str:
    """The type of arithmetic on `dtype`: arith knows no ui32, signedness lives in the op's name."""
    return dtype[1:] if dtype.startswith("u") else dtype


def storage(dtype: str) -> str:
    """The type of `dtype` in memory: IREE keeps an i1 tensor as bytes."""
    return "i8" if dtype == "i1" else signless(dtype)


def width(dtype: str) -> int:
    """Bits of one element of `dtype` in memory."""
    return 16 if dtype == "bf16" else int(storage(dtype)[1:])


def tensor_type(shape: Sequence[int], dtype: str) -> str:
    """`tensor<2x3xf32>`."""
    return f"tensor<{''.join(f'{d}x' for d in shape)}{dtype}>"


def lanes_type(dtype: str, lanes: int | None) -> str:
    """The SSA type of `lanes` values of `dtype`; None asks for a scalar."""
    return signless(dtype) if lanes is None else f"vector<{lanes}x{signless(dtype)}>"


@dataclass(frozen=True)
class Index:
    """An affine index `const + sum(factor * ssa)`, folded in Python and written out only where it is used."""

    const: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(value: Index | str | int) -> Index:
        """An index from a constant or from an SSA name of type index."""
        if isinstance(value, Index):
            return value
        return Index(value) if isinstance(value, int) else Index(0, ((value, 1),))

    def __add__(self, other: Index | str | int) -> Index:
        other = Index.of(other)
        terms = dict(self.terms)
        for name, factor in other.terms:
            terms[name] = terms.get(name, 0) + factor
        return Index(self.const + other.const, tuple((n, f) for n, f in terms.items() if f))

    def __mul__(self, factor: int) -> Index:
        return Index(self.const * factor, tuple((n, f * factor) for n, f in self.terms if factor))


class Builder:
    """Appends lines of MLIR; every method that makes a value returns its SSA name.

    All builders of one kernel share a name counter, so that code written to one (the part before a loop) can
    be used in another (its body).

    A `sharing` builder, and those that are made from it, write pure ops once in each region: so two windows at one
    computed place have one and the same index, and are seen to be one.
    """

    def __init__(self, parent: Builder | None = None, sharing: bool = False) -> None:
        self.lines: list[str] = []
        self._names: list[int] = parent._names if parent else [0]
        self._regions: list[dict[str, str]] = []
        if sharing or (parent and parent._regions):
            self.forget()

    def forget(self) -> None:
        """Starts a region in which nothing that was written before can be used."""
        self._regions = [{}]

    def name(self) -> str:
        """A fresh SSA name."""
        self._names[0] += 1
        return f"%{self._names[0]}"

    def line(self, text: str) -> None:
        """An op without a result."""
        self.lines.append(text)

    def op(self, text: str) -> str:
        """An op with one result."""
        if self._regions and text.startswith(PURE):
            for region in self._regions:
                if text in region:
                    return region[text]
            result = self._regions[-1][text] = self.name()
        else:
            result = self.name()
        self.lines.append(f"{result} = {text}")
        return result

    def constant(self, value: str, dtype: str, lanes: int | None = None) -> str:
        """A constant of `dtype`, splat over the lanes."""
        literal = value if lanes is None else f"dense<{value}>"
        if dtype == "i1" and lanes is None:
            return self.op(f"arith.constant {value}")
        return self.op(f"arith.constant {literal} : {lanes_type(dtype, lanes)}")

    def index(self, value: Index | str | int) -> str:
        """The SSA name of an index expression."""
        value = Index.of(value)
        if len(value.terms) == 1 and value.const == 0 and value.terms[0][1] == 1:
            return value.terms[0][0]
        total = self.op(f"arith.constant {value.const} : index") if value.const or not value.terms else None
        for name, factor in value.terms:
            if factor != 1:
                scale = self.op(f"arith.constant {factor} : index")
                name = self.op(f"arith.muli {name}, {scale} : index")
            total = name if total is None else self.op(f"arith.addi {total}, {name} : index")
        assert total is not None
        return total

    def binary(self, op: str, a: str, b: str, type_: str = "index") -> str:
        """`op a, b : type`, of indices unless told otherwise."""
        return self.op(f"{op} {a}, {b} : {type_}")

    def select(self, condition: str, a: str, b: str, type_: str = "index") -> str:
        """`condition ? a : b` with a scalar condition."""
        return self.op(f"arith.select {condition}, {a}, {b} : {type_}")

    @contextmanager
    def block(self, opening: str, closing: str = "}") -> Iterator[None]:
        """A region: the lines written inside, between `opening {` and `closing`."""
        self.line(f"{opening} {{")
        if self._regions:
            self._regions.append({})
        yield
        if self._regions:
            self._regions.pop()
        self.line(closing)

    def loop(
        self,
        bounds: tuple[Index | str | int, Index | str | int, Index | str | int],
        body: Callable[[str, list[str]], Sequence[str]],
        carry: Sequence[tuple[str, str]] = (),
    ) -> list[str]:
        """An `scf.for` over (lower, upper, step); `carry` has (initial value, type), `body` gives the next."""
        low, high, step = (self.index(b) for b in bounds)
        counter, names = self.name(), [self.name() for _ in carry]
        head = f"scf.for {counter} = {low} to {high} step {step}"
        types = ", ".join(t for _, t in carry)
        result = self.name()
        if carry:
            starts = ", ".join(f"{n} = {v}" for n, (v, _) in zip(names, carry))
            head = f"{result}:{len(carry)} = {head} iter_args({starts}) -> ({types})"
        with self.block(head):
            following = body(counter, names)
            if carry:
                self.line(f"scf.yield {', '.join(following)} : {types}")
        return [f"{result}#{i}" for i in range(len(carry))]

    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)
