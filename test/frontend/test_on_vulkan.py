"""Programs of the public API on a Vulkan device, each in a process whose default device it is."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import axil
import axil.numpy as anp
import axil.runtime as rt

try:
    DEVICE = rt.devices("vulkan")[0]
    REASON = ""
except rt.DeviceError as error:
    DEVICE, REASON = None, f"{error} (apt-get install mesa-vulkan-drivers libvulkan1)"

pytestmark = pytest.mark.skipif(DEVICE is None, reason=REASON)

SETUP = """
import numpy as np
import axil, axil.numpy as jnp
from axil import lax, random

assert str(axil.runtime.default_device()) == "VulkanDevice(id=0)"
rng = np.random.default_rng(0)

def A(*shape, dtype="float32"):
    return jnp.asarray(rng.normal(size=shape).astype(dtype))

def check(f, *args, rtol=1e-4):
    with axil.disable_jit():
        wanted = axil.tree_util.tree_leaves(f(*args))
    kept = [np.array(x) for x in args]
    found = axil.tree_util.tree_leaves(axil.jit(f)(*args))
    assert len(found) == len(wanted)
    for x, y in zip(found, wanted):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        kind = complex if x.dtype.kind == "c" else float
        np.testing.assert_allclose(np.asarray(x).astype(kind), np.asarray(y).astype(kind), rtol, rtol)
    for x, y in zip(args, kept):
        assert np.asarray(x).tobytes() == y.tobytes()
"""

TRAINING = """
def step(w, b, v, x, y):
    def loss(w, b, v):
        logits = jnp.tanh(x @ w + b) @ v
        return jnp.mean(jnp.sum((jnp.log(jnp.sum(jnp.exp(logits), 1, keepdims=True)) - logits) * y, 1))

    value, (dw, db, dv) = axil.value_and_grad(loss, (0, 1, 2))(w, b, v)
    return value, w - 0.1 * dw, b - 0.1 * db, v - 0.1 * dv

w, b, v, x, y = A(16, 32), A(32), A(32, 10), A(8, 16), jnp.eye(10)[:8]
check(step, w, b, v, x, y)
jitted, first = axil.jit(step), None
for _ in range(20):
    value, w, b, v = jitted(w, b, v, x, y)  # results stay on the device and are given back
    first = value if first is None else first
assert float(value) < float(first)
check(lambda x: axil.vmap(axil.grad(lambda r: jnp.sum(jnp.sin(r) ** 3)))(x), A(5, 4))
"""

NUMERIC = """
x = A(64)
check(lambda x: [jnp.sin(x), jnp.cos(x), jnp.exp(x), jnp.log(abs(x)), jnp.tanh(x), jnp.cbrt(x), jnp.mod(x, 0.7)], x)
check(lambda x, y: [jnp.arctan2(x, y), jnp.power(abs(x), y), jnp.expm1(x), lax.erf(x), jnp.arcsin(x / 9)], x, A(64))
check(lambda x: [x.sum(), x.max(1), x.argmax(1), x.std(), jnp.cumsum(x, 1), jnp.any(x > 0)], A(9, 9))
check(lambda x, y: [x @ y, jnp.einsum("ij,kj->ik", x, y.T)], A(17, 33), A(33, 5))
check(lambda x: [x // 3, x % 3, x << 1, ~x, jnp.sort(x), x.astype("float32"), x.astype("bfloat16")],
      jnp.array([-5, 3, 70]))
check(lambda x: [x + 1, jnp.sort(x), jnp.cumsum(x), jnp.sign(x)], jnp.array([5, 3, 255], "uint8"))
check(lambda x: [x + 1, x @ x, jnp.exp(x), x.sum()], A(8, 8, dtype="float16"), rtol=1e-2)
check(lambda x: [x + 1, jnp.sin(x), x.sum(), x.max(0), x.min()], A(8, 8).astype("bfloat16"), rtol=2e-2)
check(lambda x: [x * x, jnp.exp(x), abs(x), x.conj()], A(4, 4) + 1j * A(4, 4))
check(lambda x: [x.sum(), x + 1], jnp.zeros((0, 3)))
check(lambda x: (x, x + 1, x), A(4))
"""

CONTROL = """
check(lambda x: lax.scan(lambda c, v: (jnp.tanh(c + v), c * v), x[0], x), A(20, 4))
check(lambda x: lax.scan(lambda c, v: (jnp.tanh(c @ c.T + v), jnp.sum(c)), jnp.zeros((6, 6)), x), A(10, 6, 6))
check(lambda x: lax.while_loop(lambda s: jnp.sum(s) < 100, lambda s: s * 2 + 1, x), jnp.ones(4))
check(lambda x: lax.fori_loop(0, 10, lambda i, s: s * 0.5 + i, x), A(4))
check(lambda x: lax.cond(x.sum() > 0, lambda v: v * 2, lambda v: v - 1, x), A(5))
check(lambda i, x: lax.switch(i, [lambda v: v, lambda v: v * 3, jnp.sin], x), jnp.int32(1), A(5))
last = lambda v, x: lax.scan(lambda c, u: (jnp.tanh(c * u + c), c.sum()), v, x)[0].sum()
check(lambda x: axil.grad(last)(x[0], x), A(9, 4))
"""

INDEXING = """
x, i = A(9, 9), jnp.array([0, 3, 8, 3])
check(lambda x, i: [x[i], jnp.take(x, i, axis=1), x[i, i], x[2:5, ::-1]], x, i)
check(lambda x, i: [x.at[i].set(1.0), x.at[i].add(x[:4]), x.at[:, i].max(0.5), x.at[2:4].multiply(3)], x, i)
check(lambda x, i: [lax.dynamic_slice(x, (i, 0), (2, 3)), lax.dynamic_update_slice(x, x[:2, :2], (i, i))],
      x, jnp.int32(4))
check(lambda x: [jnp.sort(x), jnp.argsort(x), jnp.sort(x.reshape(8, 8), axis=0)], A(64))
check(lambda k: [random.uniform(k, (50,)), random.normal(k, (50,)), random.randint(k, (50,), 0, 9), random.split(k, 3),
                 random.permutation(k, 20), random.bernoulli(k, 0.3, (9,))], random.PRNGKey(0))
"""

ONE_DEVICE = """
import os

x = axil.jit(lambda x: x * 2)(jnp.arange(4.0))
os.environ["AXIL_PLATFORM"] = "cpu"  # too late: arrays are on the other device
assert axil.jit(lambda x: x + 1)(x).tolist() == [1.0, 3.0, 5.0, 7.0] and x.tolist() == [0.0, 2.0, 4.0, 6.0]
assert str(axil.runtime.default_device()) == "VulkanDevice(id=0)"
"""

PROGRAMS = {"training": TRAINING, "numeric": NUMERIC, "control flow": CONTROL, "indexing": INDEXING,
            "one device": ONE_DEVICE}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_public_api(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETUP + PROGRAMS[name]], env=os.environ | {"AXIL_PLATFORM": "vulkan"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_an_artifact_for_vulkan(tmp_path: pathlib.Path) -> None:
    weights = anp.asarray(np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))  # stored in the artifact

    def predict(inputs: dict) -> tuple:
        return anp.tanh(inputs["x"] @ weights), inputs["x"].sum()

    x = np.ones((2, 40), np.float32)
    axil.aot.save(tmp_path / "p.axil", predict, {"x": x}, targets=("host", "vulkan"))
    here, there = rt.load(tmp_path / "p.axil"), rt.load(tmp_path / "p.axil", device=DEVICE)
    assert there.device is DEVICE and there.target.platform == "vulkan"
    for a, b in zip(here({"x": x}), there({"x": x})):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)
