"""`debug.breakpoint`: what the prompt shows, its commands, and where it stops."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil import debug, lax

TWO = np.float32(2.0)


def talk(run, *commands: str) -> list[str]:
    """What is said while `run(stdin, stdout)` stops and gets these commands; the prompt's own text is left out."""
    out = io.StringIO()
    run(io.StringIO("\n".join(commands) + "\n"), out)
    return out.getvalue().replace("(axdb) ", "").splitlines()


def traced(x, stdin, stdout):
    scale = 3
    y = x * scale
    pair = {"y": y, "name": "pair"}
    debug.breakpoint(stdin=stdin, stdout=stdout)
    return y * pair["y"]


def callers(x, stdin, stdout):
    outer = x + 1
    return traced(outer, stdin, stdout)


WAYS = {
    "eager": lambda i, o: callers(anp.asarray(TWO), i, o),
    "grad": lambda i, o: axil.grad(lambda x: callers(x, i, o))(TWO),
    "jit": lambda i, o: axil.jit(lambda x: callers(x, i, o))(TWO),
    "jit of grad": lambda i, o: axil.jit(axil.grad(lambda x: callers(x, i, o)))(TWO),
}


@pytest.mark.parametrize("way", WAYS)
def test_values_of_the_run_in_the_users_frames(way):
    lines = talk(
        WAYS[way], "p y", "scale", "pair['y'] + 1", "[v * scale for v in [y]]", "up", "p outer", "down", "nothing", "c"
    )
    assert lines[0] == "Entering axdb:"
    assert re.fullmatch(r"> .*test_breakpoint.py\(\d+\) traced", lines[1])
    assert any(line.startswith("->") and "debug.breakpoint(" in line for line in lines)
    values = [line for line in lines if line.startswith(("Array", "[Array", "3", "***"))]
    assert values == [
        "Array(9., dtype=float32)", "3", "Array(10., dtype=float32)", "[Array(27., dtype=float32)]",
        "Array(3., dtype=float32)", "*** NameError: name 'nothing' is not defined",
    ]  # fmt: skip
    assert sum(bool(re.fullmatch(r"> .*\) callers", line)) for line in lines) == 1


def test_other_commands():
    lines = talk(WAYS["grad"], "where", "list", "locals", "pp pair", "d", "", "help", "continue")
    text = "\n".join(lines)
    assert re.search(r"  .*\) callers\n.*return traced\(outer.*\n> .*\) traced\n", text)
    assert "scale = 3" in lines and "pair = {'y': Array(9., dtype=float32), 'name': 'pair'}" in lines
    assert "{'name': 'pair', 'y': Array(9., dtype=float32)}" in lines
    assert "This is the innermost frame." in lines
    assert any(line.endswith("scale = 3") and not line.startswith("->") for line in lines)
    assert "Documented commands" in text


def test_end_of_input_goes_on_and_quit_ends():
    out = io.StringIO()
    result = axil.jit(lambda x: traced(x, io.StringIO(""), out))(TWO)
    assert float(result) == 36.0 and "Entering axdb" in out.getvalue()
    for way in WAYS.values():
        with pytest.raises(SystemExit):
            talk(way, "quit")


def test_vmap_stops_for_each_example():
    run = lambda i, o: axil.vmap(lambda x: traced(x, i, o))(np.arange(2, dtype=np.float32))
    lines = talk(run, "p x", "c", "p x", "c")
    assert [line for line in lines if line.startswith(("Entering", "Array"))] == [
        "Entering axdb, example 0 of vmap:", "Array(0., dtype=float32)",
        "Entering axdb, example 1 of vmap:", "Array(1., dtype=float32)",
    ]  # fmt: skip


def test_loops_see_what_is_around_them():
    def f(x, stdin, stdout):
        around = x * 10

        def body(i, c):
            lax.cond(i == 1, lambda: debug.breakpoint(stdin=stdin, stdout=stdout), lambda: None)
            return c + around

        return lax.fori_loop(0, 3, body, x)

    for run in (lambda i, o: axil.grad(lambda x: f(x, i, o))(TWO), lambda i, o: axil.jit(lambda x: f(x, i, o))(TWO)):
        lines = talk(run, "up", "p c", "p i", "up", "p around", "c")
        arrays = [line for line in lines if line.startswith("Array")]
        assert arrays == ["Array(22., dtype=float32)", "Array(1, dtype=int32)", "Array(20., dtype=float32)"]


def test_frames_that_are_asked_for():
    def f(x, i, o, **options):
        debug.breakpoint(stdin=i, stdout=o, **options)
        return x

    lines = talk(lambda i, o: axil.grad(lambda x: f(x, i, o, num_frames=1))(TWO), "up", "c")
    assert "This is the outermost frame." in lines
    lines = talk(lambda i, o: axil.grad(lambda x: f(x, i, o, filter_frames=False))(TWO), "where", "c")
    assert any("/running.py(" in line for line in lines)


def test_tokens():
    def f(x, i, o):
        y = debug.breakpoint(token=x * 2, stdin=i, stdout=o)
        return y + 1

    out = io.StringIO()
    assert float(axil.jit(lambda x: f(x, io.StringIO("c\n"), out))(TWO)) == 5.0 and "Entering" in out.getvalue()
    with pytest.raises(TypeError, match="two ways to say when"):
        debug.breakpoint(token=TWO, ordered=True)
    with pytest.raises(TypeError, match="no backend 'web'"):
        debug.breakpoint(backend="web")


def test_over_a_pipe(tmp_path):
    """A program of its own, with commands from a pipe and the answers on its output."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent("""
        import axil, axil.debug
        def f(x):
            y = x * 2
            axil.debug.breakpoint()
            return y
        print("result", axil.grad(f)(3.0))
    """))
    run = lambda text: subprocess.run(
        [sys.executable, program], input=text, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    done = run("p y\nc\n")
    assert "Array(6., dtype=float32" in done.stdout and "result 2.0" in done.stdout and done.returncode == 0
    done = run("quit\n")
    assert "result" not in done.stdout and done.returncode == 0 and "Traceback" not in done.stderr
