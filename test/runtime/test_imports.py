"""`axil.runtime` is floor 0: it works where no compiler, no MLIR and no frontend is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from _programs import binary, compiled

from axil.compiler.artifact import write
from axil.compiler.targets import resolve
from axil.runtime.signature import Signature

ONLY_RUNTIME = """
import sys

class Blocked:
    names = ("torch_mlir", "iree.compiler", "optree", "jax", "axil.dialects", "axil.compiler", "axil.numpy",
             "axil.tools", "axil.transforms", "axil.trace", "axil.array", "axil.tree")
    def find_spec(self, name, path=None, target=None):
        if any(name == blocked or name.startswith(blocked + ".") for blocked in self.names):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ONLY_RUNTIME + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_an_artifact_runs_with_everything_else_blocked(tmp_path: Path):
    x = np.ones(4, np.float32)
    path = tmp_path / "add.axil"
    programs = {resolve("host"): compiled(binary("add", "4"))}
    write(path, name="add", programs=programs, signature=Signature.of((x, x), x))
    code = """
import numpy as np
import axil.runtime as rt
print(rt.load(sys.argv[1])(np.arange(4, dtype=np.float32), np.ones(4, np.float32)).tolist())
floors = ("axil.compiler", "axil.dialects", "axil.numpy", "torch_mlir", "iree.compiler", "optree")
print([name for name in sys.modules if name.startswith(floors)])
"""
    done = run(code, str(path))
    assert (done.returncode, done.stdout) == (0, "[1.0, 2.0, 3.0, 4.0]\n[]\n"), done.stderr


def test_importing_does_not_import_iree_yet():
    done = run("import axil.runtime\nprint([n for n in sys.modules if n.split('.')[0] == 'iree'])")
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_all_public_names_are_there():
    import axil.runtime as rt

    for name in rt.__all__:
        assert getattr(rt, name).__class__, name
