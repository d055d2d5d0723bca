"""Cases of `axil.lax`: loops, branches and reductions by functions."""

MODULE = "lax"


def _each(text: str) -> list[str]:
    """A case a line; lines that start with a space go on."""
    return [line.strip() for line in text.replace("\n  ", " ").strip().splitlines()]


CASES = {
    "scan": _each("""
M.scan(lambda c, x: (c + x, c * x), J.float32(0), A(5))
M.scan(lambda c, x: (c + x, c * x), 0., A(5))
M.scan(lambda c, x: (c + x, c), 0, A(5))
M.scan(lambda c, x: (c + x, c), 0., A(5,'h'))
M.scan(lambda c, x: (c * 1j, c), 1., A(3))
M.scan(lambda c, x: (c + x, x), A((2,)), A((4,2)), reverse=True)
M.scan(lambda c, x: (c + x, x), A((2,)), A((4,2)), unroll=True)
M.scan(lambda c, x: (c + x, x), A((2,)), A((4,2)), unroll=3)
M.scan(lambda c, x: (c + x, x), A((2,)), A((4,2)), unroll=0)
M.scan(lambda c, x: (c + 1, c), 0, None, length=4)
M.scan(lambda c, x: (c + 1, c), 0, None, length=0)
M.scan(lambda c, x: (c + x, c * x), J.float32(0), A(0))
M.scan(lambda c, x: (c + x, c * x), J.float32(0), A(1))
M.scan(lambda c, x: ((), x), (), A((3,2)))
M.scan(lambda c, x: (None, x), None, A((3,2)))
M.scan(lambda c, x: ((c[0] + x['a'].sum(), c[1] ^ x['b']), (c[0], None, {'z': x['b']})), (J.float32(0), J.array(True)),
  {'a': A((4,3)), 'b': A(4,'b')})
M.scan(lambda c, x: (c * x, c), J.complex64(1), A(3,'c'))
M.scan(lambda c, x: (c + x, c), J.bfloat16(1), A(3,'g'))
M.scan(lambda c, x: (c + x, c), J.int8(1), A(3,'s'))
M.scan(lambda c, x: [c + x, c], J.float32(1), A(3))
M.scan(lambda c, x: (c + x, c), J.float32(1), A(3), length=3)
M.scan(lambda c, x: (c + x, c), J.float32(1), A(3), length=4)
M.scan(lambda c, x: (c + x, c), J.float32(1), None)
M.scan(lambda c, x: (c + x, c), J.float32(1), 1.)
M.scan(lambda c, x: (c + x, c), J.float32(1), 'abc')
M.scan(lambda c, x: (c + x, c), J.float32(1), (A(3), A(4)))
M.scan(lambda c, x: (c[:-1], x), A(3), A(4))
M.scan(lambda c, x: (c + x, x), J.int32(3), A(4))
M.scan(lambda c, x: (c + 1, x), True, A(4))
M.scan(lambda c, x: ({'b': c['a']}, x), {'a': 1.}, A(4))
M.scan(lambda c, x: c, 1., A(4))
M.scan(lambda c, x: (c, x, x), 1., A(4))
M.scan(lambda c, x: (c * x, c), J.float16(1), A(3))
M.scan(lambda c, x: (c + x, c), J.float32(1), A(3), unroll=-1)
M.scan(3, 1., A(4))
M.scan(lambda c, x: (c, x) if c > 0 else (c, x), 1., A(4))"""),
    "while_loop": _each("""
M.while_loop(lambda v: v < 10, lambda v: v * 2, 1.)
M.while_loop(lambda v: v < 10, lambda v: v * 2, 1)
M.while_loop(lambda v: v < 3, lambda v: v + 0.75, 0)
M.while_loop(lambda v: v[0] < 5, lambda v: (v[0] + 1, v[1] * 2), (0, A(3)))
M.while_loop(lambda v: v['i'] < 5, lambda v: {'i': v['i'] + 2, 'n': None}, {'i': 0, 'n': None})
M.while_loop(lambda v: J.array(False), lambda v: v + 1, J.float32(1))
M.while_loop(lambda v: abs(v) < 10, lambda v: v * (1 + 1j), J.complex64(1))
M.while_loop(lambda v: v.sum() < 100, lambda v: v * 2, A(3,'u'))
M.while_loop(lambda v: v, lambda v: v, 1.)
M.while_loop(lambda v: v, lambda v: v - 1, 3)
M.while_loop(lambda v: v < 3, lambda v: v, A(3))
M.while_loop(lambda v: [v < 3], lambda v: v + 1, 1.)
M.while_loop(lambda v: (v < 3, v < 3), lambda v: v + 1, 1.)
M.while_loop(lambda v: v.sum() < 3, lambda v: v.sum(), A(3))
M.while_loop(lambda v: v < 3, lambda v: v + 1.5, J.int32(0))
M.while_loop(lambda v: v[0] < 3, lambda v: v[0], (1., 2.))
X.grad(lambda x: M.while_loop(lambda v: v < 10, lambda v: v * 2, x))(1.)
X.jvp(lambda x: M.while_loop(lambda v: v < 100, lambda v: v * x, x), (J.float32(3),), (J.float32(1),))
X.linearize(lambda x: M.while_loop(lambda v: v < 100, lambda v: v * x, x), J.float32(3))[1](J.float32(1))"""),
    "fori_loop": _each("""
M.fori_loop(0, 5, lambda i, s: s * 2 + i, 0)
M.fori_loop(2, 5, lambda i, s: s * 10 + i, 0.)
M.fori_loop(5, 2, lambda i, s: s + i, 7)
M.fori_loop(-3, 2, lambda i, s: s + i, 7)
M.fori_loop(0, 3, lambda i, s: i, 0)
M.fori_loop(0, 3, lambda i, s: s + 1.5, 0)
M.fori_loop(0, 3, lambda i, s: s + i, J.int8(0))
M.fori_loop(0, 3, lambda i, s: s * i, J.float16(1))
M.fori_loop(0, J.int8(3), lambda i, s: s + i, 0)
M.fori_loop(J.int32(0), J.int32(3), lambda i, s: (s[0] + i, s[1]), (A(3), None))
M.fori_loop(0, 3, lambda i, s: s + 1., 0., unroll=True)
M.fori_loop(0, 3, lambda i, s: s + 1., 0., unroll=2)
M.fori_loop(J.int8(0), J.int32(3), lambda i, s: s + 1., 0.)
M.fori_loop(0, J.arange(3), lambda i, s: s + i, 0)
M.fori_loop(0, 3, lambda i, s: s + 1.5, J.int32(0))
M.fori_loop(0, 3, lambda i, s: (s, s), 0.)
X.jit(lambda n: M.fori_loop(0, n, lambda i, s: s + i, 0.))(4)
X.jit(lambda n: M.fori_loop(J.int32(1), n, lambda i, s: i, J.int32(7)))(4)
X.jit(lambda n: M.fori_loop(0, n, lambda i, s: s + 1., 0., unroll=2))(3)
X.grad(lambda x: M.fori_loop(0, 3, lambda i, s: s * x + i, 1.))(2.)
X.grad(lambda x: M.fori_loop(0, X.jit(lambda: 3)() + 0 * x.astype('int32'), lambda i, s: s * x + i, 1.))(2.)"""),
    "cond": _each("""
M.cond(True, lambda x: x * 2, lambda x: x + 1, A(3))
M.cond(J.array(False), lambda x: x * 2, lambda x: x + 1, A(3))
M.cond(2, lambda x: x * 2, lambda x: x + 1, 3.)
M.cond(0., lambda x: x * 2, lambda x: x + 1, 3.)
M.cond(np.array(True), lambda: 1, lambda: 2)
M.cond(True, lambda x, y: (x, {'a': y}), lambda x, y: (y, {'a': x}), 1., 2.)
M.cond(True, lambda x: x, lambda x: -x, operand=1.)
M.cond(True, lambda x: 1., lambda x: 2., operand=None)
M.cond(True, 1., lambda x: x + 1, 2., lambda x: -x)
M.cond(pred=True, true_fun=lambda x: x + 1, false_fun=lambda x: -x, operand=3.)
M.cond(True, lambda x: None, lambda x: None, 1.)
M.cond(A(3) > 0, lambda: 1, lambda: 2)
M.cond(True, lambda: (1., 2.), lambda: 1.)
M.cond(True, lambda: J.ones(4), lambda: J.ones(2))
M.cond(True, lambda: J.float32(1), lambda: J.int32(2))
M.cond(True, lambda: 1.5, lambda: J.int32(2))
M.cond('a', lambda: 1, lambda: 2)
M.cond(1j, lambda: 1, lambda: 2)
M.cond(None, lambda: 1, lambda: 2)
M.cond([True], lambda: 1, lambda: 2)
M.cond(True, 1., lambda: 2.)
M.cond(True, lambda x: x, lambda x: -x, 1., operand=2.)
M.cond(True, lambda x: x, lambda x: -x, opernd=2.)
M.cond(True, lambda x: 1, lambda x: 2, 's')
M.cond(True, lambda x: None, lambda x: x, 1.)
X.vmap(lambda p, x: M.cond(p, lambda x: x * 2, lambda x: x + 1, x))(A(4,'b'), A(4))
X.grad(lambda x: M.cond(x > 0, lambda x: x * x, lambda x: x, x))(3.)
X.vmap(X.grad(lambda x: M.cond(x > 0, lambda x: J.sqrt(x), lambda x: 0. * x, x)))(J.array([4., 0., -1.]))
X.grad(lambda x: X.vmap(lambda x: M.cond(x > 0, lambda x: J.log(x), lambda x: x, x))(x).sum())(J.array([4., -1.]))"""),
    "switch": _each("""
M.switch(0, [lambda x: x, lambda x: -x], A(3))
M.switch(1, [lambda x: x, lambda x: -x], A(3))
M.switch(-5, [lambda x: x + 1, lambda x: -x], A(3))
M.switch(9, [lambda x: x, lambda x: -x, lambda x: x * x], A(3))
M.switch(J.uint8(200), [lambda x: x, lambda x: -x], 1.)
M.switch(1, [lambda x: x + 1], 1.)
M.switch(0, [lambda x: x, lambda x: -x], operand=1.)
M.switch(0, (lambda: {'a': 1.}, lambda: {'a': 2.}))
M.switch(1., [lambda x: x, lambda x: -x], 1.)
M.switch(True, [lambda x: x, lambda x: -x], 1.)
M.switch(J.array([1]), [lambda x: x, lambda x: -x], 1.)
M.switch(1, [], 1.)
M.switch(1, [1], 1.)
M.switch(0, {0: lambda x: x}, 1.)
X.vmap(lambda i, x: M.switch(i, [lambda x: x, lambda x: -x, lambda x: x * 2], x))(J.array([5, 0, 1, -1]), A(4))
X.jit(X.grad(lambda x, i: M.switch(i, [lambda x: x, lambda x: -x * x], x)))(3., 1)"""),
    "map": _each("""
M.map(lambda x: x * 2, A((4,3)))
M.map(lambda x: (x[0].sum(), {'a': x[1]}), (A((4,3)), A(4,'i')))
M.map(lambda x: x * 2, A((0,3)))
M.map(lambda x: x * 2, A((7,3)), batch_size=3)
M.map(lambda x: x * 2, A((6,)), batch_size=3)
M.map(lambda x: x * 2, A((2,3)), batch_size=5)
M.map(lambda x: x * 2, A((0,3)), batch_size=2)
M.map(lambda x: (x[0], None), (A(3), None))
M.map(lambda x: 1., None)
M.map(lambda x: x, 1.)
M.map(lambda x: x, (A(3), A(4)))"""),
    "reduce": _each("""
M.reduce(A((3,4)), J.float32(0), M.add, (0,))
M.reduce(A((3,4)), J.float32(2), lambda a, b: a + b, (0, 1))
M.reduce(A((3,4)), J.float32(1), lambda a, b: b * a, (1,))
M.reduce(A((3,4)), -J.inf, J.maximum, (1,))
M.reduce(A((3,4),'i'), J.int32(100), J.minimum, (0,))
M.reduce(A((3,4),'b'), J.array(True), J.logical_and, (0,))
M.reduce(A((3,4),'i'), J.int32(0), lambda a, b: a ^ b, (0,))
M.reduce(A((5,2)), J.float32(0), lambda a, b: M.max(J.abs(a), J.abs(b)), (0,))
M.reduce((A((5,2)), A((5,2),'i')), (J.float32(0), J.int32(0)), lambda a, b: (a[0] + b[0], M.max(a[1], b[1])), (0,))
M.reduce((A((5,2)), M.broadcasted_iota('int32', (5,2), 0)), (-J.inf, J.int32(-1)), lambda a, b: (J.maximum(a[0], b[0]),
  J.where((a[0] > b[0]) | ((a[0] == b[0]) & (a[1] < b[1])), a[1], b[1])), (0,))
M.reduce(A((0,4)), J.float32(3), M.add, (0,))
M.reduce(A((0,4)), J.float32(3), lambda a, b: a + b * 1, (0,))
M.reduce(A((3,4)), J.float32(0), M.add, ())
M.reduce(A(()), J.float32(1), M.add, ())
M.reduce(A((3,4)), J.int32(0), M.add, (0,))
M.reduce(A((3,4)), J.zeros(2), M.add, (0,))
M.reduce(A((3,4)), J.float32(0), M.add, (2,))
M.reduce((A((3,4)), A((3,3))), (0., 0.), lambda a, b: a, (0,))
X.vmap(lambda x: M.reduce(x, J.float32(1), lambda a, b: a * b, (0,)))(A((3,4)))"""),
    "reduce_window": _each("""
M.reduce_window(A((4,5)), J.float32(0), lambda a, b: a + b, (2,2), (1,1), 'VALID')
M.reduce_window(A((4,5)), J.float32(1), lambda a, b: a * b, (2,3), (2,1), 'SAME')
M.reduce_window(A((4,5)), J.float32(0), lambda a, b: M.max(J.abs(a), J.abs(b)), (2,2), (1,1), 'VALID')
M.reduce_window(A((4,5),'i'), J.int32(0), M.bitwise_or, (2,2), (1,2), 'SAME')
M.reduce_window((A(6), A(6,'i')), (J.float32(0), J.int32(0)), lambda a, b: (a[0] + b[0], M.max(a[1], b[1])), (3,), (1,),
  'VALID')
M.reduce_window(A(6), J.float32(0), M.add, (3,), (1,), ((1, 2),))
M.reduce_window(A(6), J.float32(0), M.add, (3,), (1,), 'VALID', window_dilation=(2,))
M.reduce_window(A(6), J.float32(0), M.add, (3,), (1,), 'VALID', base_dilation=(2,))
M.reduce_window(A((2,6)), J.float32(0), lambda a, b: a + b * 1, (1,3), (1,2), 'SAME', (1,1), (1,2))
M.reduce_window(A(0), J.float32(0), M.add, (1,), (1,), 'SAME')
M.reduce_window(A(6), J.float32(0), M.add, (3, 1), (1,), 'VALID')"""),
    "select_n": _each("""
M.select_n(A(4,'b'), A(4), A(4,'f',1))
M.select_n(J.array([0, 2, 1, 2]), A(4), A(4,'f',1), A(4,'f',2))
M.select_n(J.array(1), A(4), A(4,'f',1))
M.select_n(J.array(True), A((2,2)), A((2,2),'f',1))
M.select_n(A(4,'b'), A(4))
M.select_n(A(4,'b'), A(4), A(4,'f',1), A(4,'f',2))
M.select_n(A(4), A(4), A(4))
M.select_n(A(3,'b'), A(4), A(4))
M.select_n(A(4,'b'), A(4), A(4,'i'))
M.select_n(A(4,'b'), A(4,'c'), A(4,'c',1))"""),
}
EXCEPTIONS = {
    "M.reduce(A(()), J.float32(1), M.add, ())": "JAX leaves the initial value out where it reduces no dimension",
    "M.reduce(A((3,4)), J.int32(0), M.add, (0,))": "initial values have the operand's dtype; JAX does not look for sums",
    "M.switch(np.int64(2**40), [lambda x: x, lambda x: -x], 1.)": "JAX cuts the index to 32 bits before it clamps",
}
NOT_TRACEABLE: set[str] = set()
GRAD = {
    "scan": ("lambda c, x: M.scan(lambda c, x: (J.sin(c) * x, c + x), c, x)", "A(2), A((4,2))"),
    "while_loop": ("lambda x: M.fori_loop(0, 3, lambda i, s: J.sin(s) * i, x)", "A(3)"),
    "cond": ("lambda x: M.cond(x.sum() > 0, lambda x: x * x, lambda x: x, x)", "A(3)"),
    "switch": ("lambda x: M.switch(1, [J.sin, J.cos, J.tan], x)", "A(3)"),
    "map": ("lambda x: M.map(J.sin, x, batch_size=2)", "A((5,2))"),
    "reduce": ("lambda x: M.reduce(x, J.float32(1), lambda a, b: a * b, (0,))", "A((4,3))"),
    "reduce_window": ("lambda x: M.reduce_window(x, J.float32(0), M.add, (2,2), (1,1), 'SAME') ** 2",
                      "A((4,3))"),
    "select_n": ("lambda p, x, y: M.select_n(p > 0, x, y)", "A(4), A(4,'f',1), A(4,'f',2)"),
}  # fmt: skip
X64 = [
    "M.scan(lambda c, x: (c + x, c), 0., A(3,'d'))", "M.fori_loop(0, 3, lambda i, s: s + i, 0)",
    "M.while_loop(lambda v: v < 10, lambda v: v * 2, 1.)", "M.cond(True, lambda x: x, lambda x: -x, A(3,'z'))",
    "M.switch(np.int64(2**40), [lambda x: x, lambda x: -x], 1.)",
]
