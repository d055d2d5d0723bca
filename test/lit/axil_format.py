"""Running RUN lines of .mlir tests inside this process: 100 tests take a second instead of half a minute.

A RUN line is a pipe of our own commands and `filecheck`, each perhaps after `not`. lit (`lit test/lit`) uses
`AxilTest`, which falls back to the shell for any other line; pytest calls `run_test` (`test/test_lit.py`).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
from pathlib import Path

COMMANDS = {"axil-opt": "axil.tools.opt", "axil opt": "axil.tools.opt", "axil grad": "axil.tools.grad"}


def run_lines(path: Path) -> list[str]:
    """The RUN lines of a test, continuation lines joined."""
    found: list[str] = []
    for line in re.findall(r"^\s*//\s*RUN:\s*(.*?)\s*$", path.read_text(), re.M):
        if found and found[-1].endswith("\\"):
            found[-1] = found[-1][:-1] + line
        else:
            found.append(line)
    return found


def stages(line: str, path: Path) -> list[list[str]] | None:
    """A RUN line as a pipe of words; `None` if it needs a shell."""
    pipe = []
    for text in re.split(r"\s\|\s", line):
        words = [w.replace("%s", str(path)) for w in shlex.split(text)]
        plain = words[1:] if words[:1] == ["not"] else words
        known = plain[:1] == ["filecheck"] or any(plain[: len(c.split())] == c.split() for c in COMMANDS)
        if not known or any(w in (">", "<", "&&", ";", "%t") for w in words):
            return None
        pipe.append(words)
    return pipe


def run_test(path: Path) -> str | None:
    """Run a test; gives what went wrong, `None` if nothing did."""
    lines = run_lines(path)
    if not lines:
        return "there is no RUN line"
    for line in lines:
        pipe = stages(line, path)
        if pipe is None:
            return f"needs a shell: {line}"
        text = ""
        for words in pipe:
            status, text = _stage(words, text)
            if status is not None:
                return f"{line}\n{status}\n--- output\n{text[-6000:]}"
    return None


def _stage(words: list[str], text: str) -> tuple[str | None, str]:
    """Run one command of a pipe; gives what went wrong and its output."""
    negated = words[0] == "not"
    words = words[1:] if negated else words
    if words[0] == "filecheck":
        ok, message = _filecheck(words[1:], text)
        return (None if ok != negated else message or "filecheck succeeded", text)
    command = next(c for c in COMMANDS if words[: len(c.split())] == c.split())
    rest = [w for w in words[len(command.split()) :] if w != "2>&1"]
    out, err = io.StringIO(), io.StringIO()
    main = importlib.import_module(COMMANDS[command]).main
    with contextlib.redirect_stderr(err):
        try:
            status = main(rest, stdin=io.StringIO(text), stdout=out, stderr=out if "2>&1" in words else err)
        except SystemExit as e:
            status = e.code or 0
    if (status != 0) != negated:
        return f"exit status {status}\n{err.getvalue()}", out.getvalue()
    return None, out.getvalue()


def _filecheck(args: list[str], text: str) -> tuple[bool, str]:
    from filecheck.finput import FInput
    from filecheck.matcher import Matcher
    from filecheck.options import parse_argv_options
    from filecheck.parser import Parser

    options = parse_argv_options(["filecheck", *args])
    message = io.StringIO()
    with contextlib.redirect_stdout(message), contextlib.redirect_stderr(message):
        try:
            text = FInput.canonicalize_line_ends(text)
            status = Matcher(options, FInput("<stdin>", text), Parser.from_opts(options)).run()
        except SystemExit as e:
            status = e.code
        except TypeError:  # filecheck 1.0 stumbles over what it cannot match approximately
            status = 1
    return status == 0, message.getvalue()


try:
    import lit.formats
    import lit.Test
except ImportError:  # pytest runs the tests without lit
    pass
else:

    class AxilTest(lit.formats.ShTest):  # type: ignore[misc]
        """The test format of `lit.cfg.py`."""

        def execute(self, test: object, lit_config: object) -> object:
            """Run one test."""
            path = Path(test.getSourcePath())  # type: ignore[attr-defined]
            if any(stages(line, path) is None for line in run_lines(path)):
                return super().execute(test, lit_config)
            failure = run_test(path)
            return (lit.Test.FAIL, failure) if failure else (lit.Test.PASS, "")
