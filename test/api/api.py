"""Generators of cases for the tables in `cases/`: each gives at least ten argument sets of one function.

A case is the text of an expression (see `harness.py`). Sets cover scalars, empty arrays, several ranks, broadcasting,
mixed and narrow dtypes, and Python numbers.
"""

from __future__ import annotations


def array(shape: str, kind: str = "f", seed: int = 0, low: float | None = None, high: float | None = None) -> str:
    """`A(...)`, with values drawn from a range where one is given."""
    if low is None and high is None:
        return f"A({shape}, '{kind}', {seed})"
    return f"A({shape}, '{kind}', {seed}, {low}, {high})"


_ONE = [
    ("(2,3)", "f"), ("3", "i"), ("()", "f"), ("(0,)", "f"), ("(2,0,3)", "f"), ("4", "h"), ("(1,3)", "g"), ("3", "u"),
    ("3", "b"), ("(2,1,2)", "f"),
]  # fmt: skip
_TWO = [
    (("(2,3)", "f"), ("3", "f")), (("4", "i"), ("4", "i")), (("4", "i"), ("4", "f")), (("()", "f"), ("(2,2)", "f")),
    (("(2,1)", "f"), ("(1,3)", "f")), (("(0,)", "f"), ("(0,)", "f")), (("3", "h"), ("3", "f")),
    (("3", "g"), ("3", "g")), (("(0,3)", "f"), ("3", "i")), (("(2,3)", "f"), ("2", "f")),
]  # fmt: skip


def elementwise(
    function: str, operands: int = 1, low: float | None = None, high: float | None = None, more: str = ""
) -> list[str]:
    """Cases of an elementwise function of one to four operands with values in a range; `more` ends each call."""
    middle = 0.5 if low is None or high is None else round((low + high) / 2, 3)
    if operands == 1:
        sets = [[array(shape, kind, 0, low, high)] for shape, kind in _ONE]
    else:
        sets = [
            [array(*pair[i % 2], i, low, high) for i in range(operands)]
            for pair in _TWO
        ]  # fmt: skip
    sets += [[str(middle)] * operands, [f"[{middle}, {middle}]"] * operands]
    sets += [[array("3", "f", 0, low, high), *["2"] * (operands - 1)]] if operands > 1 else []
    return [f"{function}({', '.join(arguments)}{more})" for arguments in sets]


def reduction(function: str, low: float | None = None, high: float | None = None) -> list[str]:
    """Cases of a reduction with `axis` and `keepdims`."""
    a = lambda shape, kind="f": array(shape, kind, 0, low, high)
    arguments = [
        a("(2,3)"), a("(2,3,4)") + ", axis=(0,-1)", a("(2,3)", "i") + ", axis=1, keepdims=True",
        a("(2,0)") + ", axis=0", a("(0,)"), a("()"), a("(3,2)", "h"), a("(2,3)") + ", axis=-1", a("3") + ", axis=3",
        a("4", "b"), "2.5", "[1, 2]", a("(3,2)", "g") + ", axis=0",
    ]  # fmt: skip
    return [f"{function}({text})" for text in arguments]
