"""The command `axil` itself: how fast it starts, and how errors and usage come out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command

from axil.tools import cli


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from axil.tools.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
heavy = ["numpy", "torch_mlir", "iree", "iree.compiler", "iree.runtime", "ml_dtypes", "optree", "axil.core",
         "axil.runtime", "axil.compiler", "axil.dialects", "axil.tools.compile"]
print([m for m in heavy if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", [c for c in cli.COMMANDS if c != "docs"])
def test_each_command_helps_itself(axil: Command, command: str) -> None:
    assert cli._module(command).HELP == cli.COMMANDS[command]
    result = axil(command, "--help")
    assert result.status == 0 and result.out.startswith(f"usage: axil {command}")


def test_help_lists_the_commands(axil: Command) -> None:
    result = axil("--help")
    assert result.status == 0
    for command, text in cli.COMMANDS.items():
        assert f"    {command} " in result.out or not text
    assert "docs" not in result.out


def test_version(axil: Command) -> None:
    assert axil("--version").out.startswith("axil 0.")


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["compile"], ["run"], ["run", "a.axil", "--repeat", "0"]])
def test_wrong_usage_is_status_2(axil: Command, argv: list[str]) -> None:
    result = axil(*argv)
    assert result.status == 2
    assert "usage: axil" in result.out + result.err and "Traceback" not in result.err


def test_a_missing_file_is_told_without_traceback(axil: Command) -> None:
    for argv in (["run", "no.axil"], ["inspect", "no.axil"], ["compile", "no.mlir"], ["compile", "no.py:f"]):
        result = axil(*argv)
        file = argv[1].partition(":")[0]
        assert (result.status, result.err) == (1, f"axil: error: {file}: No such file or directory\n")


def test_traceback_on_request(
    axil: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for argv in (["--traceback", "run", "no.axil"], ["run", "no.axil", "--traceback"]):
        with pytest.raises(FileNotFoundError):
            cli.main(argv)
    monkeypatch.setenv("AXIL_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        cli.main(["run", "no.axil"])


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("axil.tools.inspect.run", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main(["inspect", "x"])


def test_an_interrupt_and_a_closed_pipe_are_quiet(axil: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, status in ((KeyboardInterrupt, 130), (BrokenPipeError, 141)):

        def stop(args: object, error: type[BaseException] = error) -> int:
            raise error

        monkeypatch.setattr("axil.tools.inspect.run", stop)
        monkeypatch.setattr(cli, "_drop_output", lambda: None)  # this process needs its stdout
        result = axil("inspect", "x")
        assert result.status == status and "Traceback" not in result.err


def test_a_closed_pipe_in_a_shell(artifacts: Path) -> None:
    """Output into a pipe that nobody reads."""
    command = f"{sys.executable} -m axil.tools.cli inspect --ir {artifacts / 'predict.axil'} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
