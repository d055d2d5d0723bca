"""Kernels of sorts and linear algebra inside the dispatch of a loop give what they give outside, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as jnp
from axil import lax, random
from axil.scipy import linalg


def positive(m: Any) -> Any:
    return m @ m.T + 2 * jnp.eye(m.shape[-1])


BODIES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "solve": (lambda m: jnp.linalg.solve(positive(m), m[0]), (5, 5)),
    "solve, a batch": (lambda m: jnp.linalg.solve(m[:, None] * jnp.eye(3) + 1, m[..., None]), (4, 3)),
    "inv and slogdet": (lambda m: (jnp.linalg.inv(positive(m)), jnp.linalg.slogdet(m)), (3, 3)),
    "cholesky": (lambda m: jnp.linalg.cholesky(positive(m)), (20, 20)),
    "cho_solve": (lambda m: linalg.cho_solve(linalg.cho_factor(positive(m)), m[0]), (4, 4)),
    "solve_triangular": (lambda m: linalg.solve_triangular(positive(m), m[0], lower=True), (4, 4)),
    "qr": (lambda m: jnp.linalg.qr(m), (6, 3)),
    "lstsq": (lambda m: jnp.linalg.lstsq(m, jnp.ones(6))[0], (6, 3)),
    "eigh": (lambda m: jnp.linalg.eigh(positive(m))[0], (5, 5)),
    "svd": (lambda m: jnp.linalg.svd(m, compute_uv=False), (5, 4)),
    "pinv": (lambda m: jnp.linalg.pinv(m), (3, 4)),
    "schur": (lambda m: (lambda t, q: q @ t @ q.T)(*linalg.schur(m)), (4, 4)),
    "tridiagonal_solve": (lambda m: lax.linalg.tridiagonal_solve(m[0], m[1] + 5, m[2], m[3:].T), (4, 6)),
    "sort": (lambda m: (jnp.sort(m, axis=0), jnp.argsort(m, axis=1)), (3, 40)),
    "sort, several keys": (lambda m: lax.sort((jnp.round(m), m * 2, m), num_keys=2), (2, 9)),
    "sort of bytes": (lambda m: jnp.sort((m * 50).astype(np.int8)), (3, 40)),
    "sort of halves": (lambda m: jnp.sort(m.astype(np.float16)), (3, 40)),
    "top_k": (lambda m: lax.top_k(m, 3), (3, 40)),
    "searchsorted": (lambda m: jnp.searchsorted(jnp.sort(m[0]), m[1]), (2, 20)),
    "a permutation": (lambda m: random.permutation(random.key(3), m), (7, 2)),
    "median": (lambda m: jnp.median(m, axis=0), (5, 3)),
    "both branches": (
        lambda m: lax.cond(m[0, 0] > 0, jnp.linalg.inv, jnp.linalg.cholesky, positive(m)), (4, 4)
    ),
    "a loop in the loop": (
        lambda m: lax.fori_loop(0, 3, lambda i, v: jnp.linalg.solve(positive(m) + i, v), m[0]), (4, 4)
    ),
}  # fmt: skip


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", BODIES)
def test_the_loop_is_one_dispatch_and_right(name: str, double: bool) -> None:
    body, shape = BODIES[name]
    rng = np.random.default_rng(0)
    with axil.enable_x64(double):
        dtype = np.float64 if double else np.float32
        start, rows = rng.normal(size=shape).astype(dtype), rng.normal(size=(4, *shape)).astype(dtype)
        kept = start.copy(), rows.copy()

        def run(start: Any, rows: Any) -> Any:
            return lax.scan(lambda m, row: (0.9 * m + 0.1 * row, body(m)), start, rows)

        compiled = axil.jit(run)
        lines = str(compiled.lower(start, rows).loop_report()).splitlines()
        assert all("one dispatch" in line or "inside the dispatch" in line for line in lines), lines
        found = compiled(start, rows)
        np.testing.assert_array_equal(start, kept[0])
        np.testing.assert_array_equal(rows, kept[1])
        with axil.disable_jit():
            wanted = run(start, rows)
    tolerance = 1e-10 if double else 1e-4
    for a, b in zip(axil.tree.leaves(found), axil.tree.leaves(wanted), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if name == "qr":  # columns have any sign
            a, b = np.abs(a), np.abs(b)
        np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rows", [1, 3])
def test_work_for_several_cores_stays_a_dispatch_of_its_own(rows: int) -> None:
    x = np.ones((rows, 5000), np.float32)
    report = str(axil.jit(lambda x: lax.fori_loop(0, 5, lambda i, v: jnp.sort(v), x)).lower(x).loop_report())
    assert ("one dispatch" in report) == (rows == 1)


@pytest.mark.parametrize("carries, outputs", [(40, 1), (2, 45), (25, 25)])
@pytest.mark.parametrize("loop", ["scan", "while"])
def test_more_arrays_than_a_dispatch_takes_share_buffers(carries: int, outputs: int, loop: str) -> None:
    rng = np.random.default_rng(1)
    kinds = (np.float32, np.float32, np.int32, np.bool_, np.uint8, np.float32)
    start = [(rng.normal(size=(2, 1 + i % 4)) * 9).astype(kinds[i % len(kinds)]) for i in range(carries)]
    start[0] = np.float32(0.5)
    rows = [rng.normal(size=(6, i % 3 + 1)).astype(np.float32) for i in range(outputs)]

    def rotated(state: Any) -> list:
        """Each array becomes the next one of its type, so that carries are read after others are written."""
        state = list(state)
        for kind in dict.fromkeys(kinds):
            own = [i for i, x in enumerate(state) if x.dtype == kind and x.shape == state[-1].shape]
            for i, x in zip(own, [state[j] for j in own[1:] + own[:1]]):
                state[i] = x
        return [x if x.dtype == bool else x + 1 if x.dtype != np.float32 else x * 0.5 for x in state]

    def scan(start: Any, rows: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            state = rotated(state)
            state[0] = state[0] + row[0][0]
            return state, [r * state[0] for r in row]

        return lax.scan(step, start, rows, reverse=True)

    def while_(start: Any, rows: Any) -> Any:
        extra = [r[0] for r in rows]
        state = (0, start, extra)
        step = lambda s: (s[0] + 1, rotated(s[1]), [x * 0.5 for x in s[2]])
        return lax.while_loop(lambda s: s[0] < 5, step, state)

    run = scan if loop == "scan" else while_
    compiled = axil.jit(run)
    assert "one dispatch" in str(compiled.lower(start, rows).loop_report())
    found = compiled(start, rows)
    with axil.disable_jit():
        wanted = run(start, rows)
    for a, b in zip(axil.tree.leaves(found), axil.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
