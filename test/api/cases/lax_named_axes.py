"""The cases of named axes: collectives over one and several, sizes and indices, casts, and how `vmap` reads its axes."""

MODULE = "lax"


def _over(body: str, axes: str = "i", of: str = "A((4,3))") -> str:
    """A function of one example, mapped over the axes that letters name, the first outermost."""
    text = f"lambda x: {body}"
    for name in reversed(axes):
        text = f"X.vmap({text}, axis_name='{name}')"
    return f"({text})({of})"


_BOTH, _GRID = "('i','j')", "A((2,3,4))"
_REDUCE = [
    "M.{0}(x, 'i')", "M.{0}(x * M.axis_index('i'), 'i')", "M.{0}(M.{0}(x, 'i'), 'i')", "M.{0}({{'a': x, 'b': (x + 1,)}}, 'i')",
    "M.{0}(J.arange(3.), 'i')", "x - M.{0}(x, ['i'])",
]  # fmt: skip
_REDUCE_BOTH = ["M.{0}(x, ('i','j'))", "M.{0}(x, ('j','i'))", "M.{0}(M.{0}(x, 'j'), 'i')", "M.{0}(x, 'j') - M.{0}(x, 'i')"]


def _reductions(name: str) -> list[str]:
    return [
        *(_over(t.format(name)) for t in _REDUCE), *(_over(t.format(name), "ij", _GRID) for t in _REDUCE_BOTH),
        _over(f"M.{name}(x, 'i')", "i", "A((4,3),'i')"),
        f"X.jit({_over(f'M.{name}(x, {_BOTH})', 'ij', '')[:-2]})({_GRID})",
    ]  # fmt: skip


_PERM, _PART = "[(0, 1), (1, 2), (3, 0), (2, 3)]", "[(0, 1), (1, 2), (3, 0)]"
_RAGGED = (
    "X.vmap(lambda *a: M.ragged_all_to_all(*a, axis_name='i'), axis_name='i')"
    "(A((2,3)), A((2,4),'f',1), *(J.asarray(v, J.int32) for v in {0}))"
)
_OFFSETS = "([[0,1],[0,1]], [[1,2],[1,1]], [[0,0],[1,2]], [[1,1],[2,1]])"
_ON = "X.devices()[0]"

CASES = {
    "psum": [*_reductions("psum"), _over("M.psum(2, 'i') + x"), _over("M.psum(True, 'i') + x"), _over("M.psum(1, ('i','j')) + x", "ij", _GRID)],
    "pmean": _reductions("pmean"),
    "pmax": _reductions("pmax"),
    "pmin": _reductions("pmin"),
    "axis_index": [_over(t, "ij", _GRID) for t in (
        "M.axis_index('i')", "M.axis_index('j')", "M.axis_index(('i','j'))", "M.axis_index(('j','i'))", "x[M.axis_index('j')]", "M.psum(M.axis_index('i'), 'i')",
        "M.cond(M.axis_index('j') > 1, J.sin, J.cos, x)", "M.scan(lambda c, r: (c + r, M.axis_index('i')), 0., x)", "M.axis_index(('i',))")],
    "axis_size": [_over(t, "ij", _GRID) for t in (
        "x * M.axis_size('i')", "x * M.axis_size('j')", "x * M.axis_size(('i','j'))", "J.ones(M.axis_size('j')) + x[0]", "x / M.axis_size(('i',))",
        "M.psum(x, 'i') / M.axis_size('i')", "x.reshape(M.axis_size('i'), 2)", "J.arange(M.axis_size(('j','i'))) + x[1]", "M.axis_size(['i'])")],
    "ppermute": [
        *(_over(t) for t in (f"M.ppermute(x, 'i', {_PERM})", f"M.ppermute(x, 'i', {_PART})", "M.ppermute({'a': x}, 'i', [(2, 2), (0, 1), (1, 0), (3, 3)])",
                             f"M.ppermute(x * 2, 'i', {_PERM})[0]", f"M.ppermute(x, 'i', {_PERM}) - x", "M.ppermute(x, 'i', [(0, 1), (0, 2)])", "M.ppermute(x, 'i', [(9, 1)])")),
        *(_over(t, "ij", _GRID) for t in ("M.ppermute(x, 'j', [(0, 2), (2, 1), (1, 0)])", "M.ppermute(x, 'i', [(0, 1), (1, 0)])", "M.ppermute(x, ('i','j'), [(0, 5), (5, 3)])")),
        _over(f"M.ppermute(x, 'i', {_PERM})", "i", "A((4,3),'i')"),
    ],
    "all_gather": [
        *(_over(t) for t in ("M.all_gather(x, 'i')", "M.all_gather(x, 'i', axis=1)", "M.all_gather(x, 'i', axis=-1)", "M.all_gather(x, 'i', tiled=True)", "M.all_gather(x[0], 'i')",
                             "M.all_gather({'a': x, 'b': x[1]}, 'i')", "M.all_gather(x, 'i', axis=5)")),
        *(_over(t, "ij", _GRID) for t in ("M.all_gather(x, 'i')", "M.all_gather(x, 'j')", "M.all_gather(x, ('i','j'))")),
    ],
    "pcast": [_over("M.pcast(x, (), to='varying')"),
              *(_over(f"M.pcast(x, {name}, to='varying')") for name in ("'i'", "('i',)")), "M.pcast(A(3), (), to='varying')"],
    "ragged_all_to_all": [_RAGGED.format(_OFFSETS), _RAGGED.format("([[0,0],[0,0]],) * 4"), _RAGGED.format("([[0,0],[0,0]],) * 3")],
    "dce_sink": [f"(M.dce_sink({t}), A(3))[1]" for t in ("A(3)", "A((2,3)) / 0", "{'a': A(3)}", "()", "1.0", "None", "A((0,))", "A(3,'i')", "(A(2), [A(3)])", "A(3,'b')")]
                + ["X.jit(lambda x: (M.dce_sink(J.log(x)), x + 1)[1])(A(3))", "X.grad(lambda x: (M.dce_sink(J.log(x)), x ** 2)[1])(2.0)"],
    "with_sharding_constraint": [f"M.with_sharding_constraint({t})" for t in (f"A(3), {_ON}", f"{{'a': A(3)}}, {_ON}", "A(3), None", "A(3), 'cpu'")],
}  # fmt: skip

_GROWS = "Axil takes several axes at once, in row-major order; JAX does not support that under vmap"
EXCEPTIONS = {
    _over(f"M.ppermute(x, 'i', {_PART})"): "who is sent nothing gets zeros, as documented; JAX's vmap takes whole permutations",
    _over("M.ppermute(x, ('i','j'), [(0, 5), (5, 3)])", "ij", _GRID): _GROWS,
    _over("M.all_gather(x, ('i','j'))", "ij", _GRID): _GROWS,
    **{_over(f"M.pcast(x, {name}, to='varying')"): "JAX knows casts under shard_map only; under vmap they change nothing"
       for name in ("'i'", "('i',)")},
    _RAGGED.format(_OFFSETS): "JAX has no ragged exchange under vmap",
    _RAGGED.format("([[0,0],[0,0]],) * 4"): "JAX has no ragged exchange under vmap",
    **{f"M.with_sharding_constraint({t}, {_ON})": "a place is a device: there are no shardings yet" for t in ("A(3)", "{'a': A(3)}")},
}  # fmt: skip
GRAD = {
    "psum": (f"lambda x: X.vmap(X.vmap(lambda x: M.psum(J.sin(x), {_BOTH}) * M.axis_index('j'), axis_name='j'), axis_name='i')(x)", _GRID),
    "pmean": (f"lambda x: X.vmap(X.vmap(lambda x: M.pmean(J.sin(x), {_BOTH}) ** 2, axis_name='j'), axis_name='i')(x)", _GRID),
    "ppermute": ("lambda x: X.vmap(lambda x: M.ppermute(J.sin(x), 'i', [(0, 1), (1, 0), (2, 3), (3, 2)]) ** 2, axis_name='i')(x)", "A((4,3))"),
    "all_gather": ("lambda x: X.vmap(lambda x: M.all_gather(J.sin(x), 'i', axis=1, tiled=True) ** 2, axis_name='i')(x)", "A((4,3,2))"),
}  # fmt: skip
