"""The guide's snippets run with `jax` replaced by `axil`: sections 1-4, 6, 7 and "Advanced Techniques".

The guide lies beside the repository (`../shared/guide.md`); where it is missing these tests skip.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).resolve().parents[3] / "shared" / "guide.md"
SECTIONS = (
    "Core Concepts", "Automatic Differentiation", "JIT Compilation", "Vectorization with vmap", "Random Numbers",
    "PyTrees", "Advanced Techniques",
)  # fmt: skip

# The guide adds a bias of shape (2,) to predictions of shape (2, 10), which JAX refuses as well.
REFUSED = {"def mse_loss": TypeError}

pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not beside the repository")


def snippets(section: str) -> list[str]:
    """The Python blocks of a section, with `jax` replaced."""
    text = GUIDE.read_text()
    body = re.split(r"^## ", text, flags=re.M)
    (chosen,) = [b for b in body if b.startswith(section + "\n")]
    blocks = re.findall(r"```python\n(.*?)```", chosen, re.S)
    return [re.sub(r"\bjax\b", "axil", b) for b in blocks]


def names() -> dict[str, Any]:
    """What the snippets take for granted: imports of earlier sections, and stand-ins for the reader's own code."""
    scope: dict[str, Any] = {"__name__": "guide"}
    exec(
        "import axil\nimport axil.numpy as jnp\nimport numpy as np\nfrom functools import partial\n"
        "from axil import grad, jit, lax, random, value_and_grad, vmap\n",
        scope,
    )
    jnp = scope["jnp"]
    scope |= {
        "W": jnp.ones((3, 3)) * 0.1, "b": jnp.zeros(3), "data_loader": [(jnp.ones((4, 2)), jnp.ones(4))],
        "another_layer": lambda x: x * 2,
        "params": {"w": jnp.ones(2), "b": jnp.zeros(())},
        "forward_with_dropout": lambda params, x, key: x @ params["w"] + params["b"],
        "update_params": lambda params, grads: params,
    }  # fmt: skip
    return scope


@pytest.mark.parametrize("section", SECTIONS if GUIDE.exists() else [])
def test_snippets_run(section: str) -> None:
    scope = names()
    for block in snippets(section):
        expected = next((e for mark, e in REFUSED.items() if mark in block), None)
        if expected is not None:
            with pytest.raises(expected, match="incompatible shapes"):
                exec(block, scope)
        else:
            exec(block, scope)


def test_values_that_the_guide_states() -> None:
    scope = names()
    for block in snippets("Core Concepts"):
        exec(block, scope)
    assert int(scope["result"]) == 55
    assert scope["x_multi"].tolist() == [10, 2, 9, 4, 5]
    with pytest.raises(TypeError, match=r"\.at"):
        scope["x"][0] = 10
    for block in snippets("Automatic Differentiation")[:4]:
        if "def mse_loss" not in block:
            exec(block, scope)
    assert float(scope["df_dx"](2.0)) == 15.0
    assert (float(scope["value"]), float(scope["gradient"])) == (9.0, 15.0)  # the guide's comment says 5.0 and errs
    assert scope["jacobian_fwd"].tolist() == [[4, 0], [0, 27], [3, 2]]
    assert scope["hess"].tolist() == [[12, 1], [1, 2]]
    for block in snippets("Advanced Techniques")[:2]:
        exec(block, scope)
    assert float(scope["grad_fn"](5.0)) == 1.0
    assert scope["all_h"].shape == (20, 10)
