"""The cases of `axil.lax.linalg`: factorisations and solvers (spectral decompositions have a table of their own)."""

MODULE = "lax.linalg"

_DEFINITE = "(lambda x: x @ J.conj(J.swapaxes(x, -1, -2)) + 4 * J.eye(x.shape[-1], dtype=x.dtype))"


def _definite(arguments: str) -> str:
    return f"{_DEFINITE}(A({arguments}))"


def _triangle(arguments: str) -> str:
    return f"(lambda x: x + 5 * J.eye(x.shape[-1], dtype=x.dtype))(A({arguments}))"


_FOUR = "(4,4),'c'"
_SOLVES = [
    ("(3,3)", "(3,2)", "f", "left_side=True"),
    ("(3,3)", "(3,2)", "f", "left_side=True, lower=True"),
    ("(3,3)", "(2,3)", "f", ""),
    ("(3,3)", "(2,3)", "f", "lower=True, transpose_a=True"),
    ("(3,3)", "3", "f", "left_side=True, unit_diagonal=True"),
    ("(3,3)", "3", "f", "lower=True"),
    ("(2,3,3)", "(2,3,4)", "f", "left_side=True, transpose_a=True"),
    ("(2,3,3)", "(2,3)", "f", "left_side=True, lower=True"),
    ("(3,3)", "(3,2)", "c", "left_side=True, lower=True, conjugate_a=True"),
    ("(3,3)", "(2,3)", "c", "transpose_a=True, conjugate_a=True"),
    ("(3,3)", "(3,2)", "f", "left_side=True, conjugate_a=True, transpose_a=True, lower=True"),
    ("(0,0)", "(0,2)", "f", "left_side=True"),
    ("(2,2)", "(2,0)", "f", "left_side=True"),
    ("(1,1)", "(1,1)", "f", "lower=True, unit_diagonal=True"),
    ("(3,2)", "(3,2)", "f", "left_side=True"),
    ("(3,3)", "(2,2)", "f", "left_side=True"),
    ("(3,3)", "(4,3,2)", "f", "left_side=True"),
]

_REFLECTORS = "(lambda x, c{more}: (lambda h, t: M.{call})(*J.linalg.qr(x, mode='raw')))({arguments})"
_MATRICES = [
    "A((3,3))", "A((4,2))", "A((2,4))", "A((2,3,3))", "A((3,3),'c')", "A((2,4,2),'c')", "A((1,1))", "A((3,3),'f',1)",
    "A((5,4),'f',2)", "A((6,6),'f',3)",
]  # fmt: skip

CASES = {
    "cholesky": [
        f"M.cholesky({_definite('(3,3)')})",
        f"M.cholesky({_definite(_FOUR)})",
        f"M.cholesky({_definite('(2,3,3)')})",
        f"M.cholesky({_definite('(20,20)')})",
        f"M.cholesky({_definite('(3,3)')}, symmetrize_input=False)",
        "M.cholesky(A((3,3)) + 9 * J.eye(3))",
        "M.cholesky(A((3,3)) + 9 * J.eye(3), symmetrize_input=False)",
        "M.cholesky(A((3,3),'c') + 9 * J.eye(3))",
        "M.cholesky(-J.eye(2))", "M.cholesky(J.zeros((2,2)))", "M.cholesky(J.stack([J.eye(2), -J.eye(2)]))",
        "M.cholesky(J.array([[4., 1.], [1., nan]]))", "M.cholesky(A((0,0)))", "M.cholesky(A((2,0,0)))",
        "M.cholesky(A((1,1), 'f', 0, 1, 2))", "M.cholesky(J.eye(3, dtype=int))", "M.cholesky(A((2,3)))",
        "M.cholesky(A(3))", "M.cholesky(2.5)", "M.cholesky([[1., 0.], [0., 1.]])", "M.cholesky(A((2,2),'h'))",
        "M.cholesky(A((2,2),'i'), symmetrize_input=False)",
    ],
    "cholesky_update": [
        "M.cholesky_update(J.triu(A((3,3))), A(3,'f',1))", "M.cholesky_update(J.eye(2), A(2))",
        "M.cholesky_update(J.triu(A((4,4),'f',1)) + 5 * J.eye(4), A(4))", "M.cholesky_update(J.eye(3), J.zeros(3))",
        "M.cholesky_update(-J.eye(2), A(2))", "M.cholesky_update(J.triu(A((3,3))), J.array([0., 1., 0.]))",
        "M.cholesky_update(A((1,1)), A(1))", "M.cholesky_update(A((0,0)), A(0))",
        "M.cholesky_update(J.triu(A((9,9))) + 4 * J.eye(9), A(9))",
        "M.cholesky_update(J.eye(3), A(2))", "M.cholesky_update(A((2,3)), A(3))", "M.cholesky_update(J.eye(2), A(2,'h'))",
        "M.cholesky_update(J.eye(2, dtype=int), A(2,'i'))",
    ],
    "householder_product": [
        *[_REFLECTORS.format(more="", call="householder_product(J.swapaxes(h, -1, -2), t)", arguments=f"{a}, 0")
          for a in _MATRICES if a != "A((2,4))"],
        "M.householder_product(A((3,2)), A(2))", "M.householder_product(A((3,2)), A(1))",
        "M.householder_product(A((3,3)), A(0))", "M.householder_product(A((2,3)), A(2))",
        "M.householder_product(A((3,2)), A(3))", "M.householder_product(A((3,2)), A(2,'i'))",
        "M.householder_product(A((3,2),'c'), A(2,'c'))", "M.householder_product(A((0,0)), A(0))",
    ],
    "lu": [
        *[f"M.lu({a})" for a in _MATRICES],
        "M.lu(A((20,20)))", "M.lu(J.zeros((2,2)))", "M.lu(J.array([[0., 1.], [0., 3.]]))", "M.lu(J.ones((3,3)))",
        "M.lu(A((0,3)))", "M.lu(A((3,0)))", "M.lu(A((2,0,0)))", "M.lu(J.array([[1., nan], [2., 3.]]))",
        "M.lu(A((3,3),'i'))", "M.lu(A(3))", "M.lu([[1., 2.]])", "M.lu(J.array([[2., 1.], [-2., 1.]]))",
    ],
    "lu_pivots_to_permutation": [
        "M.lu_pivots_to_permutation(J.array([1, 1]), 3)", "M.lu_pivots_to_permutation(J.array([2, 2, 2]), 3)",
        "M.lu_pivots_to_permutation(J.array([[1, 1], [0, 1]]), 2)", "M.lu_pivots_to_permutation(J.array([0]), 1)",
        "M.lu_pivots_to_permutation(J.array([3, 1, 3]), 5)", "M.lu_pivots_to_permutation(J.zeros((2, 0), int), 2)",
        "M.lu_pivots_to_permutation(J.array([1, 1]), permutation_size=2)",
        "M.lu_pivots_to_permutation(M.lu(A((5,5)))[1], 5)", "M.lu_pivots_to_permutation(M.lu(A((2,4,3)))[1], 4)",
        "M.lu_pivots_to_permutation(J.array([1, 1]), 1)", "M.lu_pivots_to_permutation(A(2), 3)",
        "M.lu_pivots_to_permutation(J.array([1, 1], dtype='uint8'), 3)",
    ],
    "ormqr": [
        *[_REFLECTORS.format(more="", call=f"ormqr(J.swapaxes(h, -1, -2), t, c{how})", arguments=f"{a}, {c}")
          for a, c, how in [
              ("A((3,3))", "A((3,2))", ""), ("A((4,2))", "A((4,3))", ", transpose=True"),
              ("A((2,4))", "A((2,2))", ""), ("A((4,2))", "A((3,4))", ", left=False"),
              ("A((4,2))", "A((1,4))", ", left=False, transpose=True"), ("A((2,3,3))", "A((2,3,1))", ""),
              ("A((3,3),'c')", "A((3,2),'c')", ""), ("A((4,3),'c')", "A((4,2),'c')", ", transpose=True"),
              ("A((4,3),'c')", "A((2,4),'c')", ", left=False"),
              ("A((4,3),'c')", "A((2,4),'c')", ", left=False, transpose=True"), ("A((3,3))", "A((2,3))", ""),
          ]],
        "M.ormqr(A((3,2)), A(2), A((3,1)))", "M.ormqr(A((3,2)), A(1), A((3,1)))",
        "M.ormqr(A((3,2)), A(2), A((3,1),'c'))", "M.ormqr(A((3,2)), A(2), A((2,2)), left=False)",
    ],
    "qr": [
        *[f"M.qr({a})" for a in _MATRICES], *[f"M.qr({a}, full_matrices=False)" for a in _MATRICES],
        *[f"M.qr({a}, pivoting=True)" for a in _MATRICES[:6]],
        "M.qr(A((5,3)), pivoting=True, full_matrices=False)", "M.qr(A((0,2)))", "M.qr(A((2,0)))",
        "M.qr(A((2,0)), full_matrices=False)", "M.qr(J.eye(3))", "M.qr(J.eye(3), pivoting=True)",
        "M.qr(A((3,3),'i'))", "M.qr(A(3))", "M.qr(A((2,2),'h'))", "M.qr(A((3,3)), use_magma=False)",
    ],
    "symmetric_product": [
        "M.symmetric_product(A((2,3)), A((2,2)))", "M.symmetric_product(A((2,3)), A((2,2)), alpha=2., beta=3.)",
        "M.symmetric_product(A((2,3)), A((2,2)), beta=1., symmetrize_output=True)",
        "M.symmetric_product(A((4,2,3)), A((4,2,2)), alpha=.5)", "M.symmetric_product(A((2,0)), A((2,2)), beta=2.)",
        "M.symmetric_product(A((1,1)), A((1,1)))", "M.symmetric_product(A((0,2)), A((0,0)))",
        "M.symmetric_product(A((3,1)), A((3,3)), symmetrize_output=True)",
        "M.symmetric_product(A((2,3)), A((3,3)))", "M.symmetric_product(A((2,3)), A((2,2),'i'))",
        "M.symmetric_product(A((2,3),'c'), A((2,2),'c'))", "M.symmetric_product(A((3,2)), A((3,3)), alpha=0)",
    ],
    "triangular_solve": [
        *[f"M.triangular_solve({_triangle(f'{a},{kind!r}')}, A({b},{kind!r},1){', ' * bool(how)}{how})"
          for a, b, kind, how in _SOLVES if a != "(3,2)"],
        *[f"M.triangular_solve(A({a}), A({b}), {how})" for a, b, kind, how in _SOLVES if a == "(3,2)"],
        "M.triangular_solve(J.zeros((2,2)), J.ones(2), left_side=True)",
        "M.triangular_solve(J.eye(2), A(2,'h'), left_side=True)", "M.triangular_solve(J.eye(2), A((2,2),'i'))",
    ],
    "tridiagonal_solve": [
        "M.tridiagonal_solve(A(4), A(4,'f',1), A(4,'f',2), A((4,2),'f',3))",
        "M.tridiagonal_solve(A(1), A(1,'f',1), A(1,'f',2), A((1,2),'f',3))",
        "M.tridiagonal_solve(A(2), A(2,'f',1), A(2,'f',2), A((2,1),'f',3))",
        "M.tridiagonal_solve(A(9), A(9,'f',1) + 5, A(9,'f',2), A((9,1),'f',3))",
        "M.tridiagonal_solve(A((2,4)), A((2,4),'f',1), A((2,4),'f',2), A((2,4,3),'f',3))",
        "M.tridiagonal_solve(A(4,'c'), A(4,'c',1), A(4,'c',2), A((4,2),'c',3))",
        "M.tridiagonal_solve(A(4), J.zeros(4), A(4,'f',2), A((4,2),'f',3))",
        "M.tridiagonal_solve(J.zeros(3), J.zeros(3), J.zeros(3), A((3,1)))",
        "M.tridiagonal_solve(J.zeros(3), J.zeros(3), J.zeros(3), J.ones((3,1)), perturb_singular=True)",
        "M.tridiagonal_solve(J.array([0., 2.]), J.array([1., 2.]), J.array([1., 0.]), J.ones((2,1)), "
        "perturb_singular=True)",
        "M.tridiagonal_solve(A(5), A(5,'f',1), A(5,'f',2), A((5,2),'f',3), perturb_singular=True)",
        "M.tridiagonal_solve(A(3), A(4), A(4), A((4,1)))", "M.tridiagonal_solve(A(4), A(4), A(4), A((3,1)))",
        "M.tridiagonal_solve(A(4), A(4), A(4), A((4,1),'h'))",
    ],
}  # fmt: skip

EXCEPTIONS: dict[str, str] = {}

X64 = [
    f"M.cholesky({_DEFINITE}(A((5,5),'d')))", f"M.cholesky({_DEFINITE}(A((4,4),'z')))", "M.lu(A((2,5,4),'d'))",
    "M.lu(A((4,4),'z'))", "M.qr(A((4,3),'d'))", "M.qr(A((3,4),'z'))", "M.qr(A((4,5),'d'), pivoting=True)",
    "M.triangular_solve(J.eye(3, dtype='float64') + J.tril(A((3,3),'d')) / 9, A((3,2),'d'), left_side=True, lower=True)",
    "M.tridiagonal_solve(A(5,'d'), A(5,'d',1), A(5,'d',2), A((5,2),'d',3))", "M.ormqr(A((3,2),'z'), A(2,'z'), A((3,1),'z'))",
    "M.symmetric_product(A((2,3),'d'), A((2,2),'d'), alpha=2., beta=3.)",
    "M.cholesky_update(J.eye(3, dtype='float64'), A(3,'d'))",
]  # fmt: skip

GRAD = {
    "cholesky": (f"lambda x: M.cholesky({_DEFINITE}(x)) ** 2", "A((3,3))"),
    "triangular_solve": (
        "lambda a, b: M.triangular_solve(a + 5 * J.eye(3), b, left_side=True, lower=True)", "A((3,3)), A((3,2))"
    ),
    "lu": ("lambda x: M.lu(x)[0]", "A((3,3))"),
    "qr": ("lambda x: [y ** 2 for y in M.qr(x, full_matrices=False)]", "A((4,3))"),
    "tridiagonal_solve": (
        "lambda l, d, u, b: M.tridiagonal_solve(l, d + 5, u, b)", "A(4), A(4,'f',1), A(4,'f',2), A((4,2),'f',3)"
    ),
}  # fmt: skip
