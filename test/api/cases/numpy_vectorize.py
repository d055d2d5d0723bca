"""The options of `numpy.vectorize`: signatures, excluded arguments, None, and what it composes with."""

MODULE = "numpy"


def _v(function: str, call: str, **options: str) -> str:
    text = "".join(f", {key}={value}" for key, value in options.items())
    return f"J.vectorize({function}{text})({call})"


_N, _X, _M = "'(n)->()'", "A((2,3))", "A((2,2,3))"

CASES = {
    "vectorize": [
        _v("lambda a, b: a + b", f"{_X}, A(3)"), _v("lambda a, b: a + b", "1.0, 2.0"), _v("lambda a: J.float32(a.ndim)", _X),
        _v("lambda a, b: a * b", f"{_X}[:, None, :], {_X}[None]"), _v("lambda a, b: a * b", f"{_X}, A(4)"), _v("lambda a: a // 2", "A(4,'i')"),
        _v("J.dot", f"{_M}, A(3)", signature="'(m,n),(n)->(m)'"), _v("J.dot", f"{_X}, A(3)", signature="'(n),(n)->()'"),
        _v("J.outer", f"{_X}, A(3)", signature="'(a),(b)->(a,b)'"), _v("J.matmul", f"{_M}, {_M}.swapaxes(1, 2)", signature="'(m,k),(k,n)->(m,n)'"),
        _v("lambda a: (a.sum(), a * 2)", _X, signature="'(n)->(),(n)'"), _v("lambda a: [a.sum(), a * 2]", _X, signature="'(n)->(),(n)'"),
        _v("lambda a: (a.sum(),)", _X, signature="'(n)->(),(n)'"), _v("lambda a: a.sum()", _X, signature="'(n)->(n)'"),
        _v("lambda a, b: a.sum()", f"{_X}, A(4)", signature="'(n),(n)->()'"), _v("lambda a: a.sum()", "A(3)", signature="'(m,n)->()'"),
        _v("lambda a: a[:2]", _X, signature="'(3)->(2)'"), _v("lambda a: a[:2]", _X, signature="'(4)->(2)'"), _v("lambda a: J.tile(a, 2)", _X, signature="'(n)->(k)'"),
        _v("lambda a: a", _X, signature="'(n),(n)->()'"), _v("lambda a: a", _X, signature="'(n->()'"), _v("lambda a: a", _X, signature="'n->n'"),
        _v("lambda a, b: a * b", f"{_X}, 3.0", excluded="(1,)"), _v("lambda a, n: a ** n", f"{_X}, 2", excluded="{1}"), _v("lambda a, n=1: a ** n", f"{_X}, n=2", excluded="{'n'}"),
        _v("lambda a, n=1: a * n", f"{_X}, 2", excluded="{'n'}"), _v("lambda f, a: f(a)", f"J.sin, {_X}", excluded="(0,)"),
        _v("lambda f, a: f(a)", f"J.sum, {_X}", excluded="{0}", signature=_N), _v("lambda a, mode: a if mode == 'x' else -a", f"{_X}, 'y'", excluded="{1}"),
        _v("lambda a, *, s=1.0: a * s", f"{_X}, s=2.0", excluded="{'s'}"), _v("lambda a, b: a", f"{_X}, 1", excluded="{-1}"), _v("lambda a, b: a", f"{_X}, 1", excluded="{1.5}"),
        _v("lambda a, b: a if b is None else a + b", f"{_X}, None"), _v("lambda a, b: a.sum()", f"{_X}, None", signature="'(n),()->()'"),
        _v("lambda a, b: a.sum()", f"{_X}, None", signature="'(n),(n)->()'"), _v("lambda a: a.sum()", "A((0,3))", signature=_N), _v("lambda a: 3.0", _X),
        f"X.jit({_v('lambda a, b: J.sin(a) * b', '', signature=repr('(n),()->(n)'))[:-2]})({_X}, 2.0)",
        f"X.vmap({_v('lambda a, b: J.sin(a) * b', '', signature=repr('(n),()->(n)'))[:-2]})({_M}, A(2))",
    ],
}  # fmt: skip
GRAD = {"vectorize": ("lambda a, b: J.vectorize(lambda u, v: J.sin(u) @ v, signature='(n),(n)->()')(a, b)", "A((2,3)), A(3,'f',1)")}
