"""`axil.extend`: ops declared outside Axil get every transformation, the checks and documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axil
import axil.extend as extend
import axil.numpy as anp
import axil.testing
from axil.extend import full_like, ops
from axil.test_util import check_grads

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def blocks() -> list[str]:
    """The Python examples of the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


def horner_rules() -> dict[str, Any]:
    """What the page's kernel needs beside its lowering."""

    def reference(x: Any, c: Any) -> Any:
        y = np.zeros_like(x)
        for a in c:
            y = y * x + a
        return y.astype(x.dtype)

    return dict(
        operands=("x", "coefficients"), infer=lambda x, c: x, reference=reference, jvp=extend.no_tangent,
        batch=lambda size, xs, batched: pytest.fail("not batched here"),
        samples=(extend.sample("f32[7]", "f32[3]", grad=False),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The names that the page's examples define."""
    names: dict[str, Any] = {}
    for block in blocks():
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def test_the_examples_of_the_page_pass_all_checks(page: dict) -> None:
    axil.testing.check_op(page["softsign"])
    axil.testing.check_op(page["shift"])


def test_transformations_of_an_op_of_the_users(page: dict) -> None:
    softsign = page["softsign"]
    x = anp.asarray([[-2.0, 0.5, 3.0], [1.0, -0.25, 0.0]])
    plain = lambda x: x / (1 + anp.abs(x))
    np.testing.assert_allclose(softsign(x), plain(x), rtol=1e-6)
    np.testing.assert_allclose(axil.jit(axil.vmap(softsign))(x), plain(x), rtol=1e-6)
    total = lambda f: lambda x: anp.sum(f(x) ** 2)
    x = x + 0.1  # off the kink
    np.testing.assert_allclose(axil.grad(total(softsign))(x), axil.grad(total(plain))(x), rtol=1e-5)
    np.testing.assert_allclose(axil.jit(axil.grad(total(softsign)))(x), axil.grad(total(plain))(x), rtol=1e-5)
    steps = lambda x: axil.lax.scan(lambda c, _: (softsign(c) + 1, c), x, None, length=3)[0]
    np.testing.assert_allclose(axil.jit(axil.vmap(axil.grad(lambda x: steps(x).sum())))(x),
                               axil.vmap(axil.grad(lambda x: steps(x).sum()))(x), rtol=1e-5)  # fmt: skip
    check_grads(softsign, (x,), order=2, rtol=1e-2, atol=1e-2)


def test_attributes_have_defaults_and_are_checked(page: dict) -> None:
    shift, x = page["shift"], anp.arange(5.0)
    np.testing.assert_array_equal(shift(x, by=2), np.roll(np.arange(5.0), 2))
    np.testing.assert_array_equal(axil.grad(lambda x: shift(x, by=1)[0])(x), [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(axil.jit(lambda x: shift(x, by=2))(x), np.roll(np.arange(5.0), 2))
    with pytest.raises(TypeError, match="needs by; its attributes are by, axis"):
        shift(x)
    with pytest.raises(TypeError, match="does not take how"):
        shift(x, by=1, how=2)
    with pytest.raises(TypeError, match="takes 1"):
        shift(x, x, by=1)
    with pytest.raises(TypeError, match=r"axis 3 is out of range for f32\[5\](.|\n)*test_extend.py"):
        shift(x, by=1, axis=3)


def test_a_kernel_in_text(page: dict) -> None:
    horner = extend.op("test_extend.horner", "A polynomial.", lower=page["lower_horner"], **horner_rules())
    x, c = anp.linspace(-1, 1, 7), anp.asarray([2.0, -1.0, 0.5])
    np.testing.assert_allclose(horner(x, c), np.polyval(np.asarray(c), np.asarray(x)), rtol=1e-6)
    np.testing.assert_allclose(axil.jit(horner)(x, c), np.polyval(np.asarray(c), np.asarray(x)), rtol=1e-6)


def test_text_of_an_op_of_the_users_reads_back(page: dict) -> None:
    from axil.dialects.mlir import parse_module

    text = axil.make_ir(page["softsign"])(anp.ones(3))
    text = text if isinstance(text, str) else str(text)
    assert "axil.mylib.softsign" in text
    assert parse_module(text).operation.verify()


CUBE = dict(reference=lambda x: x**3, lower=lambda v, r, c: extend.hlo.op("multiply", v[0], extend.hlo.op(
    "multiply", v[0], v[0])), samples=(extend.sample("f32[3]"),))  # fmt: skip


def test_check_op_says_what_is_wrong() -> None:
    wrong = extend.op(
        "test_extend.wrong", "Wrong in its derivative and its lowering.", reference=lambda x: x**3,
        partials=(lambda y, x: ops.mul(x, x),), samples=(extend.sample("f32[3]"),),
        lower=lambda values, results, context: values[0],
    )  # fmt: skip
    with pytest.raises(AssertionError) as caught:
        axil.testing.check_op(wrong)
    text = str(caught.value)
    assert "'test_extend.wrong' fails 2 checks" in text
    assert "- jvp, on sample('f32[3]')" in text and "- compiled, on sample('f32[3]')" in text


def test_incomplete_declarations_are_refused() -> None:
    with pytest.raises(extend.DeclarationError, match="'package.op', got 'cube'"):
        extend.op("cube", "x cubed.", **CUBE)
    with pytest.raises(extend.DeclarationError, match="2 partials"):
        extend.op("test_extend.cube2", "x cubed.", partials=(None, None), **CUBE)
    with pytest.raises(extend.DeclarationError, match="no batching rule"):
        extend.op("test_extend.cube3", "x cubed.", infer=lambda x: x, **CUBE)
    with pytest.raises(extend.DeclarationError, match="linear"):
        extend.op("test_extend.cube4", "x cubed.", linear=(0,), **CUBE)
    with pytest.raises(ValueError, match="no samples"):
        extend_without = extend.op("test_extend.cube5", "x cubed.", **{**CUBE, "samples": (extend.sample("f32[1]"),)})
        axil.testing.check_op(type("x", (), {"declaration": _without_samples(extend_without.declaration)})())


def _without_samples(op: Any) -> Any:
    object.__setattr__(op, "samples", ())
    return op


def test_an_op_without_a_derivative_says_so() -> None:
    cube = extend.op("test_extend.cube_flat", "x cubed.", **CUBE)
    with pytest.raises(TypeError, match="declared without a derivative"):
        axil.grad(lambda x: cube(x).sum())(anp.ones(3))


def test_declaring_again_replaces_the_rules() -> None:
    first = extend.op("test_extend.again", "x cubed.", **CUBE)
    x = anp.asarray([2.0])
    assert axil.jit(lambda x: first(x))(x)[0] == 8.0
    with pytest.raises(extend.DeclarationError, match="declared already"):
        extend.op("test_extend.again", "x squared.", **CUBE)
    square = {**CUBE, "reference": lambda x: x**2,
              "lower": lambda v, r, c: extend.hlo.op("multiply", v[0], v[0])}  # fmt: skip
    second = extend.op("test_extend.again", "x squared.", replace=True, **square)
    assert second(x)[0] == 4.0
    assert axil.jit(lambda x: second(x))(x)[0] == 4.0
    assert axil.grad(lambda x: second(axil.lax.stop_gradient(x)).sum() + x.sum())(x)[0] == 1.0


def test_rules_may_be_declared_before_the_dialect_is_loaded() -> None:
    code = (
        "import axil.extend as e\n"
        "t = e.op('early.twice', 'Twice x.', reference=lambda x: x + x, partials=(lambda y, x: e.full_like(x, 2),),\n"
        "         lower=lambda v, r, c: e.hlo.op('add', v[0], v[0]), samples=(e.sample('f32[2]'),))\n"
        "import axil, axil.numpy as np\n"
        "print(axil.grad(lambda x: t(x).sum())(np.ones(2)), axil.jit(t)(np.ones(2)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[2. 2.] [2. 2.]"


def test_help_shows_the_declaration(page: dict) -> None:
    assert page["shift"].__doc__.startswith("Elements moved along an axis")
    assert "attribute `by`: int" in page["shift"].__doc__
    assert full_like(np.ones(2), 3).tolist() == [3.0, 3.0]


def test_a_reference_page_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "mypackage.py").write_text('"""Ops of mine."""\n' + blocks()[0].replace("mylib.", "mypackage."))
    command = [sys.executable, "-m", "axil.tools.cli", "docs", "--of", "mypackage", "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "mypackage.md").read_text()
    assert "Ops of mine." in text and "### `axil.mypackage.softsign`" in text and "derivative: yes" in text
    done = subprocess.run([*command[:5], "nowhere"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0 and "cannot import 'nowhere'" in done.stderr and "Traceback" not in done.stderr
