"""Derivatives and batching of every combinator, alone and nested to third order, by numbers.

Each level of a nesting is compared with the level below: `jvp` and `vjp` with central differences of f64
programs, `vmap` with a loop. Then the same nestings go through the pipeline as text, and the interpreter and
StableHLO's own must agree with the first result.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from derive_cases import CASES, FORWARD_ONLY, REVERSE_ONLY
from derive_programs import Program, close, eval_stablehlo, widen

from axil.compiler.passes.passes import run_pipeline
from axil.dialects.errors import AttributeValueError, DifferentiationError, ShapeError
from axil.dialects.factories import ops
from axil.dialects.mlir import context, ir

PIPELINE = "axil-expand,axil-inline,symbol-dce,axil-simplify,cse"
each = pytest.mark.parametrize("case", CASES)


def transformations(case: str) -> list[str]:
    """Those that a case has."""
    left_out = {"vjp"} if case in FORWARD_ONLY else {"jvp"} if case in REVERSE_ONLY else set()
    return [t for t in ("jvp", "vjp", "vmap") if t not in left_out]


def made(case: str, lazy: bool = False) -> tuple[Program, str, list]:
    """The program of a case, its function and operands."""
    program = Program(lazy=lazy)
    return program, *CASES[case](program, np.random.default_rng(1))


def nested(case: str, chain: tuple[str, ...], seed: int) -> tuple[Program, str, list]:
    """A program in which a chain of transformations is declared and not expanded."""
    program, name, arrays = made(case, lazy=True)
    rng = np.random.default_rng(seed)
    for transformation in chain:
        if transformation == "vmap":
            axes = [-1 if rng.random() < 0.3 else 0 for _ in arrays]
            arrays = [widen(x, a, 3, rng) for x, a in zip(arrays, axes)]
            name = program.vmap(name, axes, 3)
        else:
            name = program.jvp(name) if transformation == "jvp" else program.vjp(name)
            more = program.inputs(name)[len(arrays) :]
            arrays = [*arrays, *[0.5 * rng.standard_normal(a.shape) for a in more]]
    return program, name, arrays


# ---- nestings ------------------------------------------------------------------------------------------


@each
def test_derivatives_and_batches_to_third_order(case: str) -> None:
    program, name, arrays = made(case)

    def walk(name: str, arrays: list, depth: int) -> None:
        for i, transformation in enumerate(transformations(case) if depth < 3 else ()):
            rng = np.random.default_rng(10 * depth + i)
            tolerance = 2e-5 if depth > 1 else 1e-6
            walk(*program.check(transformation, name, arrays, rng, tolerance), depth + 1)

    walk(name, arrays, 0)
    program.verify()


@each
def test_pipeline_and_lowering_agree_with_the_interpreter(case: str) -> None:
    choices = transformations(case)
    chains = [c for depth in range(3) for c in itertools.product(choices, repeat=depth)]
    chains += [("vjp", "vjp", "vmap"), ("jvp", "vmap", "jvp")]
    for seed, chain in enumerate(c for c in chains if set(c) <= set(choices)):
        program, name, arrays = nested(case, chain, seed)
        program.main(name)
        text = str(program.module)
        wanted = expanded(text, name).run(name, arrays)
        optimized = Program(text)
        run_pipeline(optimized.module, PIPELINE, verify=True)
        close(Program(str(optimized.module)).run("main", arrays), wanted, 1e-9, f"pipeline of {chain}")
        run_pipeline(optimized.module, "axil-to-stablehlo{kernels=0},cse", verify=True)
        assert "axil." not in str(optimized.module)
        close(eval_stablehlo(optimized.module, arrays), wanted, 1e-9, f"lowering of {chain}")


def expanded(text: str, name: str) -> Program:
    """A program parsed from text, with one of its derived functions expanded."""
    program = Program(text)
    with context(), ir.Location.unknown():
        program.d.expand(name)
    return program


# ---- batches: which operands, and along which axes -----------------------------------------------------


@pytest.mark.parametrize("axes", [(0, -1, -1), (0, 0, 0), (-1, 1, -1), (-1, -1, 0), (-1, -1, -1)])
def test_cond_batched_over_index_and_operands(axes: tuple[int, ...]) -> None:
    program, name, arrays = made("cond_0")
    program.check_vmap(name, arrays, np.random.default_rng(0), axes)


@pytest.mark.parametrize("axes", [(0, -1, -1, -1), (-1, 0, -1, 0), (-1, 1, 0, 1), (0, 0, 0, 0)])
def test_while_batched_over_bound_constant_and_carry(axes: tuple[int, ...]) -> None:
    """A batched bound makes examples stop at different times."""
    program, name, arrays = made("while_counting")
    derived, batch = program.check_vmap(name, arrays, np.random.default_rng(0), axes)
    program.check_jvp(derived, batch, np.random.default_rng(1))


@pytest.mark.parametrize("axes", list(itertools.product((-1, 0), repeat=4)))
def test_scan_batched_over_each_subset_of_operands(axes: tuple[int, ...]) -> None:
    program, name, arrays = made("rnn")
    gradient = program.vjp(name, (0, 1, 3))
    rng = np.random.default_rng(0)
    arrays += [rng.standard_normal(a.shape) for a in program.inputs(gradient)[4:]]
    program.check_vmap(gradient, arrays, rng, (*axes, *(-1,) * (len(arrays) - 4)))


def test_batch_axes_other_than_the_first() -> None:
    program, name, arrays = made("rnn")
    derived = program.vmap(name, (2, 1, -1, 1), 3, out_axes=(1, 0, 1))
    rng = np.random.default_rng(0)
    batch = [widen(x, a, 3, rng) for x, a in zip(arrays, (2, 1, -1, 1))]
    got = program.run(derived, batch)
    rows = [program.run(name, [b if a < 0 else b.take(i, a) for b, a in zip(batch, (2, 1, -1, 1))]) for i in range(3)]
    close(got, [np.stack(c, a) for c, a in zip(zip(*rows), (1, 0, 1))], 1e-12, "vmap")


# ---- choices of what to differentiate ------------------------------------------------------------------


@pytest.mark.parametrize("wrt", [(0,), (1,), (3,), (3, 0), (1, 3)])
def test_vjp_and_jvp_with_respect_to_some(wrt: tuple[int, ...]) -> None:
    """In the order that `wrt` says."""
    program, name, arrays = made("rnn")
    rng = np.random.default_rng(0)
    everything = program.vjp(name)
    cts = [rng.standard_normal(a.shape) for a in program.inputs(everything)[4:]]
    grads = dict(zip((0, 1, 3), program.run(everything, [*arrays, *cts])[3:]))
    some = program.run(program.vjp(name, wrt), [*arrays, *cts])[3:]
    close(some, [grads[i] for i in wrt], 1e-12, "vjp")
    tangents = [rng.standard_normal(arrays[i].shape) for i in wrt]
    moved = program.run(program.jvp(name, wrt), [*arrays, *tangents])[3:]
    lhs = sum(np.sum(c * m) for c, m in zip(cts, moved))
    assert abs(lhs - sum(np.sum(g * t) for g, t in zip(some, tangents))) < 1e-10


def test_vjp_of_some_results() -> None:
    """Results that have no cotangent count as zero."""
    program, name, arrays = made("rnn")
    ct = np.random.default_rng(0).standard_normal(4)
    some = program.run(program.vjp(name, outs=(2,)), [*arrays, ct])
    all_of_them = program.run(program.vjp(name), [*arrays, np.zeros(3), ct])
    close(some, all_of_them, 1e-12, "vjp")


def test_linearize_gives_both_parts() -> None:
    program, name, arrays = made("rnn")
    rng = np.random.default_rng(0)
    linearized = program.derive("linearize", name, wrt=(0, 1, 3))
    tangents = [rng.standard_normal(arrays[i].shape) for i in (0, 1, 3)]
    jvp = program.run(program.jvp(name), [*arrays, *tangents])
    close(program.run(linearized, [*arrays, *tangents]), jvp, 1e-12, "jvp")
    kept = program.run(f"{linearized}.forward", arrays)[3:]
    out = program.run(f"{linearized}.linear", [*kept, *tangents])
    close(out, jvp[3:], 1e-12, "linear part")


def test_transpose_of_a_linear_function() -> None:
    program = Program()
    f = program.define("f", "f64[3], f64[3]", lambda w, x: [ops.mul(w, x), ops.reduce_sum(x, axes=(0,))])
    transposed = program.derive("transpose", f, linear=(1,))
    w, a, b = np.arange(3.0), np.ones(3), np.asarray(2.0)
    close(program.run(transposed, [w, a, b]), [w + 2], 1e-12, "transpose")


def test_checkpoint_and_plain_have_the_same_gradient() -> None:
    program, name, arrays = made("scan_of_checkpoint")
    plain = program.scan("step", 1, 1, 3)
    rng = np.random.default_rng(0)
    ct = rng.standard_normal(3)
    first, second = (program.run(program.vjp(f), [*arrays, ct]) for f in (name, plain))
    close(first, second, 1e-12, "vjp")


@pytest.mark.parametrize("case", sorted(REVERSE_ONLY))
def test_forward_mode_over_reverse_mode_of_custom_vjp(case: str) -> None:
    """Where only the gradient is differentiated, forwards, the rules are ordinary functions."""
    program, name, arrays = made(case)
    rng = np.random.default_rng(0)
    gradient, arrays = program.check("vjp", name, arrays, rng, 1e-6)
    program.check("jvp", gradient, arrays, rng, 1e-6)
    program.check("jvp", *program.check("vmap", gradient, arrays, rng, 1e-6), rng, 1e-6)


def test_custom_rules_are_used() -> None:
    """Rules that are wrong on purpose show that they are what is used, in a batch too."""
    program = Program()
    of = program.define("of", "f64[2]", lambda x: [ops.sin(x)])
    rule = program.define("rule", "f64[2], f64[2]", lambda x, t: [ops.sin(x), ops.add(t, ops.add(t, t))])
    forward = program.define("forward", "f64[2]", lambda x: [ops.sin(x), x])
    backward = program.define("backward", "f64[2], f64[2]", lambda x, ct: [ops.add(ct, ops.add(ct, ct))])
    x, ct = np.array([0.3, 0.4]), np.array([1.0, -2.0])
    for name in (
        program.derive("custom_jvp", of, rule, consts=0),
        program.derive("custom_vjp", of, forward, backward, of_consts=0, forward_consts=0, backward_consts=0),
    ):
        close(program.run(program.vjp(name), [x, ct]), [np.sin(x), 3 * ct], 1e-12, "vjp")
        batched = program.vjp(program.vmap(name, (0,), 2))
        close(program.run(batched, [np.stack([x, x]), np.stack([ct, ct])])[1:], [np.stack([3 * ct] * 2)], 1e-12, "vjp")


# ---- compiled ------------------------------------------------------------------------------------------

COMPILED = [
    ("rnn", ("vjp", "vmap")), ("scan_of_cond", ("vjp", "vjp")), ("while_until_large", ("vmap", "jvp")),
    ("custom_vjp", ("vmap", "vjp")), ("all_of_it", ("vmap", "vjp")),
]  # fmt: skip


@pytest.mark.parametrize("case, chain", COMPILED, ids=[f"{c}-{'-'.join(t)}" for c, t in COMPILED])
def test_compiled_nestings_agree_and_leave_their_operands_alone(case: str, chain: tuple[str, ...]) -> None:
    from axil.compiler.driver import compile_module, hand_over
    from axil.runtime import Executable
    from axil.runtime.buffers import to_device, to_host

    program, name, arrays = nested(case, chain, 0)
    program.main(name)
    text = str(program.module)
    wanted = expanded(text, name).run(name, arrays)
    compiled = Program(text)
    run_pipeline(compiled.module, f"{PIPELINE},axil-to-stablehlo,cse,axil-guard-inputs", verify=True)
    executable = Executable(compile_module(hand_over(compiled.module)))
    kept = [np.array(x) for x in arrays]
    buffers = [to_device(x, executable.device) for x in arrays]
    got = [to_host(v, executable.device) for v in executable.invoke([b.view for b in buffers])]
    close([np.asarray(g) for g in got], wanted, 1e-9, f"{chain} of {case}, compiled")
    close([b.numpy() for b in buffers], kept, 0, "operands afterwards")


# ---- refusals ------------------------------------------------------------------------------------------


def test_reverse_mode_through_while_names_the_way_out() -> None:
    program, name, _ = made("while_counting")
    with pytest.raises(DifferentiationError, match="number of steps is not known.*max_steps=n.*.scan."):
        program.vjp(name)


def test_forward_mode_of_custom_vjp_names_the_way_out() -> None:
    program, name, arrays = made("custom_vjp")
    with pytest.raises(DifferentiationError, match="Use custom_jvp"):
        program.jvp(name)


def test_integers_have_no_gradient() -> None:
    program, name, _ = made("rnn")
    with pytest.raises(DifferentiationError, match=r"operand 2 is i32\[\]"):
        program.vjp(name, (2,))


def test_unbatched_output_of_a_batched_value() -> None:
    program, name, _ = made("rnn")
    with pytest.raises(ShapeError, match="out_axes is None for result 0"):
        program.vmap(name, (0, -1, -1, -1), 3, out_axes=(-1, -1, 0))


def test_recursion_is_refused() -> None:
    text = """
    func.func private @f(%x: tensor<f64>) -> tensor<f64> {
      %0 = call @f(%x) : (tensor<f64>) -> tensor<f64>
      return %0 : tensor<f64>
    }"""
    with pytest.raises(AttributeValueError, match="@f calls itself"):
        Program(text).jvp("f")

