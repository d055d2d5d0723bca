"""What the tests of the commands share: a command run in this process, a user's file, artifacts made from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from axil.tools.cli import main

MODEL = '''"""A user's file."""
import numpy as np
import axil
from axil import lax

SCALE = axil.core.as_array(np.arange(24, dtype=np.float32).reshape(4, 6))
NUMBER = 3


def predict(x, shift):
    return {"y": lax.tanh(lax.mul(x, SCALE)), "shift": shift}


square = axil.jit(lambda x: lax.mul(x, x))
rows = axil.vmap(lambda x, y: lax.add(x, y), in_axes=(0, None))


@axil.jit(static_argnums=1)
def power(x, n):
    for _ in range(n - 1):
        x = lax.mul(x, x)
    return x


def nested(params, xs, *, scale):
    return [lax.mul(params["w"], scale), xs[1], xs[0]]


def mismatch(x):
    return lax.add(x, SCALE)


def branch(x):
    if lax.gt(x, x):
        return x
    return x


def attribute(x):
    return x.no_such_thing
'''


class Result(NamedTuple):
    """Exit status, stdout and stderr of a command."""

    status: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def axil(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `axil` with arguments, in this process."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as error:  # argparse
            status = int(error.code or 0)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The user's file."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `predict.axil` and `square.axil`."""
    folder = tmp_path_factory.mktemp("artifacts")
    (folder / "model.py").write_text(MODEL)
    for function, types in (("predict", "f32[4,6], f32[]"), ("square", "f32[3]")):
        output = folder / f"{function}.axil"
        assert main(["compile", f"{folder}/model.py:{function}", "--args", types, "-o", str(output)]) == 0
    return folder
