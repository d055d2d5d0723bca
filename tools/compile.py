"""`axil compile`: compile a Python function, or an .mlir file, into an artifact that needs no compiler.

    axil compile model.py:predict --args "f32[64,64], f32[]" -o predict.axil --target host --target x86-64-v3
    axil compile model.py:loss --args "{'w': f32[3,4], 'b': f32[4]}, [f32[8,3], f32[8,4]], scale=f32[]"
    axil compile f.mlir -o f.axil

The function may be plain, jitted, or transformed. `--args` is written as a call's arguments, with types for
arrays; a number in it is a value (of a static argument, say).
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import importlib.util
import inspect
import os
import re
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from axil.tools.mlir_file import UserError

HELP = "compile a Python function or an .mlir file into an .axil artifact"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("source", help="model.py:function, package.module:function, or an .mlir file")
    add("--args", default=None, metavar="TYPES", help="arguments of the function: 'f32[64,64], f32[]'")
    add("-o", "--output", default=None, metavar="FILE", help="the artifact (default: FUNCTION.axil)")
    add("-t", "--target", action="append", default=[], metavar="NAME", help="may be repeated (default: host)")
    add("--cpu", default=None, metavar="NAME", help="CPU model of the targets: znver3, neoverse-n1 ...")
    add("--name", default=None, metavar="NAME", help="the program's name (default: the function's)")
    add("--function", default="main", metavar="NAME", help="the function of an .mlir file (default: main)")
    add("--x64", action="store_true", help="keep 64-bit types while tracing, as axil.enable_x64 does")


def run(args: argparse.Namespace) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    from axil.compiler.targets import resolve

    targets = [resolve(name, args.cpu) for name in args.target or ["host"]]
    started = time.perf_counter()
    compile_one = _compile_mlir if args.source.endswith(".mlir") else _compile_python
    output = compile_one(args, targets)
    print(_summary(output, time.perf_counter() - started))
    return 0


def _compile_mlir(args: argparse.Namespace, targets: list[Any]) -> Path:
    if args.args is not None:
        raise UserError("--args is for Python functions; an .mlir file says itself what its function takes")
    output = _output(args.output, Path(args.source).stem)
    from axil import aot
    from axil.tools.mlir_file import read_text

    text = read_text(args.source, sys.stdin)
    name = args.name or (Path(args.source).stem if args.function == "main" else args.function)
    aot.save_module(output, text, targets=targets, name=name, function=args.function, source_name=args.source)
    return output


def _compile_python(args: argparse.Namespace, targets: list[Any]) -> Path:
    source, colon, function = args.source.rpartition(":")
    if not colon or not function or not source:
        source = source or args.source.rstrip(":")
        raise UserError(f"say which function to compile: {source}:NAME (or an .mlir file); got '{args.source}'")
    output = _output(args.output, function.rpartition(".")[2])
    given = _arguments(args.args or "", args.x64)
    from axil import aot
    from axil.config import config, enable_x64

    with _importable(source), enable_x64(args.x64 or config.enable_x64):
        module = _load(source)
        fun = _find(module, function, source)
        _check_call(fun, given, args)
        with _user_errors(module):
            options = {"targets": targets, "name": args.name or function.rpartition(".")[2]}
            aot.save(output, fun, *given[0], **options, **given[1])
    return output


def _output(path: str | None, name: str) -> Path:
    """Where to write; checked before anything is compiled."""
    output = Path(path or f"{name}.axil")
    if not output.parent.is_dir():
        raise UserError(f"cannot write {output}: there is no folder {output.parent}")
    if output.is_dir():
        raise UserError(f"cannot write {output}: it is a folder")
    return output


def _summary(output: Path, seconds: float) -> str:
    from axil.runtime.artifact import open_artifact

    artifact = open_artifact(output)
    names = ", ".join(target.name for target in artifact.targets)
    size = output.stat().st_size / 1e3
    return f"{artifact.name}{artifact.signature}\nwrote {output}: {names}; {size:.1f} kB; {seconds:.2f} s"


# ---- the user's file -----------------------------------------------------------------------------------


class _importable:
    """A context manager: what lies beside a file can be imported, as when the file is run."""

    def __init__(self, source: str) -> None:
        self.folder = os.path.dirname(os.path.abspath(source)) if source.endswith(".py") else os.getcwd()

    def __enter__(self) -> None:
        sys.path.insert(0, self.folder)

    def __exit__(self, *_: object) -> None:
        sys.path.remove(self.folder)


class _user_errors:
    """A context manager: an error of the user's own code is told with the line that raised it."""

    def __init__(self, where: ModuleType | str) -> None:
        self.file = where if isinstance(where, str) else getattr(where, "__file__", None) or ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, tb: Any) -> None:
        if not isinstance(error, Exception) or _says_where(error):
            return
        if isinstance(error, SyntaxError) and error.filename:
            raise UserError(
                f"SyntaxError: {error.msg}", _location(error.filename, error.lineno or 1, error.offset or 1)
            )
        frame = _culprit(traceback.extract_tb(tb), self.file)
        if frame is not None:
            where = _location(frame.filename, frame.lineno or 1, (frame.colno or 0) + 1)
            raise UserError(f"{type(error).__name__}: {error}", where) from error


def _culprit(frames: Sequence[traceback.FrameSummary], file: str) -> traceback.FrameSummary | None:
    """The innermost frame in a file; if there is none, the innermost that is not Axil's."""
    from axil.source import is_internal

    inside = [f for f in frames if f.filename == file]
    return next(reversed(inside or [f for f in frames if not is_internal(f.filename)]), None)


def _says_where(error: Exception) -> bool:
    from axil.dialects.errors import AttributeValueError
    from axil.runtime.errors import AxilError

    return isinstance(error, (AxilError, AttributeValueError, UserError)) or hasattr(error, "error_diagnostics")


def _location(file: str, line: int, column: int) -> str:
    """A place as MLIR writes it, which is what messages are made from."""
    return f'"{file}":{line}:{column}'


def _load(source: str) -> ModuleType:
    """Import a Python file, or a module by its dotted name."""
    if not source.endswith(".py"):
        if not re.fullmatch(r"\w+(\.\w+)*", source) or importlib.util.find_spec(source.partition(".")[0]) is None:
            raise UserError(f"there is no Python file or module '{source}'")
        with _user_errors(source):
            return importlib.import_module(source)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(2, "No such file or directory", source)
    name = path.stem if path.stem not in sys.modules else f"axil_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None and spec.loader is not None  # it is a .py file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    with _user_errors(str(path.resolve())):
        spec.loader.exec_module(module)
    return module


def _find(module: ModuleType, name: str, source: str) -> Any:
    """The function of a name, which may be dotted."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            own = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
            near = difflib.get_close_matches(name, own, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(own) or 'none'}"
            raise UserError(f"{source} has no function '{name}'; {hint}")
        found = getattr(found, part)
    if not callable(found):
        raise UserError(f"{source}: '{name}' is {type(found).__name__}, not a function")
    return found


def _check_call(fun: Any, given: tuple[list, dict], args: argparse.Namespace) -> None:
    """Refuse arguments that the function does not take, before it is traced."""
    taken = {"targets", "name"} & set(given[1])
    if taken:
        raise UserError(f"the keyword '{taken.pop()}' cannot be set by --args; pass it by position")
    try:
        signature = inspect.signature(fun)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*given[0], **given[1])
    except TypeError as error:
        shown = f"--args '{args.args}'" if args.args is not None else "no --args"
        raise UserError(f"{args.source}{signature} cannot be called with {shown}: {error}") from None


# ---- --args --------------------------------------------------------------------------------------------


def _arguments(text: str, x64: bool) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments that `--args` says."""
    complete = re.sub(r"\[\s*\]", "[()]", re.sub(r"(?<![\w\]])\[\s*\]", "list()", text))  # f32[] is no Python
    try:
        call = ast.parse(f"f({complete})", mode="eval").body
    except SyntaxError:
        raise _bad_arguments(text) from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise _bad_arguments(text)
    if any(keyword.arg is None for keyword in call.keywords):
        raise _bad_arguments(text)
    reader = _Reader(text, x64)
    return [reader.value(x) for x in call.args], {k.arg: reader.value(k.value) for k in call.keywords if k.arg}


def _bad_arguments(text: str, part: str = "") -> UserError:
    """The error for what cannot be read."""
    where = f": '{part}' is no type and no value" if part else ""
    return UserError(f"cannot read --args '{text}'{where}; write it as in \"f32[64,64], {{'w': f32[]}}, flag=True\"")


class _Reader:
    """Turns the syntax of `--args` into arguments."""

    def __init__(self, text: str, x64: bool) -> None:
        self.text = text
        self.x64 = x64

    def value(self, node: ast.expr) -> Any:
        """An argument, or a part of one."""
        if isinstance(node, ast.Subscript):
            return self._array(node)
        if isinstance(node, ast.Dict) and None not in node.keys:
            return {self._constant(k): self.value(v) for k, v in zip(node.keys, node.values) if k is not None}
        if isinstance(node, ast.List | ast.Tuple):
            items = [self.value(x) for x in node.elts]
            return items if isinstance(node, ast.List) else tuple(items)
        if isinstance(node, ast.Call) and ast.unparse(node) == "list()":
            return []
        return self._constant(node)

    def _constant(self, node: ast.expr) -> Any:
        try:
            return ast.literal_eval(node)
        except ValueError:
            raise _bad_arguments(self.text, ast.unparse(node)) from None

    def _array(self, node: ast.Subscript) -> Any:
        from axil.config import config
        from axil.shape_structs import ShapeDtypeStruct
        from axil.tools.run import parse_type

        text = ast.unparse(node).replace("()", "").replace("(", "").replace(")", "")
        shape, dtype = parse_type(text)
        wide = dtype.name in ("float64", "int64", "uint64", "complex128")
        if wide and not (self.x64 or config.enable_x64):
            raise UserError(f"{text} is a 64-bit type, and Axil works with 32 bits by default; add --x64 to keep it")
        return ShapeDtypeStruct(shape, dtype)


__all__ = ["HELP", "add_arguments", "run"]
