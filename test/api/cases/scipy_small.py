"""The cases of the small modules of `axil.scipy`: cluster, integrate, interpolate, ndimage, optimize, sparse, spatial."""

MODULE = "scipy"

SUBMODULES = ("cluster.vq", "integrate", "interpolate", "ndimage", "optimize", "sparse.linalg", "spatial.transform")


def _found(case: str) -> str:
    """The case with its submodule imported, for JAX does not import them by itself."""
    for name in SUBMODULES:
        case = case.replace(f"M.{name}.", f"__import__(X.__name__ + '.scipy.{name}').scipy.{name}.")
    return case


P = "(lambda x: x @ x.T + J.diag(J.full(x.shape[0], 2.0)))"  # positive definite
Q = "(lambda x: x + J.diag(J.full(x.shape[0], 9.0)))"
R, FROM = "M.spatial.transform.Rotation", "M.spatial.transform.Rotation.from_quat"
S = "M.spatial.transform.Slerp"
G = "M.interpolate.RegularGridInterpolator"


def _solver(name: str, more: str = "") -> list[str]:
    f = f"M.sparse.linalg.{name}"
    a = P if name == "cg" else Q
    return [
        f"{f}({a}(A((3,3))), A(3){more})[0]", f"{f}({a}(A((4,4),'f',1)), A(4), tol=1e-7{more})[0]",
        f"(lambda a: {f}(lambda x: a @ x, A(3){more})[0])({a}(A((3,3))))", f"{f}(lambda x: 2 * x, A((2,2)){more})[0]",
        f"{f}({a}(A((3,3))), A(3), x0=J.ones(3){more})[0]", f"{f}({a}(A((3,3))), A(3), M=J.eye(3) * 0.1{more})[0]",
        f"{f}(lambda v: {{'a': 2 * v['a'], 'b': 4 * v['b']}}, {{'a': A(2), 'b': A(3)}}{more})[0]", f"{f}(A((2,3)), A(3){more})",
        f"{f}(A((3,3)), A(3), x0=A(2){more})", f"{f}({a}(A((3,3))), J.zeros(3){more})[0]",
        f"{f}(J.array([[2., 1j], [-1j, 3.]]) + 0 * A((2,2)), A(2,'c'), tol=1e-6{more})[0]",
        f"{f}({a}(A((3,3))), A(3), atol=1e3{more})[0]", f"{f}(5, A(3){more})",
    ]  # fmt: skip


QUATS = ["A(4)", "A((3,4))", "J.array([[1., 0., 0., 0.], [0., 0., 0., -1.]])"]


def _rotations(method: str, wrap: str = "{}") -> list[str]:
    return [wrap.format(f"{FROM}({q}).{method}") for q in QUATS]


CASES = {
    "bicgstab": _solver("bicgstab"),
    "cg": _solver("cg"),
    "gmres": _solver("gmres") + _solver("gmres", ", solve_method='incremental'")[:2]
    + ["M.sparse.linalg.gmres(A((3,3)), A(3), solve_method='x')", f"M.sparse.linalg.gmres({Q}(A((3,3))), A(3), restart=2)[1]"],
    "trapezoid": ["M.integrate.trapezoid(A(4))", "M.integrate.trapezoid(A((2,3)))", "M.integrate.trapezoid(A((2,3)), axis=0)",
                  "M.integrate.trapezoid(A(4), dx=0.5)", "M.integrate.trapezoid(A(4), A(4,'f',1))", "M.integrate.trapezoid(A((2,3)), A(3))",
                  "M.integrate.trapezoid(A(4,'i'))", "M.integrate.trapezoid(A(1))", "M.integrate.trapezoid(A(0))", "M.integrate.trapezoid(A(4,'c'))",
                  "M.integrate.trapezoid(A(4,'h'))", "M.integrate.trapezoid([1., 2., 4.])"],
    "RegularGridInterpolator": [
        f"{G}(({g}), {v}, method='{m}'{more})({x})"
        for g, v, x in (("J.arange(4.), J.arange(5.)", "A((4,5))", "A((6,2),'f',0,-1,5)"), ("J.array([0., 1., 4.]),", "A((3,2))", "A((3,1),'f',0,0,4)"),
                        ("J.arange(3.), J.arange(2.)", "A((3,2),'i')", "(A(3,'f',0,0,2), A(3,'f',1,0,1))"))
        for m in ("linear", "nearest") for more in ("", ", fill_value=None", ", fill_value=7.")
    ] + [f"{G}((J.arange(4.),), A(4))(A(3,'f',0,0,3))", f"{G}((J.arange(4.),), A(4), method='cubic')", f"{G}((J.arange(4.), J.arange(3.)), A(4))",
         f"{G}((J.arange(4.),), A(4), bounds_error=True)", f"{G}((J.arange(4.), J.arange(3.)), A((4,3)))(A((2,3)))"],
    "map_coordinates": [
        f"M.ndimage.map_coordinates({a}, [A(6,'f',0,-3,6), A(6,'f',1,-3,6)], {o}, mode='{m}', cval=1.5)"
        for a in ("A((3,4))", "A((3,4),'i')") for o in (0, 1) for m in ("constant", "nearest", "wrap", "mirror", "reflect")
    ] + ["M.ndimage.map_coordinates(A(4), [A((2,2),'f',0,0,3)], 1)", "M.ndimage.map_coordinates(A((3,4)), [A(2)], 1)",
         "M.ndimage.map_coordinates(A(4), [A(2)], 2)", "M.ndimage.map_coordinates(A(4), [A(2)], 1, mode='x')",
         "M.ndimage.map_coordinates(A(4), [A(2,'i')], 0)", "M.ndimage.map_coordinates(A(4,'c'), [A(2)], 1)", "M.ndimage.map_coordinates(A((2,2)), A((2,3)), 1)"],
    "vq": ["M.cluster.vq.vq(A((5,2)), A((3,2),'f',1))", "M.cluster.vq.vq(A(5), A(3))", "M.cluster.vq.vq(A((5,2)), A(3))", "M.cluster.vq.vq(A((2,2,2)), A((2,2,2)))",
           "M.cluster.vq.vq(A((5,2),'i'), A((3,2)))", "M.cluster.vq.vq(A((5,2),'i'), A((3,2),'i'))", "M.cluster.vq.vq(A((5,2)), A((1,2)))", "M.cluster.vq.vq(A((0,2)), A((3,2)))",
           "M.cluster.vq.vq(A((5,2)), A((3,3)))", "M.cluster.vq.vq(A((5,2)), A((3,2)), check_finite=False)", "M.cluster.vq.vq(A((5,2),'h'), A((3,2),'h'))"],
    "minimize": [
        f"M.optimize.minimize({f}, {x}, {a}method='BFGS').x"
        for f, x, a in (("lambda x: J.sum((x - 1) ** 2)", "A(3)", ""), ("lambda x, a: J.sum((x - a) ** 2 * J.arange(1., 4.))", "A(3)", "args=(2.0,), "),
                        ("lambda x: (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2", "J.zeros(2) + 0 * A(2)", ""),
                        ("lambda x: J.sum(J.cosh(x - 1))", "A(2)", ""))
    ] + ["M.optimize.minimize(lambda x: J.sum((x - 1) ** 2), A(3), method='l-bfgs-experimental-do-not-rely-on-this').x",
         "[M.optimize.minimize(lambda x: J.sum((x - 1) ** 2), A(3), method='BFGS')[i] for i in (1, 2, 6, 7, 8)]",
         "M.optimize.minimize(lambda x: J.sum((x - 1) ** 2), A(3), method='newton')", "M.optimize.minimize(lambda x: x[0], A(3), 2.0, method='BFGS')",
         "M.optimize.minimize(lambda x: J.sum((x - 1) ** 2), J.ones(3), method='BFGS').fun",
         "M.optimize.minimize(lambda x: J.sum((x - 1) ** 4), A(2), method='bfgs', options=dict(maxiter=1))[2]"],
    "OptimizeResults": ["list(M.optimize.OptimizeResults._fields)"],
    "Rotation": _rotations("as_matrix()") + _rotations("as_rotvec()") + _rotations("as_mrp()") + _rotations("as_quat()") + _rotations("magnitude()")
    + _rotations("inv().quat") + _rotations("as_quat(canonical=True)") + _rotations("as_quat(scalar_first=True)") + _rotations("apply(J.array([1., 2., 3.]))")
    + _rotations("apply(J.array([1., 2., 3.]), inverse=True)") + _rotations("as_rotvec(degrees=True)") + _rotations("single")
    + [f"{FROM}(A(4)).as_euler('{s}')" for s in ("xyz", "XYZ", "zxz", "ZYZ", "yxz", "xxz", "xy", "abc")] + _rotations("as_euler('zyx', degrees=True)")
    + [f"{R}.from_euler('{s}', {a}).quat" for s, a in (("x", "0.3"), ("Z", "A(1)"), ("xy", "A(2)"), ("XYZ", "A(3)"), ("zyx", "A((2,3))"), ("xx", "A(2)"), ("xyz", "A(2)"), ("aB", "A(2)"))]
    + [f"{R}.from_matrix({FROM}({q}).as_matrix()).quat" for q in QUATS] + [f"{R}.from_rotvec({a}).quat" for a in ("A(3)", "A((2,3))", "J.zeros(3)")]
    + [f"{R}.from_rotvec(A(3), degrees=True).quat", f"{R}.from_mrp(A(3)).quat", f"{R}.from_mrp(A((2,3))).quat", f"{R}.identity().quat",
       f"({FROM}(A(4)) * {FROM}(A(4,'f',1))).quat", f"({FROM}(A((3,4))) * {FROM}(A(4,'f',1))).quat", f"{R}.concatenate([{FROM}(A((2,4))), {FROM}(A((1,4)))]).quat",
       f"len({FROM}(A((3,4))))", f"len({FROM}(A(4)))", f"{FROM}(A((3,4)))[1:].quat", f"{FROM}(A(4))[0]", f"J.abs({FROM}(A((3,4))).mean().quat)",
       f"J.abs({FROM}(A((3,4))).mean(A(3,'f',0,0,1)).quat)", f"{FROM}(A((3,4))).mean(A(2)).quat"],
    "Slerp": [f"{S}.init(J.arange(3.), {FROM}(A((3,4))))({t}).quat" for t in ("0.5", "A(4,'f',0,0,2)", "J.array([0., 1., 2.])", "-1.", "3.", "A((2,2))", "A(0)")]
    + [f"{S}.init(J.arange(2.), {FROM}(A((3,4))))", f"{S}.init(J.arange(1.), {FROM}(A(4)))", f"{S}.init(J.arange(3.), 2.0)",
       f"{S}.init(J.array([0., 1., 5.]), {FROM}(A((3,4)))).rotvecs"],
}  # fmt: skip

GRAD = {
    "cg": (f"lambda x, b: M.sparse.linalg.cg({P}(x), b, tol=1e-7)[0]**2", "A((3,3)), A(3)"),
    "bicgstab": (f"lambda x, b: M.sparse.linalg.bicgstab({Q}(x), b, tol=1e-7)[0]**2", "A((3,3)), A(3)"),
    "gmres": (f"lambda x, b: M.sparse.linalg.gmres({Q}(x), b, tol=1e-6)[0]**2", "A((3,3)), A(3)"),
    "map_coordinates": ("lambda x, c: M.ndimage.map_coordinates(x, [c, c], 1)**2", "A((4,4)), A(3,'f',0,0.2,2.8)"),
    "RegularGridInterpolator": (f"lambda v, x: {G}((J.arange(4.),), v)(x)**2", "A(4), A(3,'f',0,0.2,2.8)"),
    "Rotation": (f"lambda v, x: {R}.from_rotvec(v).apply(x)**2", "A(3), A(3)"),
    "vq": ("lambda x, y: M.cluster.vq.vq(x, y)[1]", "A((4,2)), A((2,2),'f',1)"),
}

X64 = [f"M.sparse.linalg.cg({P}(A((3,3),'d')), A(3,'d'), tol=1e-12)[0]", "M.integrate.trapezoid(A(4,'d'))",
       "M.ndimage.map_coordinates(A(4,'d'), [A(3,'d',0,0,3)], 1)", f"{FROM}(A(4,'d')).as_matrix()"]  # fmt: skip

CASES = {name: [_found(case) for case in cases] for name, cases in CASES.items()}
GRAD = {name: (_found(function), operands) for name, (function, operands) in GRAD.items()}
X64 = [_found(case) for case in X64]
EXCEPTIONS = {
    _found("M.integrate.trapezoid(A(0))"): "the integral of no samples is 0, as in NumPy; JAX fails on its slices",
    CASES["minimize"][1]: "JAX's line search gives up (it takes an interval whose ends are exchanged for an empty one)",
}
TOLERANCE = {"cg": 1e-4, "bicgstab": 3e-4, "gmres": 3e-4, "minimize": 1e-3, "Rotation": 1e-4, "Slerp": 1e-4, "x64": 1e-8}
