"""Names that tables against JAX cannot try: printing options, iterators, narrow types, sets under transformations."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import axil
import axil.numpy as J
from axil import lax


def test_printing_options_are_numpys() -> None:
    before = J.get_printoptions()
    with J.printoptions(precision=2, suppress=True):
        assert J.get_printoptions()["precision"] == 2
        assert str(J.array([1.23456, 1e-9])) == "[1.23 0.  ]"
    assert J.get_printoptions() == before
    try:
        J.set_printoptions(precision=3)
        assert str(J.array([1.23456])) == "[1.235]"
    finally:
        J.set_printoptions(**before)


def test_fromiter_reads_an_iterator_once() -> None:
    numbers = iter(range(5))
    got = J.fromiter(numbers, "float32", count=3)
    assert got.dtype == np.float32 and got.tolist() == [0.0, 1.0, 2.0] and list(numbers) == [3, 4]
    assert J.fromiter((x * x for x in range(3)), int).dtype == np.int32
    assert J.fromiter(iter([]), "int8").shape == (0,)
    with pytest.raises(ValueError):
        J.fromiter(range(2), "int32", count=5)


def test_floats_of_six_bits_have_their_values() -> None:
    given = [0.0, 0.0625, 0.3, 1.0, -2.6, 27.0, 1e6, -1e6]  # nearest, then the largest: there is no infinity
    got = J.asarray(given, J.float6_e3m2fn).astype("float32")
    assert got.tolist() == [0.0, 0.0625, 0.3125, 1.0, -2.5, 28.0, 28.0, -28.0]
    assert J.finfo(J.float6_e3m2fn).bits == 6 and J.issubdtype(J.float6_e3m2fn, J.floating)


def test_complex_warning_can_be_filtered() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", J.ComplexWarning)
        with pytest.raises(J.ComplexWarning):
            warnings.warn("discarded", J.ComplexWarning, stacklevel=1)


def test_sets_of_a_size_compile() -> None:
    a, b = J.array([3, 1, 2, 2, 9]), J.array([2, 5, 5, 3])

    def sets(a: object, b: object) -> list:
        return [
            *J.intersect1d(a, b, return_indices=True, size=3), J.setdiff1d(a, b, size=3, fill_value=-1),
            J.setxor1d(a, b, size=6), J.union1d(a, b, size=6),
        ]  # fmt: skip

    wanted = [[2, 3, 2], [2, 0, 5], [0, 3, 4], [1, 9, -1], [1, 5, 9, 1, 1, 1], [1, 2, 3, 5, 9, 1]]
    assert [x.tolist() for x in sets(a, b)] == wanted
    assert [x.tolist() for x in axil.jit(sets)(a, b)] == wanted


@pytest.mark.parametrize("name", ["intersect1d", "setdiff1d", "setxor1d"])
def test_sets_without_a_size_say_how_to_give_one(name: str) -> None:
    with pytest.raises(axil.errors.ConcretizationTypeError, match="size="):
        axil.jit(getattr(J, name))(J.arange(3), J.arange(2))
    with pytest.raises(ValueError, match="negative"):
        getattr(J, name)(J.arange(3), J.arange(2), size=-1)


def test_gradients_go_to_the_elements_that_are_kept() -> None:
    x, y = J.array([3.0, 1.0, 2.0]), J.array([2.0, 5.0])
    assert axil.grad(lambda x: J.setdiff1d(x, y).sum())(x).tolist() == [1.0, 1.0, 0.0]
    assert axil.grad(lambda x: J.setxor1d(x, y).sum())(x).tolist() == [1.0, 1.0, 0.0]
    assert axil.grad(lambda x: J.intersect1d(x, y, size=1)[0])(x).tolist() == [0.0, 0.0, 1.0]


def test_out_is_refused() -> None:
    for function in (J.isneginf, J.isposinf, J.nanstd, J.nanvar):
        with pytest.raises(NotImplementedError, match="immutable"):
            function(J.ones(3), out=J.ones(3))


def test_tokens_and_modes() -> None:
    token = lax.create_token()
    assert lax.after_all(token, token).shape == lax.after_all().shape == (0,)
    assert lax.GatherScatterMode.from_any(None) is lax.GatherScatterMode.FILL_OR_DROP
    with pytest.raises(ValueError, match="mode"):
        lax.GatherScatterMode.from_any("nothing")
