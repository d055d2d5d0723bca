"""`debug_key_reuse`: an error where a random key is used twice."""

from __future__ import annotations

import pytest

import axil
import axil.numpy as np
from axil import lax, random
from axil.errors import KeyReuseError

_seed = iter(range(100, 10_000))


def fresh():
    """A key that no other test uses."""
    return random.key(next(_seed))


@pytest.fixture(autouse=True)
def _checking():
    with axil.debug_key_reuse(True):
        yield


def reused(call) -> str:
    with pytest.raises(KeyReuseError) as caught:
        call()
    return str(caught.value)


# ---- what uses a key twice, eagerly and under jit ------------------------------------------------------


def twice(k):
    return random.normal(k) + random.uniform(k)


def split_then_used(k):
    a, b = random.split(k)
    return random.normal(a) + random.normal(k)


def split_twice(k):
    return random.bits(random.split(k)[0]) + random.bits(random.split(k, 3)[1])


def by_slices(k):
    keys = random.split(k, 4)
    return random.normal(keys[1]) + random.normal(keys[::-1][2])


def by_copies(k):
    keys = random.split(k, 2)
    same = np.concatenate([random.key_data(keys)] * 2)[3:].reshape(2)
    return random.normal(keys[1]) + random.normal(random.key_data(keys)[1]) + same[0]


def all_then_one(k):
    keys = random.split(k, 2)
    return np.sum(axil.vmap(random.normal)(keys)) + random.normal(keys[0])


def in_a_loop(k):
    return lax.scan(lambda c, x: (c + random.normal(k), x), 0.0, np.arange(3.0))[0]


def carried_unchanged(k):
    return lax.fori_loop(0, 3, lambda i, c: (c[0], c[1] + random.normal(c[0])), (k, 0.0))[1]


def in_a_branch_and_after(k):
    return lax.cond(random.uniform(fresh()) < 2, lambda: random.normal(k), lambda: 0.0) + random.normal(k)


def through_jit(k):
    draw = axil.jit(random.normal)
    return draw(k) + draw(k)


def under_grad(k):
    return axil.grad(lambda w: w * random.normal(k) + random.normal(k))(1.0)


@pytest.mark.parametrize("f", [
    twice, split_then_used, split_twice, by_slices, by_copies, all_then_one, in_a_loop, carried_unchanged,
    in_a_branch_and_after, through_jit, under_grad,
])  # fmt: skip
def test_uses_of_a_key_twice(f):
    assert "is used again" in reused(lambda: f(fresh()))
    assert "is used again" in reused(lambda: axil.jit(f)(fresh()))


def test_the_message_has_both_lines():
    def f(k):
        x = random.normal(k, (2,))
        return x + random.uniform(k, (2,))

    for call in (f, axil.jit(f)):
        text = reused(lambda call=call: call(fresh()))
        assert "return x + random.uniform(k, (2,))" in text and "it was first used here" in text
        assert "x = random.normal(k, (2,))" in text
    assert "under: jit(f)" in text


# ---- what does not -------------------------------------------------------------------------------------


def split_and_folded(k):
    k, a = random.split(k)
    folded = random.normal(random.fold_in(k, 1)) + random.normal(random.fold_in(k, 2))
    return random.normal(a) + folded + random.normal(k)


def cloned(k):
    return random.normal(random.clone(k)) + random.normal(k)


def one_branch_of_two(k):
    return lax.cond(k.shape == (), random.normal, random.uniform, k)


def loop_that_splits(k):
    def step(carry, x):
        k, total = carry
        k, sub = random.split(k)
        return (k, total + random.normal(sub)), random.uniform(random.fold_in(k, 7))

    return lax.scan(step, (k, 0.0), np.arange(40.0))[0][1]


def rows_of_keys(k):
    return np.sum(lax.map(random.normal, random.split(k, 3)))


def under_checkpoint(k):
    return axil.grad(axil.remat(lambda w: np.sum(np.sin(w * random.normal(k, (3,))))))(1.0)


def same_for_all_examples(k):
    return np.sum(axil.vmap(lambda x: x + random.normal(k))(np.arange(3.0)))


def two_algorithms(k):
    a, b, c = random.split(k, 3)
    return random.poisson(a, 3.0) + random.binomial(b, 10, 0.3) + np.sum(random.multinomial(c, 5, np.ones(3) / 3))


@pytest.mark.parametrize("f", [
    split_and_folded, cloned, one_branch_of_two, loop_that_splits, rows_of_keys, under_checkpoint,
    same_for_all_examples, two_algorithms,
])  # fmt: skip
def test_no_key_is_used_twice(f):
    f(fresh())
    axil.experimental.key_reuse.check(f, fresh())


def test_compiled_programs_use_the_keys_that_are_passed_to_them():
    draw = axil.jit(lambda k: (random.normal(k), k))
    k = fresh()
    _, same = draw(k)
    reused(lambda: draw(k))
    reused(lambda: random.normal(same))
    halves = axil.jit(random.split)
    a, b = halves(fresh())
    assert random.normal(a) != random.normal(b)
    reused(lambda: random.normal(a))


def test_a_key_that_a_jitted_function_closes_over():
    k = fresh()
    f = axil.jit(lambda x: x + random.normal(k))
    f(1.0)
    reused(lambda: f(2.0))


def test_making_a_key_anew():
    assert random.normal(random.key(7)) == random.normal(random.key(7))
    key = random.PRNGKey(next(_seed))
    random.normal(key)
    reused(lambda: random.normal(key))  # raw keys too


def test_results_are_those_without_checks():
    k = random.key(3)
    checked = axil.jit(loop_that_splits)(k)
    with axil.debug_key_reuse(False):
        assert axil.jit(loop_that_splits)(k) == checked == axil.jit(loop_that_splits)(k)


def test_check_runs_nothing():
    k = fresh()
    with pytest.raises(KeyReuseError):
        axil.experimental.key_reuse.check(twice, k)
    axil.experimental.key_reuse.check(random.normal, k)
    random.normal(k)
