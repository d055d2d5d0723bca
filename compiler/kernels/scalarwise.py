"""Elementwise StableHLO ops as arith and math ops, on scalars and vectors alike.

Each entry of `OPS` takes the operands' element types and gives the code for one element type, or None where
this module has none. Semantics are StableHLO's where arith's differ: division by zero, shifts by more than
the width, NaN in maximum. Half floats are computed in f32 and rounded after each op, as XLA does.
"""

from __future__ import annotations

from collections.abc import Callable

from axil.compiler.kernels.arrays import Scalarwise
from axil.compiler.kernels.text import FLOATS, SIGNED, UNSIGNED, Builder, lanes_type, width

HALVES = {"f16", "bf16"}


def typed(op: str, dtype: str) -> Scalarwise:
    """`op a, b, ... : type` with one type for everything."""

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        return b.op(f"{op} {', '.join(args)} : {lanes_type(dtype, lanes)}")

    return code


def by_kind(
    float_: str = "", signed: str = "", unsigned: str = "", bool_: str = ""
) -> Callable[[str], Scalarwise | None]:
    """A table row: one op for each kind of element type."""

    def choose(dtype: str) -> Scalarwise | None:
        op = float_ if dtype in FLOATS else signed if dtype in SIGNED else unsigned if dtype in UNSIGNED else bool_
        return typed(op, dtype) if op else None

    return choose


def of_floats(op: str, no_f64: bool = False) -> Callable[[str], Scalarwise | None]:
    """A table row of a float function; IREE links no f64 version of some."""
    return lambda dtype: None if dtype not in FLOATS or (no_f64 and dtype == "f64") else typed(op, dtype)


class Values:
    """Writes arithmetic of one type shortly; comparisons give masks."""

    def __init__(self, b: Builder, dtype: str, lanes: int | None) -> None:
        self.b, self.dtype, self.count = b, dtype, lanes
        self.type, self.mask = lanes_type(dtype, lanes), lanes_type("i1", lanes)

    def __call__(self, op: str, *args: str) -> str:
        """`op args : type`."""
        return self.b.op(f"{op} {', '.join(args)} : {self.type}")

    def constant(self, value: float | int) -> str:
        """The same number in all lanes."""
        return self.b.constant(number(value, self.dtype), self.dtype, self.count)

    def compare(self, predicate: str, a: str, c: str) -> str:
        """A mask."""
        op = "cmpf" if self.dtype in FLOATS else "cmpi"
        return self.b.op(f"arith.{op} {predicate}, {a}, {c} : {self.type}")

    def select(self, mask: str, a: str, c: str) -> str:
        """`mask ? a : c`, lane by lane."""
        types = self.type if self.count is None else f"{self.mask}, {self.type}"
        return self.b.op(f"arith.select {mask}, {a}, {c} : {types}")


def number(value: float | int, dtype: str) -> str:
    """A literal of an element type."""
    if dtype == "i1":
        return "true" if value else "false"
    if dtype not in FLOATS:
        return str(int(value))
    if value in (float("inf"), float("-inf")):
        sign = value < 0
        infinity = {"f16": 0x7C00, "bf16": 0x7F80, "f32": 0x7F800000, "f64": 0x7FF0000000000000}[dtype]
        return hex(infinity | (sign << (width(dtype) - 1)))
    return repr(float(value))


def divide(dtype: str, remainder: bool = False) -> Scalarwise | None:
    """Division or remainder: of integers, x / 0 is -1 and x % 0 is x, without a trap."""
    if dtype in FLOATS:
        return None if remainder and dtype == "f64" else typed("arith.remf" if remainder else "arith.divf", dtype)
    if dtype == "i1":
        return None
    signed = dtype in SIGNED

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v, (x, y) = Values(b, dtype, lanes), args
        zero, one = v.constant(0), v.constant(1)
        by_zero = v.compare("eq", y, zero)
        unsafe = by_zero
        if signed:  # the least integer by -1 overflows: dividing by 1 instead gives the wrapped result
            least, minus_one = v.constant(-(1 << (width(dtype) - 1))), v.constant(-1)
            wraps = b.binary("arith.andi", v.compare("eq", x, least), v.compare("eq", y, minus_one), v.mask)
            unsafe = b.binary("arith.ori", by_zero, wraps, v.mask)
        safe = v.select(unsafe, one, y)
        op = ("rem" if remainder else "div") + ("si" if signed else "ui")
        return v.select(by_zero, x if remainder else v.constant(-1), v(f"arith.{op}", x, safe))

    return code


def shift(op: str) -> Callable[[str], Scalarwise | None]:
    """A shift; by the width or more it leaves zeros, or signs for an arithmetic one."""

    def choose(dtype: str) -> Scalarwise | None:
        if dtype in FLOATS or dtype == "i1":
            return None

        def code(b: Builder, args: list[str], lanes: int | None) -> str:
            v, (x, by) = Values(b, dtype, lanes), args
            last = v.constant(width(dtype) - 1)
            fits = v.compare("ule", by, last)
            shifted = v(f"arith.{op}", x, v.select(fits, by, last))
            return shifted if op == "shrsi" else v.select(fits, shifted, v.constant(0))

        return code

    return choose


def sign(dtype: str) -> Scalarwise | None:
    """-1, 0 or 1; a float's zeros and NaN stay themselves."""
    if dtype == "i1":
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v, (x,) = Values(b, dtype, lanes), args
        zero, one = v.constant(0), v.constant(1)
        if dtype in UNSIGNED:
            return v("arith.minui", x, one)
        if dtype in SIGNED:
            return v("arith.maxsi", v("arith.minsi", x, one), v.constant(-1))
        keeps = v.compare("ueq", x, zero)
        return v.select(keeps, x, v("math.copysign", one, x))

    return code


def negate(dtype: str) -> Scalarwise | None:
    """Minus x."""
    if dtype in FLOATS:
        return typed("arith.negf", dtype)
    if dtype == "i1":
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v = Values(b, dtype, lanes)
        return v("arith.subi", v.constant(0), args[0])

    return code


def complement(dtype: str) -> Scalarwise | None:
    """All bits flipped."""
    if dtype in FLOATS:
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v = Values(b, dtype, lanes)
        return v("arith.xori", args[0], v.constant(1 if dtype == "i1" else -1))

    return code


def absolute(dtype: str) -> Scalarwise | None:
    """|x|; of the least integer itself."""
    if dtype in FLOATS:
        return typed("math.absf", dtype)
    return typed("math.absi", dtype) if dtype in SIGNED else None


def logistic(dtype: str) -> Scalarwise | None:
    """1 / (1 + exp(-x))."""
    if dtype not in FLOATS:
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v = Values(b, dtype, lanes)
        one = v.constant(1)
        return v("arith.divf", one, v("arith.addf", one, v("math.exp", v("arith.negf", args[0]))))

    return code


def reciprocal_root(dtype: str) -> Scalarwise | None:
    """1 / sqrt(x), exactly rounded steps: the math op may be expanded to the processor's 12-bit estimate."""
    if dtype not in FLOATS:
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v = Values(b, dtype, lanes)
        return v("arith.divf", v.constant(1), v("math.sqrt", args[0]))

    return code


def cube_root(dtype: str) -> Scalarwise | None:
    """The cube root; IREE's expansion of it makes NaN of an infinity."""
    if dtype not in FLOATS or dtype == "f64":
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v, (x,) = Values(b, dtype, lanes), args
        infinite = v.compare("oeq", v("math.absf", x), v.constant(float("inf")))
        return v.select(infinite, x, v("math.cbrt", x))

    return code


def is_finite(dtype: str) -> Scalarwise | None:
    """Neither infinite nor NaN: |x| < infinity."""
    if dtype not in FLOATS:
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v = Values(b, dtype, lanes)
        return v.compare("olt", v("math.absf", args[0]), v.constant(float("inf")))

    return code


def clamp(dtype: str) -> Scalarwise | None:
    """min(max(x, low), high) of (low, x, high)."""
    least, most = OPS["minimum"](dtype), OPS["maximum"](dtype)
    if least is None or most is None:
        return None
    return lambda b, args, lanes: least(b, [most(b, [args[1], args[0]], lanes), args[2]], lanes)


def comparison(direction: str, dtype: str) -> Scalarwise | None:
    """A comparison, such as "LT"; every one with NaN but NE is false."""
    direction = direction.lower()
    if dtype in FLOATS:
        predicate = "une" if direction == "ne" else "o" + direction
    elif direction in ("eq", "ne"):
        predicate = direction
    else:
        predicate = ("s" if dtype in SIGNED else "u") + direction
    return lambda b, args, lanes: Values(b, dtype, lanes).compare(predicate, args[0], args[1])


def selection(dtype: str) -> Scalarwise:
    """`mask ? a : b`."""
    return lambda b, args, lanes: Values(b, dtype, lanes).select(*args)


def conversion(source: str, target: str) -> Scalarwise | None:
    """A change of element type by value."""

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        v, (x,) = Values(b, source, lanes), args
        type_ = lanes_type(target, lanes)
        if target == "i1":
            return v.compare("une" if source in FLOATS else "ne", x, v.constant(0))
        op = _conversion_op(source, target)
        return x if op is None else b.op(f"{op} {x} : {v.type} to {type_}")

    if source in HALVES and target in HALVES and source != target:
        return None
    return code


def _conversion_op(source: str, target: str) -> str | None:
    """The arith op of a conversion to another type than i1; None where it changes nothing."""
    from_float, to_float = source in FLOATS, target in FLOATS
    unsigned = source in UNSIGNED or source == "i1"
    if from_float and to_float:
        return None if source == target else "arith.extf" if width(source) < width(target) else "arith.truncf"
    if from_float:
        return "arith.fptoui" if target in UNSIGNED else "arith.fptosi"
    if to_float:
        return "arith.uitofp" if unsigned else "arith.sitofp"
    bits = 1 if source == "i1" else width(source)
    if bits == width(target):
        return None
    return "arith.trunci" if bits > width(target) else "arith.extui" if unsigned else "arith.extsi"


def bitcast(source: str, target: str) -> Scalarwise | None:
    """The same bits as another type of the same width."""
    if "i1" in (source, target) or width(source) != width(target):
        return None

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        types = lanes_type(source, lanes), lanes_type(target, lanes)
        return args[0] if types[0] == types[1] else b.op(f"arith.bitcast {args[0]} : {types[0]} to {types[1]}")

    return code


OPS: dict[str, Callable[[str], Scalarwise | None]] = {
    "add": by_kind("arith.addf", "arith.addi", "arith.addi", "arith.ori"),
    "subtract": by_kind("arith.subf", "arith.subi", "arith.subi"),
    "multiply": by_kind("arith.mulf", "arith.muli", "arith.muli", "arith.andi"),
    "divide": divide,
    "remainder": lambda dtype: divide(dtype, remainder=True),
    "maximum": by_kind("arith.maximumf", "arith.maxsi", "arith.maxui", "arith.ori"),
    "minimum": by_kind("arith.minimumf", "arith.minsi", "arith.minui", "arith.andi"),
    "and": by_kind("", "arith.andi", "arith.andi", "arith.andi"),
    "or": by_kind("", "arith.ori", "arith.ori", "arith.ori"),
    "xor": by_kind("", "arith.xori", "arith.xori", "arith.xori"),
    "not": complement,
    "negate": negate,
    "abs": absolute,
    "sign": sign,
    "shift_left": shift("shli"),
    "shift_right_logical": shift("shrui"),
    "shift_right_arithmetic": shift("shrsi"),
    "popcnt": by_kind("", "math.ctpop", "math.ctpop"),
    "count_leading_zeros": by_kind("", "math.ctlz", "math.ctlz"),
    "ceil": of_floats("math.ceil"),
    "floor": of_floats("math.floor"),
    "round_nearest_even": of_floats("math.roundeven"),
    "round_nearest_afz": of_floats("math.round"),
    "sqrt": of_floats("math.sqrt"),
    "rsqrt": reciprocal_root,
    "cbrt": cube_root,
    "exponential": of_floats("math.exp"),
    "exponential_minus_one": of_floats("math.expm1"),
    "log": of_floats("math.log"),
    "log_plus_one": of_floats("math.log1p"),
    "logistic": logistic,
    "tanh": of_floats("math.tanh", no_f64=True),
    "sine": of_floats("math.sin", no_f64=True),
    "cosine": of_floats("math.cos", no_f64=True),
    "tan": of_floats("math.tan", no_f64=True),
    "atan2": of_floats("math.atan2", no_f64=True),
    "power": of_floats("math.powf"),
    "is_finite": is_finite,
    "clamp": clamp,
}
"""Element type to code, for the ops whose operands and result share it (or whose result is a mask)."""

COSTS = {
    "divide": 4, "remainder": 10, "sqrt": 6, "rsqrt": 8, "cbrt": 20, "exponential": 15, "log": 15, "tanh": 15,
    "exponential_minus_one": 20, "log_plus_one": 20, "logistic": 20, "sine": 20, "cosine": 20, "tan": 30,
    "atan2": 30,
    "power": 40,
}  # fmt: skip
"""Instructions that a lane of an op takes, where it is not one."""


def elementwise(name: str, dtype: str) -> Scalarwise | None:
    """The code of an op of `OPS` for an element type; half floats go through f32."""
    if dtype not in HALVES:
        return OPS[name](dtype)
    inner = OPS[name]("f32")
    return inner and through_f32(inner, dtype, rounds=name != "is_finite")


def through_f32(inner: Scalarwise, dtype: str, rounds: bool = True) -> Scalarwise:
    """Code for a half float from code for f32."""

    def code(b: Builder, args: list[str], lanes: int | None) -> str:
        wide, narrow = lanes_type("f32", lanes), lanes_type(dtype, lanes)
        value = inner(b, [b.op(f"arith.extf {a} : {narrow} to {wide}") for a in args], lanes)
        return b.op(f"arith.truncf {value} : {wide} to {narrow}") if rounds else value

    return code
