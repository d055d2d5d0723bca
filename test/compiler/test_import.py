"""Import of StableHLO: whatever the declarations lower to comes back with the same meaning."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from derive_cases import CASES
from derive_programs import Program, close, parse_aval

from axil.compiler.passes import import_stablehlo  # noqa: F401  (registers the pass)
from axil.compiler.passes.passes import run_pipeline
from axil.dialects import avals as av
from axil.dialects.errors import AttributeValueError
from axil.dialects.mlir import context
from axil.dialects.op import OPS

context()
SAMPLES = [(op, s, f"{op.name}-{i}") for op in OPS.values() for i, s in enumerate(op.samples)]
ROUND_TRIP = "axil-to-stablehlo{kernels=0},cse,axil-import-stablehlo"


def draw(of: Any, domain: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """A random array."""
    if av.is_bool(of.dtype):
        return np.asarray(rng.integers(0, 2, of.shape)).astype(bool)
    if av.is_integer(of.dtype):
        low = max(domain[0], 0) if av.is_unsigned(of.dtype) else domain[0]
        return np.asarray(rng.integers(int(low), int(domain[1]) + 1, of.shape)).astype(of.dtype)
    return np.asarray(rng.uniform(*domain, of.shape)).astype(of.dtype)


@pytest.mark.parametrize("op, sample, name", SAMPLES, ids=[name for *_, name in SAMPLES])
def test_lowered_op_comes_back(op: Any, sample: Any, name: str) -> None:
    program = Program()
    avals = [parse_aval(text) for text in sample.operands]

    def body(*xs: Any) -> list:
        y = op(*xs, **sample.attributes)
        return list(y) if isinstance(y, (tuple, list)) else [y]

    f = program.define("f", ", ".join(sample.operands), body)
    program.main(f)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    arrays = [draw(a, sample.domain or op.domain, rng) for a in avals]
    wanted = program.run(f, arrays)
    try:
        run_pipeline(program.module, ROUND_TRIP, verify=True)
    except AttributeValueError as error:
        if "its kernel runs on CPUs only" not in str(error):
            raise
        pytest.skip("the op has a kernel only, and kernels do not come back")
    text = str(program.module)
    assert "stablehlo." not in text
    got = Program(text).run("main", arrays)
    if op.determined is not None:
        got, wanted = (op.determined(list(ys), **sample.attributes) for ys in (got, wanted))
    for g, w in zip(got, wanted, strict=True):
        precise = np.finfo(w.dtype).eps if w.dtype.kind in "fc" and w.dtype.itemsize > 1 else 1e-2
        np.testing.assert_allclose(g.astype(complex), w.astype(complex), rtol=60 * precise, atol=60 * precise)


@pytest.mark.parametrize("case", CASES)
def test_lowered_control_comes_back(case: str) -> None:
    program = Program()
    name, arrays = CASES[case](program, np.random.default_rng(1))
    wanted = program.run(name, arrays)
    program.main(name)
    run_pipeline(program.module, ROUND_TRIP, verify=True)
    back = Program(str(program.module))
    close(back.run("main", arrays), wanted, 1e-9, f"import of {case}")


@pytest.mark.parametrize("case", ["rnn", "rnn_reverse", "scan_of_scan", "scan_of_cond", "scan_of_checkpoint"])
def test_imported_loops_have_gradients(case: str) -> None:
    """Counted `while` loops become scans, which reverse mode goes through."""
    program = Program()
    name, arrays = CASES[case](program, np.random.default_rng(1))
    program.main(name)
    run_pipeline(program.module, ROUND_TRIP, verify=True)
    back = Program(str(program.module))
    back.check_vjp("main", arrays, np.random.default_rng(2))


def test_loop_state_that_never_changes_is_not_kept() -> None:
    """Weights that a loop carries become constants of the scan, and no residual of each step."""
    program = Program()
    name, arrays = CASES["rnn"](program, np.random.default_rng(1))
    program.main(name)
    run_pipeline(program.module, "axil-to-stablehlo{kernels=0},cse", verify=True)
    text = str(program.module)
    assert "stablehlo.while" in text
    back = Program(text)
    run_pipeline(back.module, "axil-import-stablehlo", verify=True)
    gradient = Program(str(back.module))
    gradient.vjp("main", (0, 1))
    assert "tensor<4x3x3xf64>" not in str(gradient.module)
