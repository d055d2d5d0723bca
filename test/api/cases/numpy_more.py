"""The cases of `axil.numpy` beyond arithmetic: polynomials, windows, grids, ufunc methods, bits, histograms."""

MODULE = "numpy"


def _cases(text: str) -> list[str]:
    return [case.strip() for line in text.strip().splitlines() for case in line.split(" | ") if case.strip()]


CASES = {
    "polyval": _cases("""
        J.polyval(A(3), A((2,3))) | J.polyval(A(3), 2.0) | J.polyval([1, 2], A(2)) | J.polyval(A(0), A(2))
        J.polyval(A(1,'i'), A(2,'i')) | J.polyval(A(3,'i'), A(2)) | J.polyval(A((3,2)), A(2))
        J.polyval(A(3,'c'), A(2)) | J.polyval(A(3), 2) | J.polyval(A(20), A(2,'f',1)*0.1) | J.polyval(A(3,'h'), A(2))
        J.polyval(2.0, A(3)) | J.polyval(A(3), A((),'i')) | J.polyval(A(20)*0.1, A(2,'f',1)*0.1, unroll=4)
    """),
    "poly": _cases("""
        J.poly(A(3)) | J.poly(A(1)) | J.poly(A(0)) | J.poly(A(3,'i')) | J.poly(2.0) | J.poly(A(3,'c'))
        J.poly(A((2,2,2))) | J.poly(A((2,3))) | J.poly(A(2,'h')) | J.poly(A(4,'b')) | J.poly([1, 2])
    """),
    "polyadd": _cases("""
        J.polyadd(A(3), A(2)) | J.polyadd(A(2), A(3)) | J.polyadd(A(2,'i'), A(3)) | J.polyadd(A(2,'i'), A(2,'i'))
        J.polyadd(A(3,'h'), A(1,'g')) | J.polyadd(A(3), A((2,2))) | J.polyadd([1,2], A(2)) | J.polyadd(A(3,'c'), A(1))
        J.polyadd(A(1), A(1)) | J.polyadd(A(3,'u'), A(2,'s')) | J.polyadd(A(2,'b'), A(2,'i'))
    """),
    "polysub": _cases("""
        J.polysub(A(3), A(2)) | J.polysub(A(2), A(3)) | J.polysub(A(2,'i'), A(3)) | J.polysub(A(2,'i'), A(2,'i'))
        J.polysub(A(3,'h'), A(1,'g')) | J.polysub([1,2], A(2)) | J.polysub(A(3,'c'), A(1))
        J.polysub(A(1), A(1)) | J.polysub(A(3,'u'), A(2,'s')) | J.polysub(A(2), A(2,'f',1))
    """),
    "polymul": _cases("""
        J.polymul(A(3), A(2)) | J.polymul(A(2), A(3)) | J.polymul(A(2,'i'), A(3)) | J.polymul(A(2,'i'), A(2,'i'))
        J.polymul(A(3,'h'), A(1,'h')) | J.polymul(A(3,'c'), A(2,'c',1)) | J.polymul([1,2], A(2)) | J.polymul(A(0), A(2))
        J.polymul(A(1), A(4)) | J.polymul(J.array([0.,1.,2.]), J.array([0.,3.]), trim_leading_zeros=True)
        J.polymul(A(2,'b'), A(2))
    """),
    "polydiv": _cases("""
        J.polydiv(A(4), A(2,'f',1)) | J.polydiv(A(2), A(3)) | J.polydiv(A(3), A(3,'f',1)) | J.polydiv(A(4,'i'), A(2))
        J.polydiv(A(4,'c'), A(2,'c',1)) | J.polydiv(A(1), A(1,'f',1)) | J.polydiv([1.,2.], A(1)) | J.polydiv(A(4), J.array([2.]))
        J.polydiv(J.array([1.,5.,6.]), J.array([1.,2.]), trim_leading_zeros=True) | J.polydiv(A(4,'h'), J.array([2.,1.]))
    """),
    "polyder": _cases("""
        J.polyder(A(4)) | J.polyder(A(4), 2) | J.polyder(A(4), 0) | J.polyder(A(4), 4) | J.polyder(A(4,'i'))
        J.polyder(A(1)) | J.polyder(A(4), -1) | J.polyder(A(3,'c')) | J.polyder(A(3,'h')) | J.polyder(A(4), m=3)
    """),
    "polyint": _cases("""
        J.polyint(A(3)) | J.polyint(A(3), 2) | J.polyint(A(3), 0) | J.polyint(A(3), 1, 2.0) | J.polyint(A(3), 2, [1., 2.])
        J.polyint(A(3,'i')) | J.polyint(A(3), -1) | J.polyint(A(3), 2, [1., 2., 3.]) | J.polyint(A(3,'c'))
        J.polyint(A(3), 2, k=3) | J.polyint(A(3,'h')) | J.polyint(A(0))
    """),
    "bartlett": [f"J.bartlett({m})" for m in (0, 1, 2, 3, 4, 5, 8, 9, 17, -1)],
    "blackman": [f"J.blackman({m})" for m in (0, 1, 2, 3, 4, 5, 8, 9, 17, -1)],
    "hamming": [f"J.hamming({m})" for m in (0, 1, 2, 3, 4, 5, 8, 9, 17, -1)],
    "hanning": [f"J.hanning({m})" for m in (0, 1, 2, 3, 4, 5, 8, 9, 17, -1)],
    "kaiser": [f"J.kaiser({m})" for m in ("0, 3.", "1, 3.", "2, 3.", "3, 1.", "4, 0.5", "5, 8.", "8, 14", "9, 2", "17, 5.0")]
    + ["J.kaiser(5, A((),'h'))"],
    "i0": _cases("""
        J.i0(A(5)) | J.i0(A((2,3))*4) | J.i0(3) | J.i0(0.5) | J.i0(A(3,'i')) | J.i0(A(3,'h')) | J.i0(A(0)) | J.i0(A(3,'c'))
        J.i0(A(3,'b')) | J.i0(J.array([0., 10., 30.])/2) | J.i0([1.0])
    """),
    "mgrid": _cases("""
        J.mgrid[0:3] | J.mgrid[0:3, 0:2] | J.mgrid[0:1:3j] | J.mgrid[0:1:0.25, 0:2] | J.mgrid[1:2, 0:2, 3:6:2]
        J.mgrid[0:4:2] | J.mgrid[3:0:-1] | J.mgrid[0:0, 0:2] | J.mgrid[0:1:3j, 0:2] | J.mgrid[:3] | J.mgrid[0:2.5]
    """),
    "ogrid": _cases("""
        J.ogrid[0:3] | J.ogrid[0:3, 0:2] | J.ogrid[0:1:3j] | J.ogrid[0:1:0.25, 0:2] | J.ogrid[1:2, 0:2, 3:6:2]
        J.ogrid[0:4:2] | J.ogrid[3:0:-1] | J.ogrid[0:0, 0:2] | J.ogrid[0:1:3j, 0:2] | J.ogrid[:3]
    """),
    "r_": _cases("""
        J.r_[1, 2, 3] | J.r_[A(2), 5., 0:2] | J.r_[0:1:3j] | J.r_['r', A(2), A(1)] | J.r_['c', A(2), A(1)]
        J.r_['0,2', A(2), A(2)] | J.r_['1,2,0', A(2), A(2)] | J.r_['0,2,0', A(2), A(2)] | J.r_['-1', A((2,2)), A((2,1))]
        J.r_[A((2,2)), A((1,2))] | J.r_['x', 1] | J.r_[1, 'r'] | J.r_[1:4, 0, 4] | J.r_['1,3,0', A(2), A(2)]
    """),
    "c_": _cases("""
        J.c_[1, 2, 3] | J.c_[A(2), A(2,'i')] | J.c_[0:3, 3:6] | J.c_[A((2,2)), A(2)] | J.c_['r', A(2), A(2)]
        J.c_[A((1,2)), A((1,1))] | J.c_[0:1:3j, A(3)] | J.c_[2.5] | J.c_[A(3)] | J.c_['0,2', A(2), A(2)]
    """),
    "frexp": _cases("""
        J.frexp(A((2,3))) | J.frexp(8.0) | J.frexp(3) | J.frexp(A(3,'i')) | J.frexp(A(3,'h')) | J.frexp(A(3,'g'))
        J.frexp(J.array([0., -0., nan, inf, -inf])) | J.frexp(A(0)) | J.frexp(A(3,'c')) | J.frexp(J.array([1e-30, 3e38, -1e-37]))
        J.frexp([1.0]) | J.frexp(A(3,'b'))
    """),
    "ldexp": _cases("""
        J.ldexp(A((2,3)), A(3,'i')) | J.ldexp(1.5, 3) | J.ldexp(A(3), 2) | J.ldexp(A(3,'i'), A(3,'i',1)) | J.ldexp(A(3), 2.0)
        J.ldexp(A(3,'c'), 1) | J.ldexp(A(3,'h'), A(3,'i')) | J.ldexp(J.array([inf, nan, 0.]), 3) | J.ldexp(A(0), 1)
        J.ldexp(A(3), A(2,'i')) | J.ldexp(A(3), 200) | J.ldexp(A(3), -100) | J.ldexp(A(3,'b'), 2)
    """),
    "spacing": _cases("""
        J.spacing(A((2,3))) | J.spacing(1.0) | J.spacing(3) | J.spacing(A(3,'i')) | J.spacing(A(3,'h')) | J.spacing(A(3,'g'))
        J.spacing(A(0)) | J.spacing(A(3,'c')) | J.spacing(J.array([nan, 1e30])) | J.spacing([1.0]) | J.spacing(A(2,'b'))
    """),
    "gcd": _cases("""
        J.gcd(A(6,'i'), A(6,'i',1)) | J.gcd(12, 18) | J.gcd(A((2,3),'i'), 6) | J.gcd(A(3,'u'), A(3,'s',1)) | J.gcd(A(3), 2)
        J.gcd(A(3,'i'), A(2,'i')) | J.gcd(0, A(3,'i')) | J.gcd(A(0,'i'), 3) | J.gcd(A((2,1),'i'), A(3,'i'))
        J.gcd(A(3,'b'), A(3,'b')) | J.gcd(A(3,'w'), A(3,'w',1)) | J.gcd(-12, 18) | J.gcd(J.array([100, 75]), [10, 20])
    """),
    "lcm": _cases("""
        J.lcm(A(6,'i'), A(6,'i',1)) | J.lcm(12, 18) | J.lcm(A((2,3),'i'), 6) | J.lcm(A(3,'u'), A(3,'s',1)) | J.lcm(A(3), 2)
        J.lcm(A(3,'i'), A(2,'i')) | J.lcm(0, A(3,'i')) | J.lcm(A(0,'i'), 3) | J.lcm(A((2,1),'i'), A(3,'i'))
        J.lcm(A(3,'w'), A(3,'w',1)) | J.lcm(-12, 18)
    """),
    "packbits": _cases("""
        J.packbits(A(16,'b')) | J.packbits(A(5,'b')) | J.packbits(A((3,9),'i'), axis=1) | J.packbits(A((9,2),'u'), axis=0)
        J.packbits(A(5,'b'), bitorder='little') | J.packbits(A((2,3),'b')) | J.packbits(A(3)) | J.packbits(A(0,'b'))
        J.packbits(A((2,9),'b'), axis=-1) | J.packbits(A(3,'b'), bitorder='x') | J.packbits(A((),'b'))
    """),
    "unpackbits": _cases("""
        J.unpackbits(A(3,'u')) | J.unpackbits(A((2,3),'u'), axis=1) | J.unpackbits(A((2,3),'u'), axis=0) | J.unpackbits(A(3,'i'))
        J.unpackbits(A(3,'u'), count=5) | J.unpackbits(A(2,'u'), count=20) | J.unpackbits(A(3,'u'), bitorder='little')
        J.unpackbits(A((2,2),'u'), axis=-1, count=3) | J.unpackbits(A(0,'u')) | J.unpackbits(A(2,'u'), count=-3)
    """),
    "piecewise": _cases("""
        J.piecewise(A(5), [A(5) < 0, A(5) >= 0], [-1, 1]) | J.piecewise(A(5), [A(5) < 0], [lambda x: x * x])
        J.piecewise(A(5), [A(5) < 0, A(5) > 1], [lambda x: -x, lambda x: 2 * x, lambda x: x + 1])
        J.piecewise(A(5,'i'), [A(5,'i') < 0], [2.7, 0]) | J.piecewise(A((2,3)), [A((2,3)) < 0], [1, lambda x: x])
        J.piecewise(A(5), [A(5) < 0], [1, 2, 3]) | J.piecewise(2.0, [True], [lambda x: x + 1]) | J.piecewise(A(3), [A(3) < 9, A(3) > 0], [1, 2])
        J.piecewise(A(3), [A(3) < 0], [lambda x, k: x * k], 3) | J.piecewise(A(3), (A((2,3)) > 0), [1, 2, 3]) | J.piecewise(A(0), [A(0) > 0], [1])
    """),
    "place": _cases("""
        J.place(A(5), A(5) > 0, J.array([7., 8.]), inplace=False) | J.place(A((2,3)), A((2,3)) > 0, 1.5, inplace=False)
        J.place(A(5,'i'), A(5,'b'), A(9,'i'), inplace=False) | J.place(A(5), A(5,'b'), A(2)) | J.place(A(5), A(4,'b'), A(2), inplace=False)
        J.place(A(5), A(5,'b'), A(0), inplace=False) | J.place(A(0), A(0,'b'), A(2), inplace=False) | J.place(A(5), A(5,'i'), [1.], inplace=False)
        J.place(A((2,2)), A(4,'b'), A(1), inplace=False) | J.place(A(4), J.zeros(4, bool), A(1), inplace=False)
    """),
    "histogramdd": _cases("""
        J.histogramdd(A((9,2))) | J.histogramdd(A((9,2)), bins=3) | J.histogramdd(A((9,2)), bins=[2,3]) | J.histogramdd(A((9,1)), bins=[4])
        J.histogramdd(A((9,2)), bins=3, range=[(-1.,1.), None]) | J.histogramdd(A((9,2)), bins=3, weights=A(9,'f',1))
        J.histogramdd(A((9,2)), bins=3, density=True) | J.histogramdd(A((9,2)), bins=[np.array([-1.,0.,1.]), 2])
        J.histogramdd(A((9,2),'i'), bins=3) | J.histogramdd(A((9,2)), bins=[2]) | J.histogramdd(A((9,2)), weights=A(3)) | J.histogramdd(A((9,2)), range=[(0.,1.)])
    """),
    "histogram2d": _cases("""
        J.histogram2d(A(9), A(9,'f',1)) | J.histogram2d(A(9), A(9,'f',1), bins=3) | J.histogram2d(A(9), A(9,'f',1), bins=[2,3])
        J.histogram2d(A(9), A(9,'f',1), bins=np.array([-2.,0.,1.,2.])) | J.histogram2d(A(9), A(9,'f',1), bins=3, density=True)
        J.histogram2d(A(9), A(9,'f',1), bins=3, weights=A(9,'f',2)) | J.histogram2d(A(9,'i'), A(9,'i',1), bins=3)
        J.histogram2d(A(9), A(9,'f',1), range=[(-1.,1.),(-1.,1.)]) | J.histogram2d(A(9), A(8)) | J.histogram2d(A(9), A(9,'f',1), bins=[3, np.array([-1.,0.,1.])])
    """),
    "vectorize": _cases("""
        J.vectorize(lambda a: a + 1)(A((2,3))) | J.vectorize(lambda a, b: a * b)(A((2,1)), A(3)) | J.vectorize(lambda a, b: a @ b, signature='(n),(n)->()')(A((2,3)), A(3))
        J.vectorize(lambda a, b: a @ b, signature='(m,n),(n)->(m)')(A((4,2,3)), A((4,3))) | J.vectorize(lambda a: (a, -a))(A(3))
        J.vectorize(lambda a, k: a * k, excluded={1})(A(3), 2) | J.vectorize(lambda a, k=1: a * k, excluded={'k'})(A(3), k=3)
        J.vectorize(lambda a: a.sum(), signature='(n)->()')(A((2,3))) | J.vectorize(lambda a: a, signature='(n)->(n,n)')(A(3)) | J.vectorize(lambda a: a, signature='bad')(A(3))
        J.vectorize(lambda a: a.sum(), signature='(n,m)->()')(A(3)) | J.vectorize(lambda a, b: a + b)(A(()), 2.0) | J.vectorize(lambda a, b: a if b is None else a + b)(A(3), None)
        J.vectorize(lambda a: J.outer(a, a), signature='(n)->(n,n)')(A((1,2))) | J.vectorize(lambda a, b: a + b, signature='(n),(n)->(n)')(A(2), A(3))
    """),
    "apply_along_axis": _cases("""
        J.apply_along_axis(J.sum, 0, A((2,3))) | J.apply_along_axis(J.sum, 1, A((2,3))) | J.apply_along_axis(J.cumsum, -1, A((2,3)))
        J.apply_along_axis(lambda x: x * 2, 0, A((2,3,4))) | J.apply_along_axis(lambda x: x[:2], 1, A((2,3,4))) | J.apply_along_axis(J.max, 2, A((2,3,4)))
        J.apply_along_axis(lambda x, k: x.sum() * k, 0, A((2,3)), 3) | J.apply_along_axis(J.outer, 0, A((2,3)), np.ones(2, 'f')) | J.apply_along_axis(J.sum, 5, A((2,3)))
        J.apply_along_axis(J.sort, 0, A(4)) | J.apply_along_axis(J.diag, 1, A((2,3)))
    """),
    "apply_over_axes": _cases("""
        J.apply_over_axes(J.sum, A((2,3,4)), [0, 2]) | J.apply_over_axes(J.sum, A((2,3)), [1]) | J.apply_over_axes(J.max, A((2,3)), (0, 1)) | J.apply_over_axes(J.cumsum, A((2,3)), [0, 1])
        J.apply_over_axes(lambda x, a: x[0, 0], A((2,3,4)), [0]) | J.apply_over_axes(J.sum, A((2,3)), []) | J.apply_over_axes(J.mean, A((2,3),'i'), [0])
        J.apply_over_axes(J.sum, A((2,3)), [-1]) | J.apply_over_axes(J.sort, A((2,3)), [0, 1]) | J.apply_over_axes(J.prod, A((2,3,2)), [1, 2])
    """),
    "ufunc": [
        f"J.{f}.{call}"
        for f in ("add", "multiply", "maximum", "minimum", "logical_and", "logical_or", "logical_xor", "logaddexp", "subtract", "bitwise_or")
        for call in ("reduce(A((2,3)))", "reduce(A((2,3),'i'), axis=1)", "reduce(A((2,3),'i'), axis=None)", "reduce(A((2,3),'b'), keepdims=True)",
                     "reduce(A((0,3)))", "accumulate(A((2,3)))", "accumulate(A((2,3),'i'), axis=1)", "outer(A(2), A(3,'f',1))", "outer(A(2,'i'), A((2,2),'i',1))",
                     "reduceat(A(5), np.array([0, 3]))", "reduceat(A(5,'i'), np.array([0, 2, 3]))", "at(A(4), np.array([0, 1]), 2.0, inplace=False)", "at(A(4), np.array([0]), 2.0)",
                     "reduce(A((2,3)), where=A((2,3),'b'))", "reduce(A((2,3),'i'), where=A((2,3),'b'), initial=2)", "nin", "identity")
    ] + _cases("""
        J.add.at(A(4), np.array([0, 0]), 2.0, inplace=False) | J.multiply.at(A(4,'i'), np.array([0, 0]), 2, inplace=False) | J.bitwise_and.reduce(A((3,2),'i')) | J.bitwise_xor.reduce(A((3,2),'i'), axis=1)
        J.bitwise_or.at(A(4,'i'), np.array([1, 1]), np.array([3, 8]), inplace=False) | J.negative.at(A(4), np.array([1, 1]), inplace=False) | isinstance(J.add, J.ufunc) | isinstance(J.sin, J.ufunc) | J.negative.reduce(A(3))
    """),
    "frompyfunc": _cases("""
        J.frompyfunc(lambda x, y: x * y + 1, 2, 1)(A(3), A((2,1))) | J.frompyfunc(lambda x, y: x * y + 1, 2, 1, identity=0).reduce(A(4))
        J.frompyfunc(lambda x, y: x * y + 1, 2, 1).reduce(A(4)) | J.frompyfunc(lambda x, y: x * y + 1, 2, 1).accumulate(A((3,2)), axis=0)
        J.frompyfunc(lambda x, y: x * y + 1, 2, 1).outer(A(2), A(3)) | J.frompyfunc(lambda x, y: x * y + 1, 2, 1).at(A(4), np.array([1, 1]), A(2,'f',1), inplace=False)
        J.frompyfunc(lambda x, y: x * y + 1, 2, 1).reduceat(A(5), np.array([0, 2])) | J.frompyfunc(lambda x: (x, -x), 1, 2)(A(3)) | J.frompyfunc(lambda x: -x, 1, 1).reduce(A(3)) | J.frompyfunc(lambda x, y: x - y, 2, 1).reduce(A((2,3)), axis=1, keepdims=True)
    """),
    "fromstring": _cases("""
        J.fromstring('1 2 3', sep=' ') | J.fromstring('1,2', dtype=int, sep=',') | J.fromstring('1 2 3', count=2, sep=' ') | J.fromstring('1.5', dtype='float16', sep=' ') | J.fromstring('', sep=' ')
    """),
    "fromfile": ["J.fromfile('x')"],
    # Roots come in an order of the library's own: compared sorted.
    "roots": _cases("""
        J.sort(J.roots(J.array([1., -3., 2.]))) | J.sort(J.roots(A(4))) | J.sort(J.roots(A(5,'f',3))) | J.roots(A(1)) | J.roots(A(0))
        J.sort(J.roots(J.array([0., 0., 1., -3., 2.]))) | J.sort(J.roots(J.array([1., -3., 2., 0.]))) | J.roots(J.zeros(3)) | J.roots(A((2,2)))
        J.sort(J.roots(J.array([1, -3, 2]))) | J.sort(J.abs(J.roots(A(4,'c')))) | J.roots(2.0) | J.sort(J.roots(J.array([1., -3., 2.]), strip_zeros=False))
        J.sort(J.nan_to_num(J.roots(J.array([0., 1., -3., 2.]), strip_zeros=False), nan=99.)) | J.roots([1., 2.])
    """),
    "polyfit": _cases("""
        J.polyfit(A(6), A(6,'f',1), 2) | J.polyfit(A(6), A((6,2),'f',1), 1) | J.polyfit(A(6), A(6,'f',1), 0) | J.polyfit(A(6), A(6,'f',1), 2, w=A(6,'f',2,0.5,2))
        J.polyfit(A(6), A(6,'f',1), 1, full=True) | J.polyfit(A(6), A(6,'f',1), 1, cov=True) | J.polyfit(A(6), A(6,'f',1), 1, cov='unscaled') | J.polyfit(A(6), A(5), 1)
        J.polyfit(A(0), A(0), 1) | J.polyfit(A(6), A(6), -1) | J.polyfit(A((2,3)), A(6), 1) | J.polyfit(A(2), A(2,'f',1), 1, cov=True) | J.polyfit(A(6), A((6,2),'f',1), 1, cov=True)
        J.polyfit(A(6), A(6,'f',1), 1, 0.1) | J.polyfit(A(6), A(6,'f',1), 1, w=A(5))
    """),
}
# array_repr, array_str, save, savez and load are in test/frontend/test_numpy_more.py

EXCEPTIONS = {
    "J.frexp(J.array([1e-300, 2e-308, 1e308]))": "JAX mistakes the mantissa of subnormal numbers; ours is NumPy's",
    "J.logaddexp.reduceat(A(5,'i'), np.array([0, 2, 3]))": "JAX's loop fails on its change of dtype; as ufunc.at, we convert",
    "J.logaddexp.reduce(A((2,3),'i'), where=A((2,3),'b'), initial=2)": "JAX does not promote the initial value",
}

GRAD = {
    "polyval": ("lambda p, x: J.polyval(p, x)", "A(3), A((2,3),'f',1)"),
    "poly": ("lambda z: J.poly(z)[1:]", "A(3)"),
    "polymul": ("lambda a, b: J.polymul(a, b) ** 2", "A(3), A(2,'f',1)"),
    "polydiv": ("lambda a, b: J.polydiv(a, b)", "A(4), A(2,'f',1)"),
    "polyint": ("lambda p: J.polyint(p, 2) ** 2", "A(3)"),
    "polyder": ("lambda p: J.polyder(p) ** 2", "A(4)"),
    "i0": ("lambda x: J.i0(x)", "A((2,3))"),
    "ldexp": ("lambda x: J.ldexp(x, np.array([1, -2, 3]))", "A((2,3))"),
    "place": ("lambda x, v: J.place(x, np.array([True, False, True]), v, inplace=False) ** 2", "A(3), A(2,'f',1)"),
    "piecewise": ("lambda x: J.piecewise(x, [x < 0], [lambda v: v * v, lambda v: J.sin(v)])", "A(5)"),
    "vectorize": ("lambda a, b: J.vectorize(lambda u, v: u @ v, signature='(n),(n)->()')(a, b)", "A((2,3)), A(3,'f',1)"),
    "polyfit": ("lambda x, y: J.polyfit(x, y, 1)", "A(5), A(5,'f',1)"),
}
X64 = ["J.polyval(A(3,'d'), A(2,'d'))", "J.frexp(A(4,'d'))", "J.ldexp(A(4,'d'), A(4,'i'))", "J.spacing(A(4,'d'))", "J.poly(A(3,'d'))",
       "J.frexp(J.array([1e-300, 2e-308, 1e308]))", "J.hanning(5)", "J.i0(A(4,'d'))", "J.gcd(A(4,'l'), A(4,'l',1))",
       "J.arcsin(A(5,'z'))", "J.arctanh(A(5,'z'))", "J.polyfit(A(6,'d'), A(6,'d',1), 2)"]
NOT_TRACEABLE = {"roots"}  # strips leading zeros, which only values tell
