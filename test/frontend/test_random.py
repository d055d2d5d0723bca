"""`axil.random`: bit for bit JAX's bits, distributions that are what they say, keys, and errors."""

from __future__ import annotations

import contextlib
import copy
import pickle
from typing import Any

import numpy as np
import pytest

from axil import ShapeDtypeStruct, core, random, tree, vmap
from axil.config import enable_x64
from axil.runtime.errors import AxilError

SHAPES = [(), (0,), (13,), (7, 11, 3)]


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax", reason="the test-only oracle jax is not installed")


@contextlib.contextmanager
def wide(jax: Any, on: bool) -> Any:
    with enable_x64(on), jax.enable_x64(on):
        yield


def equal(got: Any, wanted: Any) -> None:
    a, b = np.asarray(got), np.asarray(wanted)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_array_equal(a, b)
    assert not got.weak_type


def close(got: Any, wanted: Any, rtol: float) -> None:
    a, b = np.asarray(got), np.asarray(wanted)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_allclose(a.astype(np.complex128), b.astype(np.complex128), rtol=rtol, atol=rtol)


# ---- keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("seed", [0, 1, -1, 42, 2**31 - 1, 2**31, 2**32 + 5, 2**63 - 1, -(2**63), True])
def test_seeds(jax: Any, seed: int, x64: bool) -> None:
    with wide(jax, x64):
        equal(random.PRNGKey(seed), jax.random.PRNGKey(seed))
        equal(random.key_data(random.key(seed)), jax.random.key_data(jax.random.key(seed)))


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_seeds_of_arrays(jax: Any, dtype: str, x64: bool) -> None:
    seed = np.asarray(200).astype(dtype) if dtype != "int64" else np.asarray(2**40 + 3)
    with wide(jax, x64):
        equal(random.PRNGKey(seed), jax.random.PRNGKey(seed))
        equal(core.run_traced("test", lambda s: [random.PRNGKey(s)], [core.as_array(seed)])[0], random.PRNGKey(seed))


@pytest.mark.parametrize("num", [0, 1, 2, 5, 100, (2, 3), (4,), ()])
def test_split(jax: Any, num: Any) -> None:
    equal(random.split(random.PRNGKey(7), num), jax.random.split(jax.random.PRNGKey(7), num))
    typed, wanted = random.split(random.key(7), num), jax.random.split(jax.random.key(7), num)
    assert typed.shape == wanted.shape
    equal(random.key_data(typed), jax.random.key_data(wanted))


@pytest.mark.parametrize("data", [0, 1, 2**32 - 1, np.int32(-3), np.uint8(7), np.uint32(2**31)])
def test_fold_in(jax: Any, data: Any) -> None:
    equal(random.fold_in(random.PRNGKey(3), data), jax.random.fold_in(jax.random.PRNGKey(3), data))


def test_few_and_many_words_agree() -> None:
    """Small draws are hashed by Python's integers, larger ones by NumPy."""
    key = random.PRNGKey(11)
    many = np.asarray(random.bits(key, (100,)))
    for n in range(20):
        np.testing.assert_array_equal(np.asarray(random.bits(key, (n,))), many[:n])


def test_typed_keys() -> None:
    keys = random.split(random.key(0), (2, 3))
    assert (keys.shape, keys.ndim, keys.size, len(keys)) == ((2, 3), 2, 6, 2)
    assert [k.shape for k in keys] == [(3,), (3,)]
    assert keys.reshape(3, -1).shape == (3, 2) and keys.ravel().shape == (6,)
    assert str(keys.dtype) == "key<fry>" and random.key_impl(keys) == "threefry2x32"
    again = random.wrap_key_data(random.key_data(keys))
    np.testing.assert_array_equal(random.key_data(again), random.key_data(keys))
    mapped = tree.tree_map(lambda x: x, {"key": keys})
    assert type(mapped["key"]) is type(keys)
    first, second = random.split(random.key(0))
    assert not np.array_equal(random.key_data(first), random.key_data(second))


def test_indexing_of_keys() -> None:
    keys = random.split(random.key(0), 4)
    data = np.asarray(random.key_data(keys))
    for index in (1, slice(1, 3), ..., (..., 2), None):
        np.testing.assert_array_equal(random.key_data(keys[index]), data[index if index is not ... else slice(None)]
                                      if not isinstance(index, tuple) else data[2])  # fmt: skip


def test_vmap_over_keys(jax: Any) -> None:
    from axil.vectorization import vmap

    def draw(module: Any) -> Any:
        return lambda k: module.normal(k, (3,))

    wanted = jax.vmap(draw(jax.random))(jax.random.split(jax.random.PRNGKey(1), 4))
    close(vmap(draw(random))(random.split(random.PRNGKey(1), 4)), wanted, 2e-5)
    close(vmap(draw(random))(random.split(random.key(1), 4)), wanted, 2e-5)


# ---- bits and what follows from them exactly -----------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_bits(jax: Any, shape: tuple, dtype: str) -> None:
    with wide(jax, dtype == "uint64"):
        equal(random.bits(random.PRNGKey(2), shape, dtype), jax.random.bits(jax.random.PRNGKey(2), shape, dtype))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_uniform(jax: Any, shape: tuple, dtype: str) -> None:
    dtype = jax.numpy.dtype(dtype)
    with wide(jax, dtype == np.float64):
        equal(random.uniform(random.PRNGKey(4), shape, dtype), jax.random.uniform(jax.random.PRNGKey(4), shape, dtype))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
@pytest.mark.parametrize("limits", [(-3.5, 2.25), (0, 10), (np.float32(2), np.float32(2)), (np.zeros((3, 1)), 5)])
def test_uniform_between_limits(jax: Any, dtype: str, limits: tuple) -> None:
    """XLA fuses the multiplication and the addition, which saves one rounding."""
    dtype = jax.numpy.dtype(dtype)
    with wide(jax, dtype == np.float64):
        got = np.asarray(random.uniform(random.PRNGKey(4), (3, 40), dtype, *limits))
        wanted = np.asarray(jax.random.uniform(jax.random.PRNGKey(4), (3, 40), dtype, *limits))
    assert got.dtype == wanted.dtype
    atol = 10 * float(jax.numpy.finfo(dtype).eps) / 2
    np.testing.assert_allclose(got.astype(np.float64), wanted.astype(np.float64), rtol=0, atol=atol)
    assert (got >= np.asarray(limits[0], dtype)).all() and (got <= np.asarray(limits[1], dtype)).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "uint64"])
@pytest.mark.parametrize("limits", [(0, 10), (-5, 7), (0, 256), (7, 7), (9, 3), (-1000, 1000), (0, 2**31 - 1)])
def test_randint(jax: Any, dtype: str, limits: tuple) -> None:
    low, high = limits
    with wide(jax, dtype.endswith("64")):
        for pair in (limits, (np.full((3, 1), low, np.int32), np.int32(high))):
            got = random.randint(random.PRNGKey(5), (3, 4), *pair, dtype)
            equal(got, jax.random.randint(jax.random.PRNGKey(5), (3, 4), *pair, dtype))


EXACT = [
    ("rademacher", ((9,),)),
    ("bernoulli", ()),
    ("bernoulli", (0.3, (4, 5))),
    ("bernoulli", (np.array([0.1, 0.9], np.float32), None)),
    ("bernoulli", (0.3, (9,), "high")),
    ("permutation", (10,)),
    ("permutation", (0,)),
    ("permutation", (np.arange(12).reshape(3, 4),)),
    ("permutation", (np.arange(12, dtype=np.float32).reshape(3, 4), 1)),
    ("permutation", (np.arange(12).reshape(3, 4), 1, True)),
    ("choice", (100, (10,), False)),
    ("choice", (5,)),
    ("choice", (np.arange(12).reshape(3, 4), (2, 5), True, None, 1)),
    ("choice", (np.arange(12).reshape(3, 4), (2,), False)),
    ("choice", (5, (3, 2), True, np.array([0.1, 0.2, 0.3, 0.2, 0.2], np.float32))),
    ("choice", (5, (3,), False, np.array([0.1, 0.2, 0.3, 0.2, 0.2], np.float32))),
    ("categorical", (np.array([0.0, 1.0, 2.0], np.float32), -1, (10,))),
    ("categorical", (np.arange(12, dtype=np.float32).reshape(3, 4), 0)),
    ("categorical", (np.arange(12, dtype=np.float32).reshape(3, 4), 1, (5, 3))),
    ("categorical", (np.arange(12, dtype=np.float32).reshape(3, 4), -1, (2, 3), False)),
    ("geometric", (0.2, (7,))),
]


@pytest.mark.parametrize("name, arguments", EXACT, ids=[f"{i}-{e[0]}" for i, e in enumerate(EXACT)])
def test_discrete(jax: Any, name: str, arguments: tuple) -> None:
    equal(getattr(random, name)(random.PRNGKey(6), *arguments),
          getattr(jax.random, name)(jax.random.PRNGKey(6), *arguments))  # fmt: skip


# ---- what follows from them up to rounding -------------------------------------------------------------

ROUNDED = [
    ("normal", ((1000,),)),
    ("normal", ()),
    ("normal", ((3, 0),)),
    ("normal", ((50,), np.complex64)),
    ("truncated_normal", (-1.0, 2.0, (500,))),
    ("truncated_normal", (np.array([[-1.0], [0.0]], np.float32), 2.0, (2, 50))),
    ("lognormal", (0.5, (50,))),
    ("maxwell", ((50,),)),
    ("exponential", ((500,),)),
    ("gumbel", ((500,),)),
    ("gumbel", ((50,), np.float32, "high")),
    ("laplace", ((500,),)),
    ("logistic", ((500,),)),
    ("cauchy", ((500,),)),
    ("pareto", (2.0, (50,))),
    ("weibull_min", (2.0, 3.0, (50,))),
    ("rayleigh", (2.0, (50,))),
    ("triangular", (0.0, 1.0, 3.0, (50,))),
]


@pytest.mark.parametrize("name, arguments", ROUNDED, ids=[f"{i}-{e[0]}" for i, e in enumerate(ROUNDED)])
def test_continuous(jax: Any, name: str, arguments: tuple) -> None:
    # JAX's erf_inv is off by up to 60 ulp in its tails, hence 2e-5.
    got = getattr(random, name)(random.PRNGKey(8), *arguments)
    close(got, getattr(jax.random, name)(jax.random.PRNGKey(8), *arguments), 2e-5)


REJECTION = [  # JAX 0.10.2's draws under PRNGKey(8), which take it seconds to compile
    ("gamma", (2.5, (4,)), [1.946622610092163, 4.055658340454102, 1.6213871240615845, 2.747638463973999]),
    ("gamma", (0.3, (4,)), [0.006392237264662981, 0.46799084544181824, 0.013414867222309113, 0.013970925472676754]),
    ("loggamma", (0.01, (4,)), [-146.29437255859375, -47.98221206665039, -115.90050506591797, -137.5540313720703]),
    ("beta", (2.0, 3.0, (3,)), [0.23371684551239014, 0.44942528009414673, 0.21815170347690582]),
    ("dirichlet", (np.array([1.0, 2.0, 3.0], np.float32), (2,)),
     [[0.0916803628206253, 0.5643743872642517, 0.3439452052116394],
      [0.15082979202270508, 0.42252209782600403, 0.4266481399536133]]),
    ("chisquare", (3.0, (3,)), [2.014535427093506, 5.326759338378906, 1.5603140592575073]),
    ("t", (3.0, (3,)), [0.7131479382514954, 0.10221213102340698, 0.2244904488325119]),
    ("poisson", (4.0, (8,)), [7, 5, 5, 5, 3, 1, 8, 2]),
    ("poisson", (np.array([0.0, 3.0, 40.0, 1e3], np.float32),), [0, 2, 43, 1022]),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments, wanted", REJECTION, ids=[f"{i}-{e[0]}" for i, e in enumerate(REJECTION)])
def test_rejection(name: str, arguments: tuple, wanted: list) -> None:
    got = np.asarray(getattr(random, name)(random.PRNGKey(8), *arguments))
    assert got.dtype == (np.int32 if name == "poisson" else np.float32)
    np.testing.assert_allclose(got, wanted, rtol=2e-5)


@pytest.mark.parametrize("dtype, rtol", [("bfloat16", 2e-2), ("float16", 1e-2), ("float64", 1e-12)])
@pytest.mark.parametrize("name", ["normal", "exponential", "gumbel", "laplace", "logistic"])
def test_other_widths(jax: Any, name: str, dtype: str, rtol: float) -> None:
    dtype = jax.numpy.dtype(dtype)
    with wide(jax, dtype == np.float64):
        got = getattr(random, name)(random.PRNGKey(9), (200,), dtype)
        close(got, getattr(jax.random, name)(jax.random.PRNGKey(9), (200,), dtype), rtol)


def test_normal_is_exact_to_a_few_ulp() -> None:
    special = pytest.importorskip("scipy.special", reason="scipy is not installed")
    low = np.nextafter(np.float32(-1), np.float32(0))
    u = np.asarray(random.uniform(random.PRNGKey(1), (100_000,), minval=low, maxval=np.float32(1)))
    exact = np.sqrt(2) * special.erfinv(u.astype(np.float64))
    got = np.asarray(random.normal(random.PRNGKey(1), (100_000,)))
    ulp = np.spacing(np.abs(exact).astype(np.float32))
    assert (np.abs(got - exact) / ulp).max() < 8


# ---- distributions are what they say -------------------------------------------------------------------

CONTINUOUS = [
    ("uniform", (), "uniform", ()), ("normal", (), "norm", ()), ("exponential", (), "expon", ()),
    ("gumbel", (), "gumbel_r", ()), ("laplace", (), "laplace", ()), ("logistic", (), "logistic", ()),
    ("cauchy", (), "cauchy", ()), ("maxwell", (), "maxwell", ()),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments, scipy_name, parameters", CONTINUOUS, ids=[c[0] for c in CONTINUOUS])
def test_kolmogorov_smirnov(name: str, arguments: tuple, scipy_name: str, parameters: tuple) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    drawn = np.asarray(getattr(random, name)(random.PRNGKey(123), (10_000,), *arguments))
    assert stats.kstest(drawn, scipy_name, parameters).pvalue > 1e-3


def test_discrete_frequencies() -> None:
    key = random.PRNGKey(3)
    p = np.array([0.5, 0.3, 0.15, 0.05], np.float32)
    for drawn in (random.categorical(key, np.log(p), shape=(20_000,)), random.choice(key, 4, (20_000,), p=p)):
        frequencies = np.bincount(np.asarray(drawn), minlength=4) / 20_000
        np.testing.assert_allclose(frequencies, p, atol=0.02)
    order = np.asarray(random.permutation(key, 1000))
    assert sorted(order.tolist()) == list(range(1000)) and (order != np.arange(1000)).mean() > 0.99


# ---- under a trace -------------------------------------------------------------------------------------

SMALL = [("bits", ((5,),)), ("uniform", ((40,), None, -1, 1)), ("split", (3,)), ("fold_in", (7,)),
         ("randint", ((9,), 0, 17)), ("normal", ((0,),))]  # fmt: skip
TRACED = SMALL + [e for e in EXACT + ROUNDED if not any(a is np.complex64 for a in e[1])]


@pytest.mark.parametrize("name, arguments", TRACED, ids=[f"{i}-{e[0]}" for i, e in enumerate(TRACED)])
def test_traced_as_eager(name: str, arguments: tuple) -> None:
    key = random.PRNGKey(10)
    function = lambda k: [getattr(random, name)(k, *arguments)]
    (got,) = core.run_traced("test", function, [key])
    (wanted,) = function(key)
    assert got.aval is wanted.aval and got.weak_type == wanted.weak_type
    np.testing.assert_array_equal(np.asarray(got), np.asarray(wanted))


# ---- errors --------------------------------------------------------------------------------------------

KEY = random.PRNGKey(0)
ERRORS = [
    (lambda: random.normal(0), TypeError, "takes a random key, got 0"),
    (lambda: random.normal("key"), TypeError, "takes a random key"),
    (lambda: random.normal(np.zeros(2, np.int32)), TypeError, r"u32\[2\], got i32\[2\]"),
    (lambda: random.normal(np.zeros(3, np.uint32)), TypeError, r"got u32\[3\]"),
    (lambda: random.normal(random.split(KEY, 3)), ValueError, "single key.*vmap"),
    (lambda: random.split(random.split(random.key(0), 3)), (TypeError, ValueError), "single key"),
    (lambda: random.normal(KEY, 3), TypeError, "sequence of integers"),
    (lambda: random.normal(KEY, (2.5,)), TypeError, "integers"),
    (lambda: random.normal(KEY, (-1,)), ValueError, "negative"),
    (lambda: random.normal(KEY, (2,), np.int32), ValueError, "floating point"),
    (lambda: random.uniform(KEY, (2,), np.complex64), ValueError, "floating point"),
    (lambda: random.uniform(KEY, (2,), minval=np.zeros(3)), ValueError, "broadcast"),
    (lambda: random.bits(KEY, (2,), np.int32), ValueError, "unsigned"),
    (lambda: random.randint(KEY, (2,), 0, 5, np.float32), TypeError, "integers"),
    (lambda: random.bernoulli(KEY, 1), TypeError, "floating point"),
    (lambda: random.permutation(KEY, 2.5), TypeError, "integer"),
    (lambda: random.choice(KEY, 3, (5,), replace=False), ValueError, "5 draws"),
    (lambda: random.choice(KEY, 0, (5,)), ValueError, "nothing"),
    (lambda: random.choice(KEY, 3, p=np.ones(4) / 4), ValueError, "one probability"),
    (lambda: random.categorical(KEY, np.zeros((2, 3)), shape=(5,)), ValueError, "must end"),
    (lambda: random.key(1.5), TypeError, "integer"),
    (lambda: random.key(np.arange(3)), TypeError, "scalar.*vmap"),
    (lambda: random.key(random.key(0)), TypeError, "random key"),
    (lambda: random.key(2**64), OverflowError, "64 bits"),
    (lambda: random.key(0, impl="mersenne"), ValueError, "threefry2x32"),
    (lambda: random.key(0, impl=3), TypeError, "given by its name"),
    (lambda: random.key(0) == random.key(0, impl="rbg"), TypeError, "key<rbg>"),
    (lambda: random.wrap_key_data(KEY, impl="rbg"), TypeError, r"u32\[4\], got u32\[2\]"),
    (lambda: random.fold_in(KEY, -1), OverflowError, "32 bits"),
    (lambda: random.fold_in(KEY, np.arange(3)), TypeError, "scalar"),
    (lambda: iter(random.key(0)), TypeError, "split"),
]


@pytest.mark.parametrize("call, kind, words", ERRORS, ids=[str(i) for i in range(len(ERRORS))])
def test_errors(call: Any, kind: type, words: str) -> None:
    with pytest.raises(kind, match=f"(?s){words}") as caught:
        call()
    assert isinstance(caught.value, (AxilError, OverflowError, TypeError))


# ---- typed keys ----------------------------------------------------------------------------------------

GENERATORS = ["threefry2x32", "rbg", "unsafe_rbg", "philox2x32", "philox4x32", "threefry4x32"]


@pytest.mark.parametrize("impl", GENERATORS)
def test_generators_agree_with_jax(jax: Any, impl: str) -> None:
    ours, theirs = random.key(2**33 + 7, impl=impl), jax.random.key(2**33 + 7, impl=impl)
    assert str(ours.dtype) == str(theirs.dtype) and random.key_impl(ours) == impl
    data, jax_data = random.key_data, jax.random.key_data
    equal(data(ours), jax_data(theirs))
    equal(data(random.split(ours, (2, 3))), jax_data(jax.random.split(theirs, (2, 3))))
    equal(data(random.fold_in(ours, 17)), jax_data(jax.random.fold_in(theirs, 17)))
    for dtype in ("uint8", "uint32"):
        equal(random.bits(ours, (3, 5), dtype), jax.random.bits(theirs, (3, 5), dtype))


def test_keys_are_compared_and_moved_like_arrays() -> None:
    keys = random.split(random.key(0), (2, 3))
    assert (keys == keys).all() and not (keys != keys).any() and (keys == keys[0]).tolist() == [[True] * 3, [False] * 3]
    assert keys[1, 2].shape == () and keys[..., 0].shape == (2,) and keys[None].shape == (1, 2, 3)
    assert keys.T[2, 1] == keys[1, 2] and keys.swapaxes(0, 1).shape == (3, 2) and keys.reshape(-1)[4] == keys[1, 1]
    assert keys.take(np.array([2, 0]), 1).shape == (2, 2) and keys[:, :1].squeeze(1).shape == (2,)
    assert keys[np.array([1, 0])][0, 0] == keys[1, 0] and len(keys) == 2 and keys.nbytes == 48
    other = keys.at[0, 1].set(random.key(9))
    assert other[0, 1] == random.key(9) and (other == keys).sum() == 5 and keys.at[1].get().shape == (3,)
    with pytest.raises(IndexError):
        keys[0, 0, 0]
    with pytest.raises(TypeError, match="truth value"):
        bool(keys[0, 0])
    with pytest.raises(TypeError, match="key_data"):
        np.asarray(keys)
    with pytest.raises(TypeError):
        hash(keys)


def test_keys_are_copied_and_pickled() -> None:
    key = random.key(1, impl="rbg")
    for copied in (copy.deepcopy(key), copy.copy(key), pickle.loads(pickle.dumps(key))):
        assert copied == key and copied.dtype is key.dtype
    assert pickle.loads(pickle.dumps(key.dtype)) is key.dtype


def test_keys_in_transformations() -> None:
    from axil import jit, lax, vmap

    keys = random.split(random.key(0, impl="philox4x32"), 3)
    rows = vmap(lambda k: random.normal(k, (2,)))(keys)
    assert [r.tolist() for r in rows] == [random.normal(k, (2,)).tolist() for k in keys]

    def step(carry: Any, _: None) -> Any:
        key, sub = random.split(carry)
        return key, random.uniform(sub)

    @jit
    def run(key: Any) -> Any:
        last, drawn = lax.scan(step, key, None, length=3)
        folded = lax.fori_loop(0, 3, lambda i, k: random.fold_in(k, i), key)
        return last, drawn, folded, last == folded, random.clone(key)

    last, drawn, folded, _, same_key = run(keys[0])
    key, wanted = keys[0], []
    for _ in range(3):
        key, number = step(key, None)
        wanted.append(float(number))
    assert last == key and drawn.tolist() == wanted and same_key == keys[0] and last.dtype is keys.dtype
    assert folded == random.fold_in(random.fold_in(random.fold_in(keys[0], 0), 1), 2)


def test_compiled_samplers_are_as_eager() -> None:
    """One program of what loops or hashes; the rest are functions of the same bits."""
    from axil import jit

    def draw(key: Any, rbg: Any) -> list:
        return [
            random.bits(rbg, (5,)), random.uniform(random.split(rbg)[1], (3,)),
            random.gamma(key, np.float32(2.5), (4,)),
        ]  # fmt: skip

    keys = random.key(3), random.key(3, impl="rbg")
    for got, wanted in zip(jit(draw)(*keys), draw(*keys)):
        np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-5)


# ---- derivatives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.05, 0.7, 3.0, 40.0])
def test_derivatives_hold_the_probability_fixed(a: float) -> None:
    """d x / d a of a gamma number is -(dF/da) / (dF/dx), by SciPy's distribution function F in doubles."""
    special = pytest.importorskip("scipy.special", reason="scipy is not installed")
    from axil import grad, jvp, vmap

    keys = random.split(random.key(1), 20)
    x = np.asarray(vmap(lambda k: random.gamma(k, np.float32(a)))(keys), np.float64)
    h = 1e-4 * a
    slope_a = (special.gammainc(a + h, x) - special.gammainc(a - h, x)) / (2 * h)
    density = np.exp((a - 1) * np.log(x) - x - special.gammaln(a))
    got = vmap(lambda k: grad(lambda a: random.gamma(k, a))(np.float32(a)))(keys)
    kept = (x > 1e-30) & (special.gammainc(a, x) < 0.999)
    np.testing.assert_allclose(np.asarray(got)[kept], (-slope_a / density)[kept], rtol=2e-3, atol=1e-6)
    log_slope = vmap(lambda k: jvp(lambda a: random.loggamma(k, a), (np.float32(a),), (np.float32(1),))[1])(keys)
    np.testing.assert_allclose(np.asarray(log_slope)[kept], (np.asarray(got) / x)[kept], rtol=1e-3, atol=1e-6)


def test_keys_are_arrays_to_users() -> None:
    from axil import Array, eval_shape, jit, tree_util

    keys = random.split(random.key(0), 3)
    nest = {"k": keys, "n": [1, None]}
    assert isinstance(keys, Array) and tree_util.all_leaves([keys]) and not tree_util.is_tree_node(type(keys))
    assert tree.leaves(nest)[0] is keys and tree.map(np.shape, nest) == {"k": (3,), "n": [(), None]}
    assert tree.structure(nest) == tree.structure({"k": 0, "n": [1, None]})
    assert [tree_util.keystr(path) for path, _ in tree.leaves_with_path(nest)] == ["['k']", "['n'][0]"]
    swapped = tree.transpose(tree.structure([0, 0]), None, [nest, nest])
    assert [(k == keys).all() for k in swapped["k"]] == [True, True]
    assert tree.broadcast(5, nest) == {"k": 5, "n": [5, None]}
    assert jit(lambda t: tree.map(lambda x: x.ndim, t))({"k": keys}) == {"k": 1}

    of = eval_shape(random.split, keys[0])
    assert (of.shape, of.dtype) == ((2,), keys.dtype) and of == ShapeDtypeStruct((2,), keys.dtype)
    assert not isinstance(of, Array) and repr(of) == "ShapeDtypeStruct(shape=(2,), dtype=key<fry>)"
    drawn = jit(random.normal).lower(ShapeDtypeStruct((), keys.dtype)).compile()(keys[0])
    assert drawn == random.normal(keys[0])


def test_axes_of_keys_are_counted_without_their_words() -> None:
    keys = random.split(random.key(0), (2, 3))
    last = vmap(lambda k: random.split(k[0], 5), in_axes=-1, out_axes=-1)(keys)
    assert last.shape == (5, 3) and (last[:, 1] == random.split(keys[0, 1], 5)).all()
    with pytest.raises(ValueError, match="axis 2 of argument k, .*the words of random keys, and has 2"):
        vmap(lambda k: k, in_axes=2)(keys)
    with pytest.raises(ValueError, match="choose one of -2..1"):
        vmap(lambda k: k, out_axes=2)(keys)
