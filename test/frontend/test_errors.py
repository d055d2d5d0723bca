"""Error classes and messages, and finding the user's line."""

from __future__ import annotations

import contextlib
import functools
import linecache
import pathlib
import pickle
import subprocess
import sys
import textwrap
import timeit

import pytest

from axil import errors, source
from axil.source import Location, SourceLine

OF_TRACERS = [
    errors.ConcretizationTypeError,
    errors.TracerBoolConversionError,
    errors.TracerIntegerConversionError,
    errors.TracerArrayConversionError,
    errors.NonConcreteBooleanIndexError,
    errors.UnexpectedTracerError,
    errors.KeyReuseError,
]


def user_module(tmp_path, text):
    """Runs a module of the user's that defines functions of a callback `probe`."""
    file = tmp_path / "model.py"
    file.write_text(textwrap.dedent(text))
    scope: dict = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    return file, scope


# --- the classes


def test_bases():
    assert issubclass(errors.TracerBoolConversionError, errors.ConcretizationTypeError)
    assert issubclass(errors.ConcretizationTypeError, TypeError)
    assert issubclass(errors.NonConcreteBooleanIndexError, IndexError)
    assert issubclass(errors.JaxRuntimeError, RuntimeError)
    assert issubclass(errors.PyTreeError, ValueError)
    public = [getattr(errors, name) for name in errors.__all__]
    for cls in (c for c in public if isinstance(c, type)):
        assert issubclass(cls, errors.AxilError) and cls.__doc__


def test_bases_match_the_oracle():
    jax_errors = pytest.importorskip("jax.errors")
    for name in dir(jax_errors):
        cls = getattr(jax_errors, name)
        if isinstance(cls, type):
            for base in (TypeError, IndexError, ValueError, RuntimeError):
                assert not issubclass(cls, base) or issubclass(getattr(errors, name), base), (name, base)


@pytest.mark.parametrize("cls", OF_TRACERS, ids=lambda c: c.__name__)
def test_every_message_has_place_chain_and_way_out(cls):
    where = SourceLine("model.py", 12, 7, "    if x > 0:", "loss", 12)
    error = cls.of("f32[3]", where, ["jit(loss)", "vmap"], "the test")
    text = str(error)
    for part in ["f32[3]", "model.py:12, in loss", "    if x > 0:", "jit(loss) > vmap", "the test", "way"]:
        assert part in text, text
    assert error.__doc__.count("::") >= 1  # the worked ways out
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls and str(again) == text
    assert str(cls.of("f32[3]")).startswith(text.splitlines()[0][:5])  # nothing but the value known


def test_bool_conversion_message_in_full():
    where = SourceLine("model.py", 12, 7, "    if x > 0:", "loss", 12)
    lines = str(errors.TracerBoolConversionError.of("bool[]", where, ["jit(loss)"])).splitlines()
    assert lines[:5] == [
        "the truth value of a traced bool[] is not known yet",
        "  --> model.py:12, in loss",
        "   12 |     if x > 0:",
        "      |        ^^^^^",
        "  under: jit(loss)",
    ]
    assert lines[5].startswith("  why: under jit(loss) the function runs once for all values")
    assert lines[6] == "  ways out:" and all(line.startswith("    - ") for line in lines[7:])
    for way in ["axil.numpy.where", "axil.lax.cond", "static_argnums"]:
        assert any(way in line for line in lines[7:])


def test_leak_shows_where_the_value_was_created():
    created = SourceLine("model.py", 3, None, "y = x + 1", "f")
    text = str(errors.UnexpectedTracerError.of("f32[]", None, [], "jit(f)", created))
    assert "after the end of jit(f)" in text and "model.py:3, in f" in text and "y = x + 1" in text


# --- the user's place


def test_exact_expression(tmp_path):
    file, scope = user_module(
        tmp_path,
        """
        def loss(probe, x):
            y = 1 + probe(x,
                          2)
            return [y, probe(x)]
        """,
    )
    seen = []
    scope["loss"](lambda *args: seen.append(axil_entry()) or 0, 5)
    assert [(s.line, s.function) for s in seen] == [(3, "loss"), (5, "loss")]
    assert seen[1].text[seen[1].column : seen[1].end_column] == "probe(x)"
    assert seen[0].text[seen[0].column :] == "probe(x,"
    assert seen[1].excerpt() == (
        f"  --> {file}:5, in loss\n   5 |     return [y, probe(x)]\n     |                ^^^^^^^^"
    )


def axil_entry():
    """Stands for a function of Axil's: called in a file that counts as internal."""
    return source.user_line()


@pytest.fixture(autouse=True)
def internal_entry(request, monkeypatch):
    """Makes this test file internal for the tests that run code of a generated user module."""
    if "tmp_path" in request.fixturenames:
        monkeypatch.setattr(source, "_internal_files", {*source._internal_files, __file__})
        source._is_internal.clear()
    yield
    source._is_internal.clear()
    source._sites.clear()


def test_columns_count_characters_and_tabs_stay(tmp_path):
    _, scope = user_module(tmp_path, 'def f(probe):\n\tstr("äöü") + str(probe())\n')
    seen = []
    scope["f"](lambda: seen.append(axil_entry()))
    assert seen[0].text[seen[0].column : seen[0].end_column] == "probe()"
    marked = seen[0].marked().splitlines()
    assert marked[1].index("^") == marked[0].index("probe()") and "\t" in marked[1]


def test_frames_of_axil_functools_and_contextlib_are_skipped(tmp_path):
    _, scope = user_module(
        tmp_path,
        """
        def f(probe, wrap):
            return wrap(probe)()
        """,
    )

    def through_partial(probe):
        return functools.partial(functools.cache(probe))

    def through_decorator(probe):
        return contextlib.contextmanager(lambda: iter([0]))()(probe)

    for wrap in (through_partial, through_decorator):
        got = scope["f"](lambda: axil_entry(), wrap)
        assert (got.line, got.function) == (3, "f")
    assert source.is_internal(errors.__file__)
    repository = pathlib.Path(source.__file__).parent.parent
    if pathlib.Path(source.__file__).parent.name == "frontend":
        assert source.is_internal(str(repository / "dialects" / "mlir.py"))
        assert not source.is_internal(str(repository / "benchmarks" / "run.py"))


def test_user_frame_is_a_plain_triple():
    file, line, function = source.user_frame()
    assert file == __file__ and function == "test_user_frame_is_a_plain_triple" and line > 0
    line = source.user_line()
    assert line is not None and line.text.strip() == "line = source.user_line()"
    assert source.user_frame(depth_limit=0) == source.UNKNOWN[:3]


def test_code_without_a_file():
    seen = []
    exec(compile("probe()", "<stdin>", "exec"), {"probe": lambda: seen.append(sys._getframe(1))})
    assert not source.is_internal("<stdin>") and source.is_internal("<frozen importlib._bootstrap>")
    assert source.excerpt("<stdin>", 1) == "  --> <stdin>:1"
    assert source.excerpt("/nowhere/at_all.py", 3) == "  --> /nowhere/at_all.py:3"
    assert str(Location("a.py", 3, "f")) == "a.py:3, in f"


def test_notebook_cells_have_their_text():
    name = "<ipython-input-7>"
    linecache.cache[name] = (9, None, ["x = f(1)\n"], name)
    assert source.excerpt(name, 1, 4, 8).splitlines()[1:] == ["   1 | x = f(1)", "     |     ^^^^"]


def test_two_calls_on_one_line_are_told_apart():
    a, b = source.user_location(), source.user_location()
    assert a.line == b.line and a.column != b.column


def test_cost_of_a_known_place():
    def deep(n):
        return source.user_frame() if n == 0 else deep(n - 1)

    deep(0)
    once = min(timeit.repeat(lambda: source.user_frame(), number=2000, repeat=5)) / 2000
    assert once < 20e-6  # about 1 us; the bound leaves room for a busy machine


def test_importing_these_modules_is_light():
    """The compiler's packages are imported on first need only."""
    code = (
        "import sys, axil.errors, axil.tree_util, axil.dtypes, axil.source, axil.config;"
        "print([m for m in ('torch_mlir', 'iree.compiler', 'jax') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert out.stdout.strip() == "[]", out.stderr
