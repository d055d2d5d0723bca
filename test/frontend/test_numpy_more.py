"""Polynomials, grids, ufuncs, files: what the tables of `test/api` cannot say, as transformations and errors."""

from __future__ import annotations

import io
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import axil
import axil.numpy as jnp


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=2e-5)


# ---- compiled as eager ---------------------------------------------------------------------------------


def test_compiled_is_eager() -> None:
    x = jnp.array([0.5, -1.25, 2.0, 3.0])
    n = jnp.array([12, -18, 7, 0])
    z = jnp.array([0.5 + 1j, -2 - 0.5j, 3j, -0.25])

    def everything(x: Any, n: Any, z: Any) -> dict[str, Any]:
        return {
            "polynomials": (jnp.polyval(x, x), jnp.poly(x), jnp.polymul(x, x), jnp.polydiv(x, x[:2])),
            "integral": jnp.polyint(x, 2),
            "numbers": (jnp.gcd(n, 30), jnp.lcm(n, 4), jnp.frexp(x), jnp.ldexp(x, n), jnp.spacing(x)),
            "bits": (jnp.packbits(x > 0), jnp.unpackbits(n.astype("uint8"))),
            "windows": (jnp.kaiser(5, x[0]), jnp.i0(x)),
            "ufuncs": (jnp.bitwise_or.reduce(n), jnp.maximum.accumulate(x), jnp.logical_xor.reduce(x > 0)),
            "at": jnp.add.at(x, jnp.array([0, 0]), 2.0, inplace=False),
            "reduceat": jnp.subtract.reduceat(x, jnp.array([0, 2])),
            "piecewise": jnp.piecewise(x, [x < 0, x > 1], [jnp.sin, 7.0, lambda v: v * v]),
            "place": jnp.place(x, x > 0, n[:2], inplace=False),
            "lines": jnp.apply_along_axis(jnp.cumsum, 0, x.reshape(2, 2)),
            "mapped": jnp.vectorize(lambda a, b: a * b)(x, x[:, None]),
            "histogram": jnp.histogram2d(x, x[::-1], bins=2),
            "complex": (jnp.arcsin(z), jnp.arctanh(z), jnp.max(z), jnp.logaddexp(z, z), jnp.arctan2(z, x)),
            "weighted": jnp.quantile(x, 0.4, weights=abs(x), method="inverted_cdf"),
        }  # fmt: skip

    eager, compiled = everything(x, n, z), axil.jit(everything)(x, n, z)
    for key in eager:
        for a, b in zip(axil.tree_util.tree_leaves(eager[key]), axil.tree_util.tree_leaves(compiled[key]), strict=True):
            assert a.dtype == b.dtype, key
            np.testing.assert_allclose(np.asarray(b), np.asarray(a), rtol=2e-5, atol=2e-5, err_msg=key)


# ---- polynomials ---------------------------------------------------------------------------------------


def test_roots_are_those_that_poly_was_given() -> None:
    zeros = np.array([3.0, -1.5, 0.5])
    close(np.sort(np.asarray(jnp.roots(jnp.poly(zeros))).real), np.sort(zeros))


def test_roots_of_a_number_known_under_jit() -> None:
    found = axil.jit(lambda p: jnp.roots(p, strip_zeros=False))(jnp.array([0.0, 1.0, -3.0, 2.0]))
    assert found.shape == (3,) and np.isnan(np.asarray(found)).sum() == 1
    with pytest.raises(axil.errors.ConcretizationTypeError, match="strip_zeros=False"):
        axil.jit(jnp.roots)(jnp.array([1.0, 2.0]))


def test_polyfit_goes_through_points_of_a_polynomial() -> None:
    p = jnp.array([2.0, -1.0, 0.5])
    x = jnp.linspace(-1, 1, 7)
    close(jnp.polyfit(x, jnp.polyval(p, x), 2), p)
    close(axil.jit(lambda x, y: jnp.polyfit(x, y, 2))(x, jnp.polyval(p, x)), p)


def test_long_polynomials_are_evaluated_in_a_loop() -> None:
    p, x = np.random.default_rng(0).normal(size=40).astype("f4"), np.float32(0.7)
    close(jnp.polyval(p, x), np.polyval(p, x))
    close(axil.grad(lambda x: jnp.polyval(jnp.asarray(p), x))(0.7), np.polyval(np.polyder(p), x))


def test_division_and_product_are_inverse() -> None:
    u, v = jnp.array([1.0, 5.0, 6.0, 2.0]), jnp.array([2.0, 1.0])
    q, r = jnp.polydiv(u, v)
    close(jnp.polyadd(jnp.polymul(q, v), r), u)


def test_errors_of_polynomials_name_what_was_given() -> None:
    with pytest.raises(ValueError, match=r"polyadd takes two vectors of coefficients, got f32\[2,2\]"):
        jnp.polyadd(jnp.ones((2, 2)), jnp.ones(2))
    with pytest.raises(ValueError, match="see polyint"):
        jnp.polyder(jnp.ones(3), -1)


# ---- ufuncs --------------------------------------------------------------------------------------------


def test_ufuncs_are_functions_with_methods() -> None:
    ufuncs = """add subtract multiply negative maximum minimum logical_and logical_or logical_xor bitwise_and bitwise_or
        bitwise_xor logaddexp logaddexp2""".split()
    assert all(isinstance(getattr(jnp, name), jnp.ufunc) for name in ufuncs)
    assert not isinstance(jnp.sin, jnp.ufunc) and not isinstance(3, jnp.ufunc)
    assert isinstance(jnp.frompyfunc(lambda a: a, 1, 1), jnp.ufunc)


def test_ufunc_methods_differentiate_and_batch() -> None:
    x = jnp.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])
    close(axil.grad(lambda x: jnp.multiply.reduce(x, axis=1).sum())(x), [[6, 3, 2], [-2, 1, -0.5]])
    product = jnp.frompyfunc(lambda a, b: a * b, 2, 1)
    close(axil.grad(lambda x: product.reduce(x, axis=1).sum())(x), [[6, 3, 2], [-2, 1, -0.5]])
    close(axil.vmap(product.reduce)(x), [6, -1])
    close(axil.vmap(jnp.add.accumulate)(x), np.cumsum(x, 1))


def test_ufuncs_can_be_compared_and_hashed() -> None:
    def f(a: Any, b: Any) -> Any:
        return a + b

    assert jnp.frompyfunc(f, 2, 1) == jnp.frompyfunc(f, 2, 1) != jnp.frompyfunc(f, 2, 1, identity=0)
    assert len({jnp.frompyfunc(f, 2, 1), jnp.frompyfunc(f, 2, 1)}) == 1


def test_errors_of_ufuncs_tell_the_way_out() -> None:
    with pytest.raises(NotImplementedError, match="inplace=False"):
        jnp.add.at(jnp.ones(3), 0, 1.0)
    with pytest.raises(ValueError, match="one result"):
        jnp.frompyfunc(lambda a: (a, a), 1, 2).reduce(jnp.ones(3))
    with pytest.raises(ValueError, match="identity"):
        jnp.maximum.reduce(jnp.ones(3), where=jnp.array([True, False, True]))
    with pytest.raises(NotImplementedError, match="axil.numpy.where"):
        jnp.frompyfunc(lambda a: a, 1, 1)(jnp.ones(3), where=True)


# ---- vectorize -----------------------------------------------------------------------------------------


def test_vectorize_keeps_name_and_docstring() -> None:
    def scaled(a: Any, b: Any) -> Any:
        """Times."""
        return a * b

    assert jnp.vectorize(scaled).__name__ == "scaled" and jnp.vectorize(scaled).__doc__ == "Times."


def test_vectorize_checks_its_signature() -> None:
    dot = jnp.vectorize(lambda a, b: a @ b, signature="(n),(n)->()")
    with pytest.raises(ValueError, match="dimension 'n'"):
        dot(jnp.ones(3), jnp.ones(4))
    with pytest.raises(TypeError, match="takes 2 arrays"):
        dot(jnp.ones(3))
    with pytest.raises(ValueError, match="is not a signature"):
        jnp.vectorize(lambda a: a, signature="n->n")
    with pytest.raises(ValueError, match="a result of shape"):
        jnp.vectorize(lambda a: a, signature="(n)->()")(jnp.ones(3))
    with pytest.raises(ValueError, match="negative"):
        jnp.vectorize(lambda a: a, excluded={-1})


def test_vectorize_calls_the_function_with_numbers() -> None:
    shapes = []
    jnp.vectorize(lambda a, b: shapes.append((a.shape, b.shape)) or a + b)(jnp.ones((2, 1)), jnp.ones(3))
    assert shapes == [((), ())]


# ---- numbers taken apart -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_frexp_and_ldexp_are_inverse(dtype: str) -> None:
    limits = ml_dtypes.finfo(dtype)
    x = jnp.asarray(np.array([limits.max, limits.tiny, limits.smallest_subnormal, -1.5, 0.0]).astype(limits.dtype))
    mantissa, exponent = jnp.frexp(x)
    size = abs(np.asarray(mantissa).astype(float)[:-1])
    assert np.all((size >= 0.5) & (size < 1)) and exponent.dtype == np.int32
    np.testing.assert_array_equal(np.asarray(jnp.ldexp(mantissa, exponent)), np.asarray(x))


def test_derivative_of_ldexp() -> None:
    close(axil.grad(lambda x: jnp.ldexp(x, 3))(1.5), 8.0)


def test_gcd_refuses_floats() -> None:
    with pytest.raises(ValueError, match=r"gcd takes integers, got f32\[2\]"):
        jnp.gcd(jnp.ones(2), 2)


def test_bits_go_there_and_back() -> None:
    x = jnp.arange(20, dtype="uint8").reshape(4, 5) * 13
    for axis in (0, 1):
        for order in ("big", "little"):
            there = jnp.unpackbits(x, axis=axis, bitorder=order)
            np.testing.assert_array_equal(np.asarray(jnp.packbits(there, axis=axis, bitorder=order)), np.asarray(x))


# ---- complex numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", "arcsin arccos arctan sinh cosh arcsinh arccosh arctanh exp2".split())
def test_complex_functions_are_holomorphic(name: str) -> None:
    """The derivative is that along both axes; left of zero too, where one root of a product would not do."""
    f = getattr(jnp, name)
    z = np.array([0.3 + 0.4j, -1.5 + 0.7j, 0.2 - 2j, -0.4 - 0.3j], np.complex64)
    slopes = [axil.grad(f, holomorphic=True)(v) for v in z]
    wide = getattr(np, name)
    z, h = z.astype(complex), 1e-6
    for step in (h, 1j * h):
        close(slopes, (wide(z + step) - wide(z - step)) / (2 * step))


def test_extrema_of_complex_numbers_differentiate() -> None:
    x, y = jnp.array([1.0, 3.0, 3.0]), jnp.array([2.0, -1.0, 1.0])
    close(jnp.max(x + 1j * y), 3 + 1j)
    close(axil.grad(lambda x: jnp.max(x + 1j * y).real)(x), [0, 0, 1])
    close(axil.grad(lambda y: jnp.min(x + 1j * y).imag)(y), [1, 0, 0])


# ---- grids, files, text --------------------------------------------------------------------------------


def test_grids_refuse_slices_without_end() -> None:
    with pytest.raises(ValueError, match="start:stop"):
        jnp.mgrid[1:]


def test_grids_of_tracers() -> None:
    got = axil.jit(lambda x: jnp.r_[x, 0.0, 1:3])(jnp.ones(2))
    close(got, [1, 1, 0, 1, 2])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "complex64", "bool"])
def test_files_keep_arrays(dtype: str) -> None:
    x, file = jnp.array([0, 1, 3]).astype(dtype), io.BytesIO()
    jnp.save(file, x)
    file.seek(0)
    found = jnp.load(file)
    assert isinstance(found, axil.Array) and found.dtype == x.dtype
    np.testing.assert_array_equal(np.asarray(found), np.asarray(x))


def test_files_of_several_arrays() -> None:
    file = io.BytesIO()
    jnp.savez(file, jnp.arange(3), named=jnp.ones(2))
    file.seek(0)
    found = jnp.load(file)
    assert sorted(found) == ["arr_0", "named"]
    close(found["named"], [1, 1])


def test_fromfile_says_what_to_do() -> None:
    with pytest.raises(NotImplementedError, match=r"axil.numpy.asarray\(numpy.fromfile"):
        jnp.fromfile("numbers")


def test_texts_take_numpys_options() -> None:
    x = jnp.array([1.23456789, 2.0])
    assert jnp.array_str(x, precision=2) == "[1.23 2.  ]"
    assert jnp.array_repr(x, precision=2) == "Array([1.23, 2.  ], dtype=float32)"
    assert jnp.array_str(x) == str(x)


# ---- names ---------------------------------------------------------------------------------------------


def test_scalar_types_are_dtypes_that_make_arrays() -> None:
    for name in ("float8_e4m3", "float8_e8m0fnu", "float6_e2m3fn", "float4_e2m1fn", "int2", "uint1"):
        of = getattr(jnp, name)
        assert of.dtype == np.dtype(getattr(ml_dtypes, name)) and of(1).dtype == of.dtype
    assert jnp.object_ is np.object_ and jnp.flexible is np.flexible and jnp.character is np.character


def test_creation_takes_the_default_device_alone() -> None:
    with pytest.raises(ValueError, match="default device"):
        jnp.arange(3, device="moon")
    with pytest.raises(TypeError, match="unexpected keyword"):
        jnp.ones(3, shading=1)
