"""The cases of `axil.flatten_util`."""

from __future__ import annotations

MODULE = "flatten_util"

_TREE = "{'a': A((2,2)), 'b': [A(3,'f',1), 2.0], 'c': ()}"
_MIXED = "{'a': A((2,2)), 'b': A(3,'i'), 'c': A(2,'h')}"

CASES = {
    "ravel_pytree": [
        f"M.ravel_pytree({t})[0]" for t in
        (_TREE, _MIXED, "()", "2.0", "[1, 2.5]", "A((2,3))", "[A(2,'b'), A(2,'i')]", "[A((0,)), A(2)]", "A(2,'c')", "[1, 2]")
    ] + [
        f"(lambda p: p[1](p[0] * 2))(M.ravel_pytree({t}))" for t in (_TREE, _MIXED, "A((2,3))", "[A(2,'g'), A(2)]")
    ] + [
        f"M.ravel_pytree({_TREE})[1](J.zeros(3))", f"M.ravel_pytree({_MIXED})[1](J.zeros(9, 'int32'))",
        f"M.ravel_pytree({_TREE})[1](J.zeros(8, 'float16'))",
    ],
}  # fmt: skip
GRAD = {"ravel_pytree": ("lambda x, y: M.ravel_pytree([x, {'y': y}])[0]**2", "A((2,3)), A(2)")}
