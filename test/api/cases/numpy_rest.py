"""The cases of `axil.numpy` that no other table has: sets of fixed size, NaN-aware sums, aliases, indices, buffers."""

from api import array, elementwise

MODULE = "numpy"


def _cases(text: str) -> list[str]:
    return [case.strip() for line in text.strip().splitlines() for case in line.split(" | ") if case.strip()]


def _sets(name: str) -> list[str]:
    """Two arrays as sets, with and without a size: cut, filled, empty, with NaN, of mixed dtypes."""
    pairs = ["A(8,'i'), A(6,'i',1)", "A((2,4),'u'), A((3,2),'u',1)", "A(5), A(4,'f',1)", "A(6,'i'), A(6,'i')",
             "J.array([3., 1., 3., 2.]), J.array([2., 2., 5., 3.])"]  # fmt: skip
    found = [f"J.{name}({pair}{size})" for pair in pairs for size in (", size=3", ", size=9", ", size=6, fill_value=-7", "")]
    return found + [
        f"J.{name}({text})" for text in (
            "A(0), A(3), size=4", "A(3), A(0), size=4", "A(0), A(0), size=2", "A(0,'i'), A(0,'i')", "A(()), A(3,'f',1), size=2",
            "A(6,'i'), A(6,'f',1), size=7", "A(6), A(6,'i',1), size=7", "A(6,'s'), A(6,'i',1), size=7", "A(6,'i'), A(6,'f',1)",
            "A(6,'h'), A(5,'h',1), size=5", "A(5,'b'), A(2,'b',1), size=3", "A(4,'c'), A(4,'c'), size=3",
            "J.array([5, 1, 4, 2]), J.array([4, 7, 1]), assume_unique=True, size=5",
            "J.array([5, 1, 4, 2]), J.array([4, 7, 1]), assume_unique=True", "J.array([5, 1, 4, 2]), J.array([4, 7, 1]), True, size=1",
            "J.array([nan, 1., nan, 2.]), J.array([nan, 2., 3.]), size=6, fill_value=9.0", "J.array([nan, 1., nan, 2.]), J.array([nan, 2., 3.])",
            "J.array([nan, 1., 3.]), J.array([2., 3.]), size=6, fill_value=9.0", "J.array([0., -0., 1.]), J.array([-0., 2.]), size=4, fill_value=5",
            "A(4,'i'), A(4,'i',1), size=-1", "A(4,'i'), A(4,'i',1), size=2.5", "[1, 2], A(3), size=2", "A(4,'i'), A(4,'i',1), size='a'",
        )
    ]  # fmt: skip


def _nan_reduction(name: str) -> list[str]:
    nan = "J.where(A((3,4),'b',5), nan, A((3,4)))"
    return [
        f"J.{name}({text})" for text in (
            nan, f"{nan}, axis=0", f"{nan}, axis=-1, keepdims=True", f"{nan}, (0, 1)", "A((2,3),'i')", "A((2,3),'i'), axis=1",
            "A((2,0)), axis=0", "A((2,0)), axis=1", "A(0)", "A(())", "J.full(3, nan)", "A(3,'h')", "A((2,3),'g'), axis=1", "A(3,'c')", "A((2,3),'b')",
            f"{nan}, axis=3", f"{nan}, axis=1, out=A(3)", f"{nan}, where=A((3,4),'b',1)", f"{nan}, dtype='float16'", "[1., 2.]",
        )
    ]  # fmt: skip


_SPREAD = [
    f"J.{{}}({text})" for text in (
        "J.array([1., nan, 3., 4.]), mean=2.0", "J.array([[1., nan, 3.], [4., 5., nan]]), axis=1, mean=J.array([[2.], [4.]])",
        "J.array([[1., nan, 3.], [4., 5., nan]]), axis=0, mean=J.array([[2., 5., 3.]]), keepdims=True", "A(4,'i'), mean=1", "A(4,'i'), mean=1.5, ddof=1",
        "A((2,3)), axis=1, mean=J.nanmean(A((2,3)), axis=1, keepdims=True)", "A(3,'h'), mean=1.0", "A(3,'g'), mean=A((),'f')", "J.full(3, nan), mean=0.0",
        "A((2,3)), ddof=1", "A((2,3)), axis=0, ddof=3", "A((2,3)), axis=1, where=A((2,3),'b'), mean=0.5", "A(4), mean=A((),'i')", "A(3), mean=A(2)", "A(3), mean=[1.]",
    )
]  # fmt: skip
_OF_MATRIX = ["A((3,3))", "A((2,4))", "A((4,2))", "A((3,3)), 1", "A((3,3)), k=-1", "A((2,4),'i'), 2", "A((0,3))", "A((3,0)), 1", "A((3,3)), 9",
              "A((3,3)), -9", "A(3)", "A((2,2,2))", "A(())"]  # fmt: skip
_CORRELATED = [
    "A((3,5)), dtype='float16'", "A((3,5),'h'), dtype='float32'", "A((3,5)), dtype='complex64'", "A((2,4),'i'), dtype='bfloat16'", "A((2,4)), dtype='int32'",
    "A(5), A(5,'f',1), dtype=J.float32", "A((2,5),'c'), dtype='complex64'", "A((2,5),'c')", "A((3,5)), rowvar=False", "A((1,4)), rowvar=False", "A((1,4)), A((1,4),'f',1), False",
    "A(5)", "A(())", "A((0,4))", "A((2,0))", "A((1,0))", "A((2,2,2))", "A(3), A((2,2,2))", "A((2,3)), A((2,3),'f',1), dtype='float16'", "A((2,3),'h'), A((2,3),'f',1)", "[1., 2.]",
]  # fmt: skip
_TYPED = {  # a type as a function, and what it says of itself
    name: [f"J.{name}(1.5)", f"J.{name}(A(3,'i'))", f"J.{name}([1, 2])", f"J.dtype(J.{name}).name", f"J.asarray(A(3), J.{name}).dtype.name",
           f"J.zeros(2, J.{name})", f"J.{name} == J.{same}", f"J.issubdtype(J.{name}, J.inexact)", f"J.{name}().dtype.name", f"J.{name}(A((2,0)))",
           f"J.arange(3).astype(J.{name})"]
    for name, same in (("csingle", "complex64"), ("cdouble", "complex128"), ("float_", "float64"), ("int_", "int64"))
}  # fmt: skip
_NARROW = {
    name: [f"J.dtype(J.{name}).name", f"J.dtype(J.{name}).itemsize", f"A(6).astype(J.{name}).astype('float32')", f"J.asarray([0.5, 1., -2., 3.], J.{name}).astype('float32')",
           f"J.issubdtype(J.{name}, J.floating)", f"J.issubdtype(J.{name}, J.integer)", f"J.finfo(J.{name}).bits", f"float(J.finfo(J.{name}).max)", f"J.{name}(1.0).dtype.name",
           f"A(3).astype(J.{name}) == A(3).astype(J.{name})", f"J.zeros(3, J.{name}).astype('float32')", f"J.array([1e6, -1e6, nan, 0.01]).astype(J.{name}).astype('float32')"]
    for name in ("float6_e3m2fn", "float8_e3m4", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz")
}  # fmt: skip

CASES = {
    "intersect1d": [*_sets("intersect1d"), *(
        f"J.intersect1d({text})" for text in (
            "A(8,'i'), A(6,'i',1), return_indices=True", "A(8,'i'), A(6,'i',1), return_indices=True, size=2", "A(8,'i'), A(6,'i',1), return_indices=True, size=7",
            "A((2,4),'i'), A((3,2),'i',1), False, True, size=5", "J.array([5, 1, 4, 2]), J.array([4, 7, 1]), True, True, size=3", "A(0), A(3), return_indices=True, size=2",
            "J.array([5, 1, 4, 2]), J.array([4, 7, 1]), True, True", "A(3), A(3), return_indices=True, size=0",
        ))],
    "setdiff1d": _sets("setdiff1d"),
    "setxor1d": _sets("setxor1d"),
    "union1d": _sets("union1d"),
    "argsort": [f"J.argsort({text})" for text in (
        "A((2,5)), dtype='int8'", "A((2,5)), axis=0, dtype=J.uint16", "A(6,'i'), dtype=J.int32, descending=True", "A((2,3)), axis=None, dtype='uint8'", "A(5), dtype='float32'",
        "A(5), dtype='bool'", "A(0), dtype='int16'", "A(()), dtype='int8'", "A(4,'b'), dtype='uint32'", "A(4,'c'), dtype='int8'", "J.array([nan, 1., -inf, 0.]), dtype='int8'",
        "A(5), dtype='int64'", "A(5), dtype='nothing'", "A(300), dtype='int8'", "A(5), dtype=int")],
    "argpartition": [f"J.argpartition({text})" for text in (
        "A(1), 0", "J.array([3., 1.]), 1", "J.array([2, 1]), 0, axis=0", "J.array([[2., 1.], [0., 5.]]), 1", "J.array([[2., 1.], [0., 5.]]), 0, axis=0",
        "A((2,1)), 0", "A((1,3)), 0, axis=0", "A((0,2)), 0", "A(3), 5", "A(()), 0", "A((2,3)), 0, axis=4", "[1, 2], 0", "A(3), 'a'")]
        + ["J.sort(J.argpartition(A(9), 4)[:4])", "J.sort(J.argpartition(A((3,7)), 2, axis=0)[:2], axis=0)", "J.sort(J.argpartition(A(9), -3)[-3:])"],
    "cov": [f"J.cov({text})" for text in _CORRELATED] + [f"J.cov({text})" for text in (
        "A((2,4)), fweights=A(4,'u',1)", "A((2,4)), aweights=A(4,'f',1)", "A((2,4)), fweights=A(4,'i',1), aweights=A(4,'f',2)", "A((2,4)), fweights=A(4,'u',1), dtype='float16'",
        "A((2,4)), aweights=A(4,'f',1), ddof=0", "A((2,4)), fweights=A(4,'f',1)", "A((2,4)), fweights=A(3,'u')", "A((2,4)), aweights=A((2,2))", "A((2,4),'h'), aweights=A(4,'f',1)",
        "A((2,4)), bias=True", "A((2,4)), ddof=2", "A((2,1))", "A((2,4),'c'), aweights=A(4,'f',1)")],
    "corrcoef": [f"J.corrcoef({text})" for text in _CORRELATED],
    "fmax": [*elementwise("J.fmax", 2), "J.fmax(x1=A(3), x2=A(3,'f',1))", "J.fmax(J.array([nan, 1., nan]), J.array([1., nan, nan]))", "J.fmax(A(3), x2=0)", "J.fmax(A(3,'c'), A(3,'c',1))"],
    "fmin": [*elementwise("J.fmin", 2), "J.fmin(x1=A(3), x2=A(3,'f',1))", "J.fmin(J.array([nan, 1., nan]), J.array([1., nan, nan]))", "J.fmin(A(3), x2=0)", "J.fmin(A(3,'c'), A(3,'c',1))"],
    **{name: [*elementwise(f"J.{name}"), f"J.{name}(J.array([inf, -inf, nan, 0.]))", f"J.{name}(A(3,'c'))", f"J.{name}(A(3), None)", f"J.{name}(A(3), A(3))",
              f"J.{name}(A(3), out=None)", f"J.{name}(A(3), out=A(3,'b'))", f"J.{name}(J.array([inf, -inf], 'float16'))", f"J.{name}(inf)"] for name in ("isneginf", "isposinf")},
    "issubdtype": [f"J.issubdtype({text})" for text in (
        "arg1=J.float32, arg2=J.floating", "arg1='int8', arg2=J.integer", "J.bfloat16, arg2=J.floating", "J.int4, J.signedinteger", "J.float8_e4m3fn, J.inexact", "J.float16, J.float32",
        "J.bool_, J.number", "int, J.integer", "J.complex64, J.complexfloating", "'uint8', J.unsignedinteger", "J.floating, J.inexact", "J.inexact, J.floating", "J.bfloat16, J.bfloat16", "'nothing', J.floating")],
    "nanstd": [*_nan_reduction("nanstd"), *(case.format("nanstd") for case in _SPREAD)],
    "nanvar": [*_nan_reduction("nanvar"), *(case.format("nanvar") for case in _SPREAD)],
    "nanprod": _nan_reduction("nanprod") + ["J.nanprod(A(3), initial=2.0)", "J.nanprod(A((2,3)), axis=1, initial=3)"],
    "nanargmin": [case.replace("(0, 1)", "0") for case in _nan_reduction("nanargmin") if "where=A" not in case and "dtype" not in case] + ["J.nanargmin(J.array([[nan, nan], [1., nan]]), axis=1)"],
    "nancumprod": [f"J.nancumprod({text})" for text in (
        "J.array([1., nan, 3.])", "A((2,3))", "A((2,3)), axis=1", "A((2,3)), 0", "A((2,3),'i')", "A(3,'b')", "A(0)", "A(())", "A(3,'h')", "A(3), dtype='float16'", "A(3,'c')",
        "J.array([[nan, 2.], [3., nan]]), axis=0", "A(3), axis=2", "A(3), out=A(3)", "A(3,'u'), dtype='int32'")],
    "nanpercentile": [f"J.nanpercentile({text})" for text in (
        "J.array([1., nan, 3., 4.]), 50", "J.array([[1., nan, 3.], [4., 5., nan]]), 25, axis=1", "J.array([[1., nan, 3.], [4., 5., nan]]), J.array([10., 90.]), axis=0", "A((2,3)), 30, keepdims=True",
        "A((2,3)), J.array([0., 100.])", "A(5,'i'), 40", "A(5,'h'), 40", "J.full(3, nan), 50", "A(5), 50, method='lower'", "A(5), 50, method='nearest'", "A(4), 30, method='midpoint'", "A((2,3)), 30, axis=(0, 1)",
        "A(3), 50, axis=2", "A(3,'c'), 50", "A(3), 50, method='none'")],
    "trim_zeros": [f"J.trim_zeros({text})" for text in (
        "J.array([0, 0, 1, 0, 2, 0])", "J.array([0, 0, 1, 0, 2, 0]), 'f'", "J.array([0, 0, 1, 0, 2, 0]), trim='B'", "J.array([0, 1, 0]), ''", "J.zeros(4)", "J.zeros((2,3)), axis=0", "A(0)", "A(())",
        "J.pad(A((2,3),'f',0,1,2), 1)", "J.pad(A((2,3),'f',0,1,2), 1), axis=0", "J.pad(A((2,3),'f',0,1,2), 1), axis=-1", "J.pad(A((2,3),'f',0,1,2), 2), 'f', (0, 1)", "J.pad(A((2,3),'f',0,1,2), 2), 'b', axis=1",
        "J.pad(A((2,3,2),'i',0,1,5), 1), axis=(0, 2)", "J.array([0, nan, 0.])", "J.array([0., -0., 1.])", "A((2,3)), axis=()", "A((2,3)), axis=2", "A((2,3)), axis=(0, 0)", "J.array([False, True, False])",
        "J.array([0j, 1j, 0j])", "[0, 1]")],
    "amin": [f"J.amin({text})" for text in (
        "A((2,3))", "A((2,3)), axis=0", "A((2,3)), axis=(0, 1), keepdims=True", "A((2,3),'i'), -1", "A(0)", "A((0,3)), axis=1", "A(0), initial=2.0", "A((2,3)), where=A((2,3),'b'), initial=9.", "A(3,'c')", "A(3,'b')",
        "J.array([1., nan])", "A(())", "A((2,3)), axis=5", "A(3,'h')", "A(3), out=A(())")],
    "conjugate": [*elementwise("J.conjugate"), "J.conjugate(A((2,3),'c'))", "J.conjugate(1j)", "J.conjugate(A(0,'c'))"],
    "radians": [*elementwise("J.radians"), "J.radians(180)", "J.radians(A(3,'c'))"],
    "true_divide": [*elementwise("J.true_divide", 2), "J.true_divide(A(3), 0)", "J.true_divide(A(3,'i'), 0)", "J.true_divide(A(3,'c'), A(3,'c',1))", "J.true_divide(A(3,'b'), True)"],
    "sort_complex": [f"J.sort_complex({array(shape, kind)})" for shape, kind in (
        ("5", "c"), ("5", "f"), ("5", "i"), ("0", "f"), ("(3,2)", "c"), ("4", "h"), ("4", "b"), ("(2,3)", "f"), ("4", "u"), ("(2,2,2)", "c"), ("()", "f"), ("3", "g"))],
    "isrealobj": [f"J.isrealobj({text})" for text in ("A(3)", "A(3,'c')", "1", "1j", "A(0,'c')", "A(3,'i')", "A(3,'b')", "A(())", "True", "[1j]", "np.zeros(2, complex)")],
    "iterable": [f"J.iterable({text})" for text in ("A(3)", "A(())", "1", "[1]", "'a'", "A((0,2))", "{}", "None", "(x for x in [])", "np.float32(1)")],
    "diag_indices_from": [f"J.diag_indices_from({text})" for text in (
        "A((3,3))", "A((2,2,2))", "A((2,3))", "A(3)", "A((0,0))", "A((1,1))", "A((4,4),'i')", "A(())", "A((2,2,3))", "A((3,3,3,3))")],
    "tril_indices_from": [f"J.tril_indices_from({text})" for text in _OF_MATRIX],
    "triu_indices_from": [f"J.triu_indices_from({text})" for text in _OF_MATRIX],
    "einsum_path": [f"J.einsum_path({text})[0]" for text in (
        "'ij,jk->ik', A((2,3)), A((3,4))", "'ij,jk,kl->il', A((2,3)), A((3,4)), A((4,5))", "'ij,jk,kl->il', A((2,9)), A((9,2)), A((2,5)), optimize='optimal'", "'i->', A(3)",
        "'ij,jk,kl->il', A((2,3)), A((3,4)), A((4,5)), optimize='greedy'", "'ij,jk,kl->il', A((2,3)), A((3,4)), A((4,5)), optimize=False", "'ij,jk,kl->il', A((2,3)), A((3,4)), A((4,5)), optimize=True",
        "A((2,3)), [0, 1], A((3,4)), [1, 2], [0, 2]", "'ij,jk', A((2,3)), A((4,4))", "'i,i,i->i', A(3), A(3), A(3)", "'ab,bc,cd,de->ae', A((2,8)), A((8,2)), A((2,8)), A((8,2))")],
    "euler_gamma": ["J.euler_gamma", "A(3) + J.euler_gamma", "J.float32(J.euler_gamma)", "type(J.euler_gamma).__name__"],
    "frombuffer": [f"J.frombuffer({text})" for text in (
        "b'abcdefgh', 'uint8'", "b'abcdefgh', dtype=J.int16", "b'abcdefgh', 'uint8', count=3", "b'abcdefgh', 'uint8', 2, 1", "np.arange(4, dtype='float32').tobytes(), 'float32'", "np.arange(3, dtype='int32'), 'int32', offset=4",
        "b'', 'uint8'", "b'abc', 'int16'", "b'abcd', 'uint8', count=9", "bytearray(b'ab'), 'int8'", "b'abcd', 'bfloat16'", "'text', 'uint8'")],
    "fromiter": [f"J.fromiter({text})" for text in (
        "(x * x for x in range(4)), int", "range(3), 'float32'", "[1.5, 2.5], dtype='float16'", "iter([]), 'int8'", "(x for x in range(9)), int, count=3", "range(2), 'int32', count=5", "[True, False], bool", "[1j, 2], 'complex64'",
        "[1, 2], float", "5, int", "['a'], int")],
    "index_exp": [f"str(J.index_exp{text})" for text in ("[1:2]", "[..., None]", "[0]", "[::2, 1]", "[()]")] + ["A((3,4))[J.index_exp[1:, ::2]]", "A((3,4))[J.index_exp[..., 0]]"],
    "s_": [f"str(J.s_{text})" for text in ("[1:2]", "[..., None]", "[0]", "[::2, 1]", "[()]")] + ["A((3,4))[J.s_[1:, ::2]]", "A(5)[J.s_[::-1]]"],
    "get_printoptions": ["sorted(J.get_printoptions()) == sorted(np.get_printoptions())", "J.get_printoptions()['precision']"],
    "ComplexWarning": ["issubclass(J.ComplexWarning, UserWarning)", "J.ComplexWarning.__name__", "J.ComplexWarning is np.exceptions.ComplexWarning"],
    "int1": ["J.dtype(J.int1).name", "J.dtype(J.int1).itemsize", "J.issubdtype(J.int1, J.signedinteger)", "J.iinfo(J.int1).min", "J.iinfo(J.int1).max", "J.int1.__name__", "J.int1 == J.int1", "J.int1 == J.int2"],
    **_TYPED, **_NARROW,
}
# set_printoptions and printoptions change a state: test/frontend/test_names_of_types.py

_WRAPS = "-7 does not fit in uint8: JAX wraps it round, Axil refuses such numbers everywhere"
EXCEPTIONS = {
    **{f"J.{name}(A((2,4),'u'), A((3,2),'u',1), size=6, fill_value=-7)": _WRAPS for name in ("intersect1d", "setdiff1d", "setxor1d", "union1d")},
    "J.intersect1d(A(0), A(3), return_indices=True, size=2)": "JAX fails on indices of an empty array",
    "J.intersect1d(A(3), A(3), return_indices=True, size=0)": "JAX fails on the smallest of no elements; the result is empty",
    "J.trim_zeros(J.array([0j, 1j, 0j]))": "JAX looks at real parts only; ours is NumPy's",
    **{case: "JAX has no fromiter, as it is unsafe while tracing; ours is NumPy's: test_names_of_types.py" for case in CASES["fromiter"]},
    **{case: "XLA has no arithmetic of 6 bits; values are tested in test_names_of_types.py" for case in CASES["float6_e3m2fn"] if "A(" in case or "([" in case or "(1" in case or "zeros" in case},
}

GRAD = {
    "conjugate": "lambda x: J.conjugate(x) ** 2",
    "radians": "lambda x: J.radians(x) ** 2",
    "true_divide": "lambda x, y: J.true_divide(x, y)",
    "fmax": "lambda x, y: J.fmax(x, y) ** 2",
    "fmin": "lambda x, y: J.fmin(x, y) ** 2",
    "nanprod": ("lambda x: J.nanprod(J.where(J.array([True, False, True]), x, nan), axis=1)", "A((2,3))"),
    "nancumprod": "lambda x: J.nancumprod(J.where(J.array([True, False, True]), x, nan), axis=1)",
    "nanstd": "lambda x: J.nanstd(J.where(J.array([True, True, True]), x, nan), axis=1)",
    "nanvar": ("lambda x, m: J.nanvar(J.where(J.array([True, False, True]), x, nan), axis=1, mean=m)", "A((2,3)), A((2,1),'f',1)"),
    "nanpercentile": ("lambda x: J.nanpercentile(x, 30, axis=1)", "A((2,5))"),
    "amin": "lambda x: J.amin(x, axis=1) ** 2",
    "cov": "lambda x: J.cov(x)",
    "corrcoef": ("lambda x: J.corrcoef(x) * J.array([[1., 2.], [3., 4.]])", "A((2,5))"),
    "setdiff1d": ("lambda x, y: J.setdiff1d(x, y, size=4) ** 2", "A(5), A(3,'f',1)"),
    "setxor1d": ("lambda x, y: J.setxor1d(x, y, size=6) ** 2", "A(5), A(3,'f',1)"),
    "union1d": ("lambda x, y: J.union1d(x, y, size=6) ** 2", "A(5), A(3,'f',1)"),
}
X64 = ["J.argsort(A(5,'d'))", "J.argsort(A(5,'d'), dtype='int32')", "J.cov(A((2,5),'d'))", "J.cov(A((2,5),'f'), dtype='float64')", "J.nanstd(A(5,'d'), mean=0.5)", "J.nanvar(A(5), mean=A((),'d'))",
       "J.setxor1d(A(5,'l'), A(5,'l',1), size=4)", "J.intersect1d(A(9,'l'), A(9,'l',1), return_indices=True, size=4)", "J.radians(A(4,'d'))", "J.float_(1)", "J.int_(1)", "J.cdouble(1)"]
NOT_TRACEABLE = {"trim_zeros", "frombuffer", "fromiter", "einsum_path"}  # sizes depend on values, or results are no arrays
