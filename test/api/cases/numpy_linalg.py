"""The cases of `axil.numpy.linalg`."""

MODULE = "numpy.linalg"

SQUARE = ["A((3,3))", "A((2,4,4))", "A((1,1))", "A((2,2),'c')", "A((3,3),'i')", "A((5,5),'f',1)", "A((2,1,3,3),'f',2)",
          "A((2,3))", "A(3)", "A((0,3))", "[[2.0, 1.0], [1.0, 3.0]]", "A((3,3),'b')"]  # fmt: skip
ANY = ["A((3,2))", "A((2,3))", "A((2,4,3))", "A((1,1))", "A((3,2),'c')", "A((2,2),'i')", "A((3,3))", "A(3)",
       "[[2.0, 1.0], [1.0, 3.0]]", "A((2,3,3),'f',3)"]  # fmt: skip


def _each(function: str, arguments: list[str], more: str = "") -> list[str]:
    return [f"{function}({a}{more})" for a in arguments]


def _of(inner: str, arguments: list[str]) -> list[str]:
    """Cases of a lambda over each argument."""
    return [f"(lambda x: {inner})({a})" for a in arguments]


# Not `+ 2 * eye`: IREE 3.13 crashes on `(x @ x.T + 2 * eye(n)).T` with data tiling.
POSITIVE = "x @ J.conj(J.matrix_transpose(x)) + J.diag(J.full(x.shape[-1], 2.0))"
HERMITIAN = "x + J.conj(J.matrix_transpose(x))"
PLAIN = ["A((3,3))", "A((2,4,4))", "A((1,1))", "A((2,2),'c')", "A((5,5),'f',1)", "A((2,1,3,3),'f',2)", "A((4,4),'c',1)"]

CASES = {
    "cholesky": _of(f"M.cholesky({POSITIVE})", [*PLAIN, "A((3,3),'i')"])
    + _of(f"M.cholesky({POSITIVE}, upper=True)", ["A((3,3))", "A((2,2),'c')"])
    + ["M.cholesky(A((3,3)))", "M.cholesky(A(3))", "M.cholesky(A((2,3)))",
       "M.cholesky(A((2,2),'f',0,1,2) + 3*J.eye(2), symmetrize_input=False)", "M.cholesky(4)"],
    "cond": _each("M.cond", ["A((3,3))", "A((2,3))", "A((2,4,4))", "A((1,1))", "A((2,2),'c')", "A((3,3),'i')", "A(3)",
                             "A((0,3))"])
    + [f"M.cond(A((3,3)), p={p})" for p in ("2", "-2", "1", "-1", "inf", "-inf", "'fro'", "'nuc'")]
    + ["M.cond(A((2,3)), p=1)", "M.cond(J.zeros((2,2)), p=1)"],
    "cross": ["M.cross(A(3), A(3,'f',1))", "M.cross(A((2,3)), A((2,3),'f',1))", "M.cross(A((3,2)), A((3,2),'f',1), axis=0)",
              "M.cross(A(2), A(2))", "M.cross(A(3,'i'), A(3))", "M.cross(A((3,3)), A(3))", "M.cross(A(3,'c'), A(3))",
              "M.cross(A(3,'h'), A(3,'h'))", "M.cross([1,2,3], A(3))", "M.cross(A((0,3)), A((0,3)))"],
    "det": _each("M.det", [*SQUARE, "A((4,4),'c')", "A((6,6))", "J.zeros((4,4))", "2.0"]),
    "diagonal": ["M.diagonal(A((3,3)))", "M.diagonal(A((2,3,4)))", "M.diagonal(A((2,3,4)), offset=1)",
                 "M.diagonal(A((2,3)), offset=-1)", "M.diagonal(A((3,3)), offset=5)", "M.diagonal(A(3))", "M.diagonal(A((3,3),'i'))",
                 "M.diagonal(A((0,3)))", "M.diagonal(A((2,2),'c'))", "M.diagonal(A((3,1)))"],
    "eig": _of("(lambda w, v: J.abs(x @ v - v * w[..., None, :]))(*M.eig(x))", [*PLAIN, "A((3,3),'i')"])
    + ["M.eig(A(3))", "M.eig(A((2,3)))", "J.sort(J.abs(M.eig(A((4,4))).eigenvalues))"],
    "eigh": _of(f"J.abs(M.eigh({HERMITIAN}).eigenvectors)", [*PLAIN, "A((3,3),'i')"])
    + _of(f"M.eigh({HERMITIAN}).eigenvalues", PLAIN)
    + ["M.eigh(A((3,3)), UPLO='U', symmetrize_input=False)[0]", "M.eigh(A((3,3)), UPLO='L', symmetrize_input=False)[0]",
       "M.eigh(A((3,3)), UPLO='X')", "M.eigh(A(3))", "M.eigh(A((2,3)))", "M.eigh(A((3,3)), 'U')[0]"],
    "eigvals": _of("J.sort(J.abs(M.eigvals(x)), axis=-1)", [*PLAIN, "A((3,3),'i')"])
    + ["M.eigvals(A(3))", "M.eigvals(A((2,3)))", "M.eigvals(J.eye(2))"],
    "eigvalsh": _of(f"M.eigvalsh({HERMITIAN})", [*PLAIN, "A((3,3),'i')"])
    + ["M.eigvalsh(A((3,3)), 'U')", "M.eigvalsh(A((3,3)), UPLO='U', symmetrize_input=False)", "M.eigvalsh(A(3))",
       "M.eigvalsh(A((2,3)))"],
    "inv": _each("M.inv", [*SQUARE, "A((4,4),'c')", "J.zeros((2,2))"]),
    "lstsq": ["M.lstsq(A((4,2)), A(4))", "M.lstsq(A((4,2)), A((4,3)))", "M.lstsq(A((2,4)), A(2))", "M.lstsq(A((3,3)), A(3))",
              "M.lstsq(A((4,2),'c'), A(4))", "M.lstsq(A((4,2),'i'), A(4))", "M.lstsq(A((4,2)), A(4), rcond=0.5)",
              "M.lstsq(A((4,2)), A(4), rcond=-1)", "M.lstsq(A((4,2)), A(4), numpy_resid=True)",
              "M.lstsq(A((2,4)), A(2), numpy_resid=True)", "M.lstsq(J.ones((4,2)), A(4))", "M.lstsq(A((4,2)), A(3))",
              "M.lstsq(A((2,4,2)), A(4))", "M.lstsq(A((0,2)), A(0))", "M.lstsq(A((2,0)), A(2))"],
    "matmul": ["M.matmul(A((2,3)), A((3,2)))", "M.matmul(A(3), A((3,2)))", "M.matmul(A((2,2,3)), A((3,2)))", "M.matmul(A(3), A(3))",
               "M.matmul(A((2,3),'i'), A((3,2)))", "M.matmul(A((2,3)), A((2,3)))", "M.matmul(A((2,0)), A((0,3)))",
               "M.matmul(A((2,3),'c'), A((3,2)))", "M.matmul(A(3), 2.0)", "M.matmul(A((2,3),'h'), A((3,2),'h'))"],
    "matrix_norm": [f"M.matrix_norm(A((2,3,3)), ord={p})" for p in ("'fro'", "'nuc'", "2", "-2", "1", "-1", "inf", "-inf")]
    + ["M.matrix_norm(A((3,2)), keepdims=True)", "M.matrix_norm(A((3,2)), ord=2, keepdims=True)", "M.matrix_norm(A(3))",
       "M.matrix_norm(A((2,2),'c'), ord='nuc')", "M.matrix_norm(A((3,3)), ord=3)", "M.matrix_norm(A((3,3),'i'))"],
    "matrix_power": [f"M.matrix_power(A((3,3)), {n})" for n in (0, 1, 2, 3, 5, 10, -1, -2, -3)]
    + ["M.matrix_power(A((2,2,2)), -2)", "M.matrix_power(A((2,2),'i'), 3)", "M.matrix_power(A((2,2),'i'), -1)",
       "M.matrix_power(A((2,3)), 2)", "M.matrix_power(A(3), 2)", "M.matrix_power(A((2,2),'c'), 3)", "M.matrix_power(A((2,2)), 1.5)",
       "M.matrix_power(J.array([[nan]]), 0)", "M.matrix_power(A((2,2,2)), 0)"],
    "matrix_rank": _each("M.matrix_rank", ["A((3,3))", "J.ones((3,3))", "J.zeros((2,2))", "A((4,2))", "A((2,3,3))", "A(3)",
                                           "A((3,3),'i')", "2.0", "J.zeros(3)", "A((2,2),'c')"])
    + ["M.matrix_rank(A((3,3)), rtol=2.0)", "M.matrix_rank(A((3,3)), tol=2.0)", "M.matrix_rank(A((3,3)), rtol=1., tol=1.)",
       "M.matrix_rank(A((2,3,3)), rtol=A(2,'f',0,0,3))", "M.matrix_rank(A((3,3)) + A((3,3)).T, hermitian=True)"],
    "matrix_transpose": _each("M.matrix_transpose", ["A((2,3))", "A((2,3,4))", "A(3)", "A((0,2))", "A((2,2),'c')", "A((1,3),'i')",
                                                     "A(())", "A((2,1,2),'b')", "A((3,3),'h')", "A((2,3),'u')"]),
    "multi_dot": ["M.multi_dot([A((2,3)), A((3,4)), A((4,2))])", "M.multi_dot([A((2,3)), A((3,4))])",
                  "M.multi_dot([A(3), A((3,4)), A((4,2))])", "M.multi_dot([A((2,3)), A((3,4)), A(4)])",
                  "M.multi_dot([A(3), A((3,4)), A(4)])", "M.multi_dot([A((2,3))])", "M.multi_dot([A((2,3)), A((2,3))])",
                  "M.multi_dot([A((5,2)), A((2,5)), A((5,1)), A((1,4))])", "M.multi_dot([A((2,3),'i'), A((3,4)), A((4,2))])",
                  "M.multi_dot([A((2,3,4)), A((4,2)), A((2,2))])", "M.multi_dot([A(3), A(3)])", "M.multi_dot([A((2,3),'c'), A((3,2))])"],
    "norm": _each("M.norm", ["A(3)", "A((2,3))", "A((2,3,4))", "A(3,'c')", "A(3,'i')", "2.0", "A(0)", "[3.0, 4.0]", "A(3,'h')"])
    + [f"M.norm(A(4), {p})" for p in ("0", "1", "2", "3", "-1", "0.5", "inf", "-inf", "'inf'", "'fro'")]
    + [f"M.norm(A((3,3)), {p})" for p in ("'fro'", "'nuc'", "2", "-2", "1", "-1", "inf", "-inf", "3", "'x'")]
    + ["M.norm(A((2,3,4)), axis=1)", "M.norm(A((2,3,4)), 2, axis=(0,2))", "M.norm(A((2,3,4)), 'nuc', axis=(2,0), keepdims=True)",
       "M.norm(A((2,3,4)), 1, axis=(0,-1))", "M.norm(A((2,3,4)), -inf, axis=(2,1), keepdims=True)", "M.norm(A((2,3,4)), 2)",
       "M.norm(A((2,3)), axis=(0,1,1))", "M.norm(A((2,3)), keepdims=True)", "M.norm(A((2,3)), axis=5)",
       "M.norm(A((0,3)), 1)", "M.norm(A((0,3)), inf)", "M.norm(A((2,0)), axis=1)", "M.norm(A((2,0)), inf, axis=1)"],
    "outer": ["M.outer(A(3), A(2))", "M.outer(A(3,'i'), A(2))", "M.outer(A((2,2)), A(2))", "M.outer(A(0), A(2))",
              "M.outer(A(3,'c'), A(2))", "M.outer(2.0, A(2))", "M.outer(A(3,'h'), A(2,'h'))", "M.outer(A(3,'b'), A(2,'i'))",
              "M.outer(A(1), A(1))", "M.outer(A(3,'u'), A(2,'s'))"],
    "pinv": _each("M.pinv", [*ANY, "A((0,3))", "J.ones((3,3))", "J.zeros((2,3))"])
    + ["M.pinv(A((3,3)), rtol=0.5)", "M.pinv(A((3,3)), rcond=0.5)", "M.pinv(A((3,3)), rtol=1., rcond=1.)",
       "(lambda x: M.pinv(x + x.T, hermitian=True))(A((3,3)))", "M.pinv(A((2,3,3)), rtol=A(2,'f',0,0,1))"],
    "qr": _of("J.abs(M.qr(x).R)", ANY[:7]) + _of("J.abs(M.qr(x)[0])", ANY[:4])
    + ["J.abs(M.qr(A((3,2)), mode='r'))", "J.abs(M.qr(A((3,2)), mode='complete')[1])", "J.abs(M.qr(A((3,2)), mode='raw')[1])",
       "M.qr(A((3,2)), mode='x')", "M.qr(A(3))", "M.qr(A((0,2)))", "(lambda x: (lambda q, r: q @ r)(*M.qr(x)))(A((4,3)))"],
    "slogdet": _each("M.slogdet", [*SQUARE, "A((4,4),'c')", "A((0,0))", "J.zeros((3,3))"])
    + ["M.slogdet(A((3,3)), method='qr')", "M.slogdet(A((3,3)), method='lu')", "M.slogdet(A((3,3)), method='x')",
       "M.slogdet(A((3,3),'c'), method='qr')"],
    "solve": ["M.solve(A((3,3)), A(3))", "M.solve(A((3,3)), A((3,2)))", "M.solve(A((2,3,3)), A((2,3,2)))", "M.solve(A((2,3,3)), A(3))",
              "M.solve(A((3,3)), A((2,3,2)))", "M.solve(A((2,2),'c'), A(2))", "M.solve(A((2,2),'i'), A(2,'i'))",
              "M.solve(A((2,3,3)), A((2,3)))", "M.solve(A((3,3)), A(2))", "M.solve(A((2,3)), A(2))", "M.solve(A(3), A(3))",
              "M.solve(J.zeros((2,2)), A(2))", "M.solve(A((3,3)), A((3,0)))", "M.solve([[2.0]], [1.0])",
              "M.solve(A((2,1,3,3)), A((1,2,3,1)))", "M.solve(A((3,3)), 1.0)"],
    "svd": _of("[J.abs(v) for v in M.svd(x, full_matrices=False)]", ANY[:7])
    + ["M.svd(A((3,2)), compute_uv=False)", "(lambda u, s, v: (u[:, :2] * s) @ v)(*M.svd(A((3,2))))", "M.svd(A(3))",
       "(lambda x: M.svd(x + x.T, hermitian=True)[1])(A((3,3)))", "(lambda x: M.svd(x + x.T, compute_uv=False, hermitian=True))(A((3,3)))",
       "(lambda x: (lambda u, s, v: (u * s) @ v)(*M.svd(x + x.T, hermitian=True)))(A((3,3)))"],
    "svdvals": _each("M.svdvals", [*ANY, "A((0,3))"]),
    "tensordot": ["M.tensordot(A((2,3)), A((3,2)), axes=1)", "M.tensordot(A((2,3)), A((2,3)))", "M.tensordot(A((2,3)), A((3,2)), axes=((1,),(0,)))",
                  "M.tensordot(A((2,3)), A((3,2)), axes=((0,1),(1,0)))", "M.tensordot(A(3), A(2), axes=0)", "M.tensordot(A((2,3),'i'), A((3,)), axes=1)",
                  "M.tensordot(A((2,3)), A((2,2)), axes=1)", "M.tensordot(A((2,0)), A((0,3)), axes=1)", "M.tensordot(A((2,3),'c'), A((3,)), axes=1)",
                  "M.tensordot(A((2,3,4)), A((4,3)), axes=((1,2),(1,0)))"],
    "tensorinv": ["M.tensorinv(A((4,2,2)), ind=1)", "M.tensorinv(A((2,2,4)))", "M.tensorinv(A((2,3,6)))", "M.tensorinv(A((2,3)), ind=1)",
                  "M.tensorinv(A((2,2)), ind=0)", "M.tensorinv(A((6,2,3)), ind=1)", "M.tensorinv(A((3,3)), ind=1)", "M.tensorinv(A((2,2,2,2)))",
                  "M.tensorinv(A((2,2,4),'c'))", "M.tensorinv(A((2,2,4),'i'))"],
    "tensorsolve": ["M.tensorsolve(A((2,3,6)), A((2,3)))", "M.tensorsolve(A((4,2,2)), A(4))", "M.tensorsolve(A((3,3)), A(3))",
                    "M.tensorsolve(A((2,6,3)), A((2,3)), axes=(1,))", "M.tensorsolve(A((2,3)), A(2))", "M.tensorsolve(A((2,2,4)), A((2,2)))",
                    "M.tensorsolve(A((2,2,4),'c'), A((2,2)))", "M.tensorsolve(A((2,2,4),'i'), A((2,2),'i'))", "M.tensorsolve(A((3,3)), A(2))",
                    "M.tensorsolve(A((2,2,2,2)), A((2,2)))"],
    "trace": ["M.trace(A((3,3)))", "M.trace(A((2,3,4)))", "M.trace(A((3,3)), offset=1)", "M.trace(A((3,3),'i'))", "M.trace(A((3,3),'b'))",
              "M.trace(A((3,3),'i'), dtype='float32')", "M.trace(A((2,2),'c'))", "M.trace(A((3,3),'h'))", "M.trace(A(3))", "M.trace(A((0,0)))"],
    "vecdot": ["M.vecdot(A(3), A(3,'f',1))", "M.vecdot(A((2,3)), A((2,3),'f',1))", "M.vecdot(A((3,2)), A((3,2),'f',1), axis=0)",
               "M.vecdot(A((2,3)), A(3))", "M.vecdot(A(3,'c'), A(3,'c',1))", "M.vecdot(A(3,'i'), A(3))", "M.vecdot(A(3), A(2))",
               "M.vecdot(A((0,3)), A((0,3)))", "M.vecdot(A((2,0)), A((2,0)))", "M.vecdot(A(3,'h'), A(3,'h'))"],
    "vector_norm": [f"M.vector_norm(A((2,3)), ord={p})" for p in ("0", "1", "2", "3", "-1", "inf", "-inf", "'inf'", "None")]
    + ["M.vector_norm(A((2,3,4)), axis=(0,2))", "M.vector_norm(A((2,3)), axis=1, keepdims=True)", "M.vector_norm(A(3,'i'), ord=1)",
       "M.vector_norm(A(3,'i'), ord=inf)", "M.vector_norm(A(3,'i'))", "M.vector_norm(A(3,'c'), ord=1)", "M.vector_norm(A(0))",
       "M.vector_norm(A(3,'h'))", "M.vector_norm(A((2,3)), axis=0, ord=1)"],
}  # fmt: skip

S3, W = "A((3,3),'f',4)", "A((4,2),'f',2)"
GRAD = {
    "cholesky": (f"lambda x: M.cholesky({POSITIVE})", S3),
    "cond": ("lambda x: M.cond(x)", S3),
    "det": ("lambda x: M.det(x)", "A((4,4))"),
    "eigvalsh": ("lambda x: M.eigvalsh(x)**2", S3),
    "eigvals": ("lambda x: J.abs(M.eigvals(x))**2", "A((2,2),'f',0,1,2)"),
    "inv": ("lambda x: M.inv(x)**2", S3),
    "lstsq": ("lambda x, y: M.lstsq(x, y)[0]**2", f"{W}, A(4)"),
    "matrix_power": ("lambda x: M.matrix_power(x, -2)", S3),
    "norm": ("lambda x: M.norm(x, 'nuc') + M.norm(x, 2) + M.norm(x)", S3),
    "pinv": ("lambda x: M.pinv(x)**2", W),
    "qr": ("lambda x: M.qr(x).R**2 + 0 * M.qr(x).R", W),
    "slogdet": ("lambda x: M.slogdet(x)[1]", "A((3,3))"),
    "solve": ("lambda x, y: M.solve(x, y)**2", f"{S3}, A((3,2))"),
    "svdvals": ("lambda x: M.svdvals(x)**3", W),
    "tensorinv": ("lambda x: M.tensorinv(x)", "A((2,2,4))"),
}

X64 = [
    "M.det(A((4,4),'d'))", "M.inv(A((3,3),'d'))", "M.solve(A((3,3),'z'), A(3,'d'))", "M.pinv(A((3,2),'d'))",
    "M.slogdet(A((3,3),'d'))", "M.lstsq(A((4,2),'d'), A(4,'d'))", "M.svdvals(A((3,2),'d'))", "M.norm(A((3,3),'d'), 'nuc')",
    f"(lambda x: M.cholesky({POSITIVE}))(A((3,3),'d'))", "M.matrix_rank(A((3,3),'d'))", "M.matrix_power(A((2,2),'l'), 3)",
]  # fmt: skip

EXCEPTIONS = {"M.multi_dot([A((2,3))])": "NumPy refuses a single matrix; JAX sums its diagonal"}
TOLERANCE = {"cond": 3e-4, "inv": 3e-4, "matrix_power": 1e-3, "pinv": 3e-4, "eig": 2e-4, "lstsq": 3e-4, "tensorinv": 1e-3,
             "tensorsolve": 3e-4, "solve": 3e-4, "qr": 1e-4, "det": 1e-4}  # fmt: skip
