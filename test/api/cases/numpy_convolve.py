"""The cases of `axil.numpy.convolve` and `correlate`."""

MODULE = "numpy"

_PAIRS = [
    "A(5), A(3,'f',1)", "A(3), A(5,'f',1)", "A(5,'i'), A(3,'i',1)", "A(4), A(2,'i')", "A(4,'c'), A(3,'c',1)",
    "A(4), A(3,'c',1)", "A(4,'h'), A(2,'h',1)", "A(4,'g'), A(2,'g',1)", "A(4,'b'), A(2,'b',1)", "A(1), A(1,'f',1)",
    "A(4,'u'), A(3,'s',1)", "A(6), A(6,'f',1)",
]  # fmt: skip
_MORE = [
    "A(0), A(3)", "A(3), A(0)", "A((2,2)), A(2)", "A(()), A(2)", "A(5), A(3), mode='other'", "[1,2], A(3)",
    "A(5,'i'), A(3,'i',1), preferred_element_type=J.int32", "A(5,'s'), A(3,'s',1), preferred_element_type=J.float32",
    "A(5), A(3), precision='highest'",
]  # fmt: skip


def _cases(function: str) -> list[str]:
    modes = ["", ", 'full'", ", 'same'", ", mode='valid'"]
    return [f"{function}({pair}{mode})" for pair in _PAIRS for mode in modes] + [f"{function}({m})" for m in _MORE]


CASES = {"convolve": _cases("J.convolve"), "correlate": _cases("J.correlate")}
GRAD = {
    "convolve": "lambda x: J.convolve(x[0], x[1], 'same')",
    "correlate": "lambda x: J.correlate(x[0], x[1][:2], 'full')",
}
X64 = [
    "J.convolve(A(5,'d'), A(3,'d',1))", "J.correlate(A(5,'z'), A(3,'z',1), 'full')", "J.convolve(A(5,'l'), A(3,'i',1))",
]  # fmt: skip
