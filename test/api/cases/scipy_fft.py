"""The cases of `axil.scipy.fft`."""

MODULE = "scipy.fft"

_ONE = (
    "A(8)", "A(7)", "A((2,3))", "A((3,4)), axis=0", "A((2,3)), n=5", "A((2,5)), n=3", "A(6), norm='ortho'",
    "A(5), norm='ortho'", "A((2,3,4)), 2, 6, 1, 'ortho'", "A(6,'i')", "A(5,'c')", "A(5,'c'), norm='ortho', n=3",
    "A(1)", "A(2), norm='backward'", "A(4), type=1", "A(4), norm='forward'", "A(4), axis=1", "[1., 2.]", "A((0,3))",
    "A((2,3)), axis=-2", "A((1,67))", "A(3,'u')",
)  # fmt: skip
_SEVERAL = (
    "A((4,6))", "A((2,3,4))", "A((3,4)), s=(2,5)", "A((2,3,4)), axes=(0,1)", "A((2,3,4)), axes=(2,0), norm='ortho'",
    "A((3,4)), s=(2,5), axes=(1,0)", "A(5)", "A(5), s=3", "A((3,4)), s=(3,)", "A((3,5), 'c')", "A((3,4),'i')",
    "A((3,4)), type=3", "A((3,4)), norm='x'", "A((3,4)), s=(1,2,3)", "A((2,3,2,3)), norm='ortho'", "[1., 2.]",
    "A((3,4)), axes=-1",
)  # fmt: skip

CASES = {
    "dct": [f"M.dct({a})" for a in _ONE],
    "idct": [f"M.idct({a})" for a in _ONE],
    "dctn": [f"M.dctn({a})" for a in _SEVERAL],
    "idctn": [f"M.idctn({a})" for a in _SEVERAL],
}

EXCEPTIONS: dict[str, str] = {}

TOLERANCE = {"dct": 1e-4, "dctn": 1e-4, "idctn": 1e-4}

X64 = ["M.dct(A((2,7),'d'))", "M.idct(A(8,'d'), norm='ortho')", "M.dctn(A((3,4),'d'))", "M.idctn(A((3,4),'z'))"]

GRAD = {
    name: f"lambda x: M.{name}(x, norm='ortho') * J.arange(6.).reshape(2, 3)"
    for name in ("dct", "idct", "dctn", "idctn")
}
