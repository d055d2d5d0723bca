"""The cases of `axil.scipy.linalg`."""

MODULE = "scipy.linalg"

VECTORS = ["A(4)", "A((2,4))", "A(3,'i')", "A(1)", "A(4,'c')", "A((2,1,3))", "A(5,'f',1)", "A(3,'h')", "A((0,3))", "2.5",
           "J.array([1., 2., 4.])", "A(0)"]  # fmt: skip
PLAIN = ["A((3,3))", "A((4,4),'f',1)", "A((1,1))", "A((2,2),'c')", "A((3,3),'i')", "A((5,5),'f',2)", "A((3,3),'c',1)"]
BATCH = ["A((2,3,3))", "A((2,1,2,2),'c')"]
WRONG = ["A(3)", "A((2,3))"]
# Not `+ 2 * eye`: IREE 3.13 crashes on `(x @ x.T + 2 * eye(n)).T` with data tiling.
POSITIVE = "x @ J.conj(J.matrix_transpose(x)) + J.diag(J.full(x.shape[-1], 2.0))"


def _each(function: str, arguments: list[str], more: str = "") -> list[str]:
    return [f"{function}({a}{more})" for a in arguments]


def _of(inner: str, arguments: list[str]) -> list[str]:
    return [f"(lambda x: {inner})({a})" for a in arguments]


def _sizes(function: str, more: tuple[str, ...] = ("",), sizes: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)) -> list[str]:
    return [f"{function}({n}{m})" for n in sizes for m in more]


REBUILT = "(lambda t, z: J.abs(z @ t @ J.conj(J.matrix_transpose(z))))(*{})"

CASES = {
    "block_diag": ["M.block_diag(A((2,3)), A((3,2)))", "M.block_diag()", "M.block_diag(A(3), A((2,2)))", "M.block_diag(2.0, A(2))",
                   "M.block_diag(A((2,2),'i'), A((1,1)))", "M.block_diag(A((0,2)), A((1,1)))", "M.block_diag(A((2,2),'c'), A((1,1)))",
                   "M.block_diag(A((2,2,2)))", "M.block_diag(A((2,2)))", "M.block_diag(A((1,2),'h'), A((2,1),'h'))", "M.block_diag([1, 2], A((1,1)))"],
    "cho_factor": _of(f"M.cho_factor({POSITIVE}, lower=True)[0]", [*PLAIN, *BATCH]) + _of(f"J.triu(M.cho_factor({POSITIVE})[0])", PLAIN)
    + ["M.cho_factor(A(3))"],
    "cho_solve": _of(f"M.cho_solve(M.cho_factor({POSITIVE}), J.ones(x.shape[-1]))", PLAIN)
    + _of(f"M.cho_solve(M.cho_factor({POSITIVE}, lower=True), J.ones((x.shape[-1], 2)))", [*PLAIN, *BATCH])
    + ["M.cho_solve((A((3,3)), True), A(2))", "M.cho_solve((A((2,3,3)), False), A((2,3)))"],
    "cholesky": _of(f"M.cholesky({POSITIVE})", [*PLAIN, *BATCH]) + _of(f"M.cholesky({POSITIVE}, lower=True)", PLAIN)
    + _each("M.cholesky", WRONG) + ["M.cholesky(A((3,3)))"],
    "circulant": _each("M.circulant", VECTORS),
    "companion": _each("M.companion", VECTORS),
    "convolution_matrix": [f"M.convolution_matrix({a}, {n}, '{m}')" for a in ("A(3)", "A((2,4))", "A(2,'i')") for n in (1, 3, 6) for m in ("full", "same", "valid")]
    + ["M.convolution_matrix(A(3), 0)", "M.convolution_matrix(A(3), 2, 'x')", "M.convolution_matrix(2.0, 2)", "M.convolution_matrix(A(0), 2)"],
    "det": _each("M.det", [*PLAIN, *BATCH, *WRONG]),
    "dft": _sizes("M.dft", ("", ", 'sqrtn'", ", scale='n'"), (1, 2, 3, 4, 5, 8, 13)) + ["M.dft(3, 'x')", "M.dft(3, dtype='float32')", "M.dft(3, dtype='complex64')"],
    "eigh": _of("M.eigh(x + J.conj(x.T))[0]", PLAIN) + _of("J.abs(M.eigh(x + J.conj(x.T))[1])", PLAIN)
    + ["M.eigh(A((3,3)), eigvals_only=True)", "M.eigh(A((3,3)), lower=False, eigvals_only=True)", "M.eigh(A((3,3)), A((3,3)))", "M.eigh(A((3,3)), type=2)",
       "M.eigh(A((2,3)))"],
    "eigh_tridiagonal": [f"M.eigh_tridiagonal(A({n},'f',{n}), A({n - 1},'f',9), eigvals_only=True)" for n in (1, 2, 3, 5, 8, 17)]
    + [f"[J.abs(v) for v in M.eigh_tridiagonal(A({n},'f',{n}), A({n - 1},'f',9))]" for n in (1, 2, 5)]
    + ["M.eigh_tridiagonal(A(6), A(5), eigvals_only=True, select='i', select_range=(1, 3))", "M.eigh_tridiagonal(A(6), A(5), eigvals_only=True, select='i')",
       "M.eigh_tridiagonal(A(6), A(5), eigvals_only=True, select='v', select_range=(1., 3.))", "M.eigh_tridiagonal(A(6), A(5), eigvals_only=True, select='x')",
       "M.eigh_tridiagonal(A(3,'c'), A(2,'c'), eigvals_only=True)", "M.eigh_tridiagonal(A(3,'i'), A(2,'i'), eigvals_only=True)",
       "M.eigh_tridiagonal(A(3), A(2,'c'), eigvals_only=True)", "M.eigh_tridiagonal(J.ones(4), J.zeros(3), eigvals_only=True)"],
    "expm": _each("M.expm", [*PLAIN, *BATCH, *WRONG, "J.zeros((3,3))", "A((3,3)) * 1e6", "A((3,3)) * 0.01"])
    + ["M.expm(J.triu(A((3,3))), upper_triangular=True)", "M.expm(A((3,3)) * 10, max_squarings=1)"],
    "expm_frechet": ["M.expm_frechet(A((3,3)), A((3,3),'f',1))", "M.expm_frechet(A((3,3)), A((3,3),'f',1), compute_expm=False)",
                     "M.expm_frechet(A((2,2),'c'), A((2,2),'c',1))", "M.expm_frechet(A((3,3)), A((2,2)))", "M.expm_frechet(A(3), A(3))",
                     "M.expm_frechet(A((1,1)), A((1,1)))", "M.expm_frechet(A((4,4)), J.eye(4))", "M.expm_frechet(J.zeros((2,2)), A((2,2)))",
                     "M.expm_frechet(A((3,3)) * 0.1, A((3,3)))", "M.expm_frechet(A((3,3)), A((3,3),'f',1), method='SPS')"],
    "fiedler": _each("M.fiedler", VECTORS),
    "fiedler_companion": _each("M.fiedler_companion", VECTORS + ["A(7)"]),
    "funm": ["M.funm(A((3,3)), J.exp)", "M.funm(A((4,4),'f',1), J.sin)", "M.funm(A((1,1)), J.exp)", "M.funm(A((2,2),'c'), J.exp)",
             "M.funm(A((3,3)), lambda x: x * x)", "M.funm(A((3,3)), J.cos, disp=False)[0]", "M.funm(A((2,3)), J.exp)", "M.funm(A(3), J.exp)",
             "M.funm(A((5,5),'f',2), J.exp)", "M.funm(A((2,3,3)), J.exp)"],
    "hadamard": _sizes("M.hadamard", ("",), (1, 2, 4, 8, 16)) + _sizes("M.hadamard", (", dtype='float32'",), (1, 4)) + ["M.hadamard(3)", "M.hadamard(0)",
               "M.hadamard(4, dtype='complex64')", "M.hadamard(4, dtype='uint8')"],
    "hankel": _each("M.hankel", VECTORS) + ["M.hankel(A(3), A(4))", "M.hankel(A(3,'i'), A(4))", "M.hankel(A((2,3)), A(2))", "M.hankel(A(3), A(0))"],
    "helmert": _sizes("M.helmert", ("", ", full=True"), (0, 1, 2, 3, 4, 7)),
    "hessenberg": _each("M.hessenberg", ["A((3,3))", "A((4,4),'f',1)", "A((1,1))", "A((2,2),'c')", "A((2,4,4))", "A((0,0))", *WRONG])
    + _each("M.hessenberg", ["A((3,3))", "A((5,5),'f',1)", "A((3,3),'c',1)", "A((2,4,4))", "A((1,1))"], ", calc_q=True"),
    "hilbert": _sizes("M.hilbert"),
    "inv": _each("M.inv", [*PLAIN, *BATCH, *WRONG]),
    "invhilbert": _sizes("M.invhilbert", ("",), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)),
    "invpascal": _sizes("M.invpascal", ("", ", 'lower'", ", kind='upper'"), (0, 1, 2, 4, 6)) + ["M.invpascal(3, 'x')"],
    "leslie": ["M.leslie(A(4), A(3))", "M.leslie(A((2,4)), A(3))", "M.leslie(A(4), A((2,3)))", "M.leslie(A(4,'i'), A(3))", "M.leslie(A(4,'i'), A(3,'i'))",
               "M.leslie(A(1), A(0))", "M.leslie(A(4), A(2))", "M.leslie(A(2), A(1))", "M.leslie([1., 2.], [3.])", "M.leslie(A(4,'h'), A(3,'h'))",
               "M.leslie(A(3,'c'), A(2))"],
    "lu": _each("M.lu", [*PLAIN, "A((4,2))", "A((2,4))", "J.zeros((2,2))", "A(3)"]) + _each("M.lu", [*PLAIN[:4], "A((4,2))"], ", permute_l=True"),
    "lu_factor": _each("M.lu_factor", [*PLAIN, *BATCH, "A((4,2))", "A((2,4))", "A(3)"]),
    "lu_solve": [f"(lambda x: M.lu_solve(M.lu_factor(x), J.ones({b}), trans={t}))({a})"
                 for a, b in (("A((3,3))", "3"), ("A((3,3))", "(3,2)"), ("A((2,2),'c')", "(2,1)"), ("A((2,3,3))", "(2,3,1)"), ("A((2,3,3))", "(3,2)"))
                 for t in (0, 1, 2)] + ["M.lu_solve(M.lu_factor(A((3,3))), A(2))", "M.lu_solve(M.lu_factor(A((3,3))), A(3), trans=3)"],
    "pascal": _sizes("M.pascal", ("", ", 'lower'", ", kind='upper'"), (0, 1, 2, 4, 6)) + ["M.pascal(3, 'x')"],
    "polar": _each("M.polar", [*PLAIN[:4], "A((4,2))", "A((2,3,3))", "A(3)"])
    + ["M.polar(A((2,4)), side='left')", "M.polar(A((3,3)), method='svd', side='left')", "M.polar(A((4,2)), method='svd')", "M.polar(A((2,4)), method='svd')",
       "M.polar(A((2,4)), method='svd', side='left')", "M.polar(A((3,3)), side='x')", "M.polar(A((3,3)), method='x')", "M.polar(A((3,3),'c'), method='svd')"],
    "qr": [f"[J.abs(v) for v in M.qr({a}, mode='{m}', pivoting={p})]" for a in ("A((3,3))", "A((2,3))") for m in ("full", "economic", "r") for p in (False, True)]
    + ["M.qr(A((3,2)), mode='economic')[1]", "[J.abs(v) for v in M.qr(A((2,3,2)), mode='economic')]", "[J.abs(v) for v in M.qr(A((3,2),'c'))[1:]]", "M.qr(A((3,3)), mode='x')", "M.qr(A(3))"],
    "qr_multiply": [f"[J.abs(v) for v in M.qr_multiply({a}, {c}, '{m}', {p}, {j})]"
                    for a, c, m in (("A((4,3))", "A((3,2))", "left"), ("A((4,3))", "A((2,4))", "right"), ("A((2,4))", "A(2)", "left"), ("A((3,3),'c')", "A((2,3),'c',1)", "right"))
                    for p in (False, True) for j in (False, True)]
    + ["M.qr_multiply(A((3,3)), A((2,2)))", "M.qr_multiply(A((3,3)), A((3,3)), 'x')"],
    "rsf2csf": _of(REBUILT.format("M.rsf2csf(*M.schur(x))"), ["A((3,3))", "A((4,4),'f',1)", "A((1,1))", "A((2,2),'c')", "A((5,5),'f',2)", "A((2,3,3))"])
    + ["M.rsf2csf(A((3,3)), A((2,2)))", "M.rsf2csf(A((2,3)), A((3,3)))", "M.rsf2csf(J.triu(A((3,3))), J.eye(3))", "J.tril(M.rsf2csf(*M.schur(A((4,4))))[0], -1)"],
    "schur": _of(REBUILT.format("M.schur(x)"), ["A((3,3))", "A((4,4),'f',1)", "A((1,1))", "A((2,2),'c')", "A((2,3,3))"])
    + _of(REBUILT.format("M.schur(x, output='complex')"), ["A((3,3))", "A((2,2),'c')", "A((2,3,3))"]) + ["M.schur(A((3,3)), output='x')", "M.schur(A((2,3)))"],
    "solve": [f"M.solve({a}, {b})" for a, b in (("A((3,3))", "A(3)"), ("A((3,3))", "A((3,2))"), ("A((2,2),'c')", "A(2)"), ("A((2,3,3))", "A((2,3,1))"), ("A((3,3))", "A(2)"),
                                                ("A((2,2),'i')", "A(2,'i')"))]
    + _of(f"M.solve({POSITIVE}, J.arange(1., 1. + x.shape[-1]), assume_a='pos')", PLAIN)
    + ["M.solve(A((3,3)), A(3), assume_a='x')", "M.solve(A((3,3)), A(3), assume_a='sym')", "(lambda x: M.solve(x @ x.T, A((3,2)), assume_a='pos', lower=True))(A((3,3)))"],
    "solve_sylvester": ["M.solve_sylvester(A((3,3)), A((2,2),'f',1), A((3,2)))", "M.solve_sylvester(A((3,3)), A((2,2),'f',1), A((3,2)), method='eigen')",
                        "M.solve_sylvester(A((2,2),'c'), A((2,2),'c',1), A((2,2),'c',2))", "M.solve_sylvester(A((2,2)), A((2,2),'c',1), A((2,2)))",
                        "M.solve_sylvester(A((2,3,3)), A((2,2),'f',1), A((3,2)))", "M.solve_sylvester(A((3,3)), A((2,2)), A((2,2)))",
                        "M.solve_sylvester(J.eye(2), -J.eye(2), A((2,2)))", "M.solve_sylvester(A((1,1)), A((1,1)), A((1,1)))",
                        "M.solve_sylvester(A((2,2)), A((2,2)), A((2,2)), method='x')", "M.solve_sylvester(A((3,3),'i'), J.eye(2), A((3,2),'i'))"],
    "solve_triangular": [f"M.solve_triangular({a}, {b}, trans={t}, lower={lo})"
                         for a, b in (("A((3,3))", "A(3)"), ("A((2,2),'c')", "A((2,2))"), ("A((2,3,3))", "A((3,2))")) for t in (0, 1, "'C'") for lo in (False, True)]
    + ["M.solve_triangular(A((3,3)), A(3), unit_diagonal=True)", "M.solve_triangular(A((3,3)), A(2))", "M.solve_triangular(A((3,3)), A(3), trans=5)"],
    "sqrtm": _of("M.sqrtm(x @ x)", ["A((3,3))", "A((4,4),'f',1)", "A((1,1))", "A((2,2),'c')", "A((3,3),'i')", "A((5,5),'f',2)"])
    + ["M.sqrtm(A((3,3)))", "M.sqrtm(J.eye(3))", "M.sqrtm(A((3,3)), blocksize=2)", "M.sqrtm(J.triu(A((3,3),'f',0,1,2)))", "M.sqrtm(A((2,3)))"],
    "svd": _of("[J.abs(v) for v in M.svd(x, full_matrices=False)]", [*PLAIN, "A((4,2))", "A((2,3,2))"]) + ["M.svd(A((4,2)), compute_uv=False)", "M.svd(A(3))"],
    "toeplitz": _each("M.toeplitz", VECTORS) + ["M.toeplitz(A(3), A(4))", "M.toeplitz(A(3,'i'), A(4))", "M.toeplitz(A((2,3)), A(2))", "M.toeplitz(A(3,'c'), A(2,'c',1))", "M.toeplitz(A(3), A(0))"],
}  # fmt: skip

S3 = "A((3,3),'f',4)"
GRAD = {
    "cho_solve": (f"lambda x, b: M.cho_solve(M.cho_factor({POSITIVE}), b)", f"{S3}, A((3,2))"),
    "expm": ("lambda x: M.expm(x / 4)**2", S3),
    "lu": ("lambda x: sum(v for v in M.lu(x)[1:])", S3),
    "solve": (f"lambda x, b: M.solve({POSITIVE}, b, assume_a='pos')**2", f"{S3}, A((3,2))"),
    "solve_triangular": ("lambda x, b: M.solve_triangular(x, b, lower=True)**2", f"{S3}, A((3,2))"),
    "toeplitz": ("lambda c, r: M.toeplitz(c, r)**2", "A(3), A(4)"),
    "block_diag": ("lambda x, y: M.block_diag(x, y)**2", "A((2,2)), A((1,3))"),
    "polar": ("lambda x: M.polar(x, method='svd')[0] * J.arange(9.).reshape(3, 3)", S3),
}

X64 = [
    "M.expm(A((3,3),'d'))", "M.expm(A((3,3),'z') * 0.1)", "M.sqrtm((lambda x: x @ x)(A((3,3),'d')))", "M.hilbert(4)", "M.invhilbert(6)",
    "M.pascal(5)", "M.invpascal(5)", "M.dft(5)", "M.helmert(4)", "M.hadamard(4)", "M.lu(A((3,3),'d'))",
    "M.solve(A((3,3),'d'), A(3,'d'))", "M.eigh_tridiagonal(A(6,'d'), A(5,'d'), eigvals_only=True)",
    "M.solve_sylvester(A((3,3),'d'), A((2,2),'d',1), A((3,2),'d'))", "M.toeplitz(A(3,'d'))", "M.companion(A(4,'l'))",
]  # fmt: skip

EXCEPTIONS = {"M.pascal(5)": "JAX computes the binomials by lgamma, in f32; ours are exact"}
TOLERANCE = {"expm": 2e-4, "expm_frechet": 5e-4, "funm": 1e-3, "inv": 3e-4, "sqrtm": 1e-3, "solve": 1e-3, "cho_solve": 1e-3, "pascal": 1e-3, "invpascal": 1e-3,
             "invhilbert": 1e-3, "solve_sylvester": 1e-3, "rsf2csf": 1e-4, "polar": 1e-4, "lu_solve": 1e-3, "hessenberg": 1e-4,
             "qr_multiply": 1e-4, "solve_triangular": 3e-4, "schur": 1e-4}  # fmt: skip
