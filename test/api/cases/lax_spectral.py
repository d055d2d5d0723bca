"""The cases of the spectral part of `axil.lax.linalg`: what does not depend on signs and order of vectors."""

MODULE = "lax.linalg"

_H = "(lambda x: (x + J.conj(J.swapaxes(x, -1, -2))) / 2)"
_SQUARE = [
    "A((3,3))", "A((4,4),'f',1)", "A((2,3,3))", "A((3,3),'c')", "A((2,2,2),'c')", "A((1,1))", "A((0,0))", "A((2,0,0))",
    "A((5,5),'f',2)", "J.eye(3)", "J.zeros((3,3))", "J.diag(J.array([3., 1., 2.]))",
]  # fmt: skip
_ANY = [*_SQUARE[:8], "A((4,2))", "A((2,4))", "A((2,3,2))", "A((2,4),'c')", "A((0,3))", "A((3,0))", "J.ones((3,2))"]
_REFUSED = ["A((2,3))", "A(3)", "2.5", "A((2,2),'h')", "A((2,2),'b')"]


def _of(expression: str, operands: list[str]) -> list[str]:
    """Cases of an expression in `x`."""
    return [f"(lambda x: {expression})({x})" for x in operands]


_WHOLE = "J.matmul(v * w[..., None, :], J.conj(J.swapaxes(v, -1, -2)))"

CASES = {
    "eigh": [
        *_of(f"(lambda v, w: (w, {_WHOLE}))(*M.eigh(x))", _SQUARE),
        *_of(f"(lambda v, w: (w, {_WHOLE}))(*M.eigh(x, lower=False, symmetrize_input=False))", _SQUARE[:8]),
        *_of("M.eigh(x, symmetrize_input=False)[1]", _SQUARE[:8]),
        *_of("[J.abs(r) for r in M.eigh(x, subset_by_index=(1, 3))]", _SQUARE[:4]),
        "M.eigh(A((3,3)), subset_by_index=(0, 3))[1]", "M.eigh(A((3,3)), implementation=M.EighImplementation.QR)[1]",
        "M.eigh(A((3,3)), sort_eigenvalues=True)[1]", "M.eigh(J.array([[1., nan], [nan, 1.]]))",
        "M.eigh(J.array([[1., inf], [inf, 1.]]))", "M.eigh(J.eye(2, dtype=int))[1]", "M.eigh([[1., 0.], [0., 2.]])[1]",
        *[f"M.eigh({x})" for x in _REFUSED],
    ],
    "svd": [
        *_of("(lambda u, s, v: (s, J.matmul(u * s[..., None, :], v)))(*M.svd(x, full_matrices=False))", _ANY),
        *_of("M.svd(x, compute_uv=False)", _ANY),
        *_of("(lambda u, s, v: (s, [J.abs(J.matmul(r, J.conj(J.swapaxes(r, -1, -2)))) for r in (u, v)]))(*M.svd(x))", _ANY),
        "M.svd(A((3,3)), algorithm=M.SvdAlgorithm.QR)[1]", "M.svd(J.array([[1., nan], [0., 1.]]))",
        "M.svd(J.array([[1., inf], [0., 1.]]))[1]", "M.svd(A(3))", "M.svd(2.)", "M.svd(A((2,2),'i'))", "M.svd(A((2,2),'h'))",
        "M.svd([[1., 0.], [0., 2.]])[1]",
    ],
    "eig": [
        *_of("J.sort(J.real(M.eig(x)[0]))", _SQUARE), *_of("J.sort(J.abs(J.imag(M.eig(x)[0])))", _SQUARE),
        *_of("(lambda w, l, r: J.abs(J.matmul(x, r) - r * w[..., None, :]))(*M.eig(x))", _SQUARE[:8]),
        *_of("(lambda w, l: J.abs(J.matmul(J.conj(J.swapaxes(l, -1, -2)), x) - w[..., None] "
             "* J.conj(J.swapaxes(l, -1, -2))))(*M.eig(x, compute_right_eigenvectors=False))", _SQUARE[:8]),
        *_of("[J.sort(J.real(w)) for w in M.eig(x, compute_left_eigenvectors=False, compute_right_eigenvectors=False)]",
             _SQUARE[:8]),
        "J.sort(J.linalg.norm(M.eig(A((4,4)))[1], axis=0))", "J.max(J.abs(J.imag(M.eig(A((1,1)))[1])))",
        "M.eig(J.array([[1., nan], [0., 1.]]))",
        "len(M.eig(A((2,2)), compute_left_eigenvectors=False))", *[f"M.eig({x})" for x in _REFUSED], "M.eig(A((2,2),'i'))",
    ],
    "schur": [
        *_of("(lambda t, q: J.matmul(J.matmul(q, t), J.conj(J.swapaxes(q, -1, -2))))(*M.schur(x))", _SQUARE),
        *_of("(lambda t, q: J.matmul(q, J.conj(J.swapaxes(q, -1, -2))))(*M.schur(x))", _SQUARE),
        *_of("J.tril(M.schur(x)[0], -2)", _SQUARE[:8]),
        "[t.shape for t in M.schur(A((3,3)), compute_schur_vectors=False)]", "M.schur(J.array([[1., nan], [0., 1.]]))",
        *[f"M.schur({x})" for x in _REFUSED],
    ],
    "hessenberg": [f"M.hessenberg({x})" for x in [*_SQUARE, *_REFUSED, "A((6,6),'f',3)", "A((5,5),'c',1)"]],
    "tridiagonal": [
        *[f"M.tridiagonal({_H}({x}))" for x in _SQUARE if "0" not in x.split(")")[0]],
        *[f"M.tridiagonal({_H}({x}), lower=False)" for x in _SQUARE if "0" not in x.split(")")[0]],
        "M.tridiagonal(A((4,4)))", "M.tridiagonal(A((4,4)), lower=False)", *[f"M.tridiagonal({x})" for x in _REFUSED],
    ],
    "qdwh": [
        *[f"M.qdwh({x})" for x in ("A((3,3))", "A((4,2))", "A((3,3),'c')", "A((5,3),'c',1)", "A((1,1))", "J.eye(3)",
                                   "A((6,6),'f',1)", "A((4,4),'f',2)")],
        "M.qdwh(A((4,4)), dynamic_shape=(3, 2))", "M.qdwh(A((4,4)), max_iterations=2)[2:]",
        "M.qdwh(A((4,4)), is_hermitian=True)", "M.qdwh(A((4,4)), eps=1e-3)[3]", "M.qdwh(A((2,3)))", "M.qdwh(A((2,3,3)))",
    ],
    "EighImplementation": ["[(m.name, m.value) for m in M.EighImplementation]"],
    "EigImplementation": ["[(m.name, m.value) for m in M.EigImplementation]"],
    "SvdAlgorithm": ["[(m.name, m.value) for m in M.SvdAlgorithm]"],
}  # fmt: skip
_RANGE = "JAX computes ranges of eigenvalues on TPUs only"
_EMPTY = "JAX's reduction of an empty matrix fails in LAPACK's argument check"
EXCEPTIONS = {
    **dict.fromkeys(_of("[J.abs(r) for r in M.eigh(x, subset_by_index=(1, 3))]", _SQUARE[:4]), _RANGE),
    "M.eigh(A((2,2),'b'))": "JAX's result for booleans happens to be weakly typed",
    "M.schur(J.array([[1., nan], [0., 1.]]))": "LAPACK returns a triangular matrix as it is; we give NaN for all of it",
    "M.hessenberg(A((0,0)))": _EMPTY, "M.hessenberg(A((2,0,0)))": _EMPTY,
}  # fmt: skip
X64 = [
    "M.eigh(A((4,4),'d'))[1]", "M.svd(A((4,3),'z'), compute_uv=False)", "M.hessenberg(A((4,4),'d'))",
    "J.sort(J.real(M.eig(A((4,4),'z'))[0]))", f"M.tridiagonal({_H}(A((4,4),'z')))",
]  # fmt: skip
_WEIGHED = "(J.matmul(v * J.arange(1, 5), J.conj(J.swapaxes(v, -1, -2))) * J.arange(16.).reshape(4, 4))"
GRAD = {
    "eigh": (f"lambda x: (lambda v, w: (w**3, {_WEIGHED}))(*M.eigh(x))", "A((4,4),'f',1)"),
    "svd": ("lambda x: (lambda u, s, v: (s**3, (J.matmul(u * J.array([1., 2., 3.]), v)) * J.arange(12.).reshape(4, 3)))"
            "(*M.svd(x, full_matrices=False))", "A((4,3),'f',1)"),
    "eig": ("lambda x: (lambda w: J.sum(w**3))(M.eig(x, compute_left_eigenvectors=False, "
            "compute_right_eigenvectors=False)[0])", "A((3,3),'f',1)"),
}  # fmt: skip
TOLERANCE = {name: 2e-4 for name in ("eigh", "svd", "eig", "schur", "hessenberg", "tridiagonal", "qdwh")}
