"""`axil run`: run an artifact on arrays from files. Uses the runtime alone, as a deployed program would.

    axil run predict.axil --input x.npy --input 0.5 --output y.npy

An input is the name of an .npy file, an array written out (`f32[2,2]=1,2,3,4`; a single value stands for
all), or a number. Inputs go to the leaves of the artifact's arguments in order; `axil inspect` shows them.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from typing import TYPE_CHECKING, Any

from axil.tools.mlir_file import UserError

if TYPE_CHECKING:
    import numpy as np

HELP = "run an .axil artifact on arrays from files"

DTYPES = {
    "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "bool": "bool",
    "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
    "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64",
    "c64": "complex64", "c128": "complex128",
    "f8_e4m3fn": "float8_e4m3fn", "f8_e5m2": "float8_e5m2", "i4": "int4", "u4": "uint4", "i2": "int2", "u2": "uint2",
}  # fmt: skip
"""How dtypes are written on the command line; their full names do as well."""

_HOLDS: dict[str, tuple[type, ...]] = {
    "b": (bool, int), "i": (int,), "u": (int,), "f": (int, float), "c": (int, float, complex),
}  # fmt: skip
_TYPE = re.compile(r"\s*(\w+)\s*\[([\d\s,]*)\]\s*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("artifact", help="an .axil file")
    add(
        "-i",
        "--input",
        action="append",
        default=[],
        metavar="VALUE",
        help="an .npy file, f32[4]=1,2,3,4 or a number",
    )
    add(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help="write a result to an .npy file, not here",
    )
    add(
        "--device",
        default=None,
        metavar="NAME",
        help="cpu, vulkan, cuda:1 ... (default: $AXIL_PLATFORM, else cpu)",
    )
    add(
        "--target",
        default=None,
        metavar="NAME",
        help="which of the artifact's programs (default: the best that fits)",
    )
    add("--repeat", type=_positive, default=1, metavar="N", help="call N times and say how long a call takes")


def run(args: argparse.Namespace) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    from axil.runtime.artifact import load

    program = load(args.artifact, _device(args.device), target=args.target)
    signature = program.signature
    outputs = len(signature.outputs)
    if args.output and len(args.output) != outputs:
        raise UserError(
            f"{program.name} has {outputs} result{_s(outputs)}, got {len(args.output)} --output: {signature}"
        )
    leaves = read_inputs(args.input, signature, program.name)
    results, seconds = _call(program, leaves, args.repeat)
    if args.output:
        for path, result in zip(args.output, results):
            write_array(path, result)
    else:
        print(_shown(signature, results))
    if args.repeat > 1:
        best, middle = min(seconds), statistics.median(seconds)
        print(f"{args.repeat} calls on {program.device}: median {_time(middle)}, fastest {_time(best)}")
    return 0


def read_inputs(texts: list[str], signature: Any, name: str) -> list[Any]:
    """The values of the command line, one for each leaf of a signature."""
    wanted = len(signature.inputs)
    if len(texts) != wanted:
        expected = ", ".join(f"{leaf.path}: {leaf}" for leaf in signature.inputs)
        tail = f" ({expected})" if expected else ""
        raise UserError(f"{name} takes {wanted} input{_s(wanted)}{tail}, got {len(texts)} --input")
    return [_same_bits(parse_value(text), leaf.dtype) for text, leaf in zip(texts, signature.inputs)]


def parse_value(text: str) -> Any:
    """The array or number that a text says: the name of an .npy file, `f32[2]=1,2`, or `2.5`."""
    if not text.endswith(".npy"):
        type_text, equals, values = text.partition("=")
        if equals:
            return _literal(type_text, values)
        number = _number(text)
        if number is not None:
            return number
        raise UserError(f"an input is an .npy file, an array as in f32[2]=1,2, or a number; '{text}' is none of them")
    return _read_array(text)


def parse_type(text: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of a text such as `f32[64,64]`."""
    found = _TYPE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return tuple(int(n) for n in found[2].split(",") if n.strip()), parse_dtype(found[1])
    except ValueError:
        raise UserError(f"'{text}' is no array type; write f32[64,64], or f32[] for a scalar") from None


def parse_dtype(name: str) -> np.dtype[Any]:
    """The dtype of a short or full name."""
    import ml_dtypes
    import numpy as np

    full = DTYPES.get(name, name)
    if full not in DTYPES.values():
        raise UserError(f"unknown dtype '{name}'; the dtypes are {', '.join(DTYPES)}")
    return np.dtype(getattr(ml_dtypes, full, full))


def write_array(path: str, array: Any) -> None:
    """Write an .npy file of exactly this name."""
    import numpy as np

    with open(path, "wb") as file:  # np.save would add a suffix to a name without one
        np.save(file, array)


def _literal(type_text: str, values: str) -> Any:
    import numpy as np

    shape, dtype = parse_type(type_text)
    numbers = [_number(text) for text in values.replace(" ", ",").split(",") if text]
    size = int(np.prod(shape))
    if None in numbers or len(numbers) not in (1, size):
        plural = "value" if size == 1 else "values"
        raise UserError(f"{type_text.strip()} needs {size} {plural}, or one for all, got '{values}'")
    if not all(isinstance(x, _HOLDS.get(dtype.kind, _HOLDS["f"])) for x in numbers):  # bfloat16 is of kind V
        raise UserError(f"{type_text.strip()} cannot hold '{values}'")
    try:
        array = np.array(numbers, dtype if dtype.kind in "iu" else None).astype(dtype)
    except OverflowError:
        raise UserError(f"{type_text.strip()} cannot hold '{values}'") from None
    return np.array(np.broadcast_to(array.reshape(()), shape)) if len(numbers) == 1 else array.reshape(shape)


def _number(text: str) -> Any:
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float, complex):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _read_array(path: str) -> Any:
    import numpy as np

    try:
        with open(path, "rb") as file:
            return np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} is no .npy file that can be read: {str(error).splitlines()[0]}") from None


def _same_bits(value: Any, dtype: Any) -> Any:
    """An .npy file does not know bfloat16, and keeps such arrays as 2-byte records."""
    if getattr(value, "dtype", None) is not None and value.dtype.kind == "V" and value.dtype.itemsize == dtype.itemsize:
        return value.view(dtype)
    return value


def _device(name: str | None) -> Any:
    """The device called 'cpu', 'vulkan', 'cuda:1'."""
    if name is None:
        return None
    from axil.runtime import devices

    platform, _, number = name.partition(":")
    found = devices(platform)
    if number and (not number.isdigit() or int(number) >= len(found)):
        raise UserError(f"there is no device '{name}'; there are {', '.join(map(str, found))}")
    return found[int(number or 0)]


def _call(program: Any, leaves: list[Any], count: int) -> tuple[list[Any], list[float]]:
    """Call a program `count` times; gives the leaves of its results, and the seconds of each call."""
    from axil.runtime import tree

    signature = program.signature
    positional = len(tree.paths(signature.arguments))
    arguments = tree.unflatten(signature.arguments, leaves[:positional])
    keywords = tree.unflatten(signature.keywords, leaves[positional:])
    seconds, result = [], None
    for _ in range(count):
        start = time.perf_counter()
        result = program(*arguments, **keywords)
        seconds.append(time.perf_counter() - start)
    return tree.flatten(signature.results, result), seconds


def _shown(signature: Any, results: list[Any]) -> str:
    """Results as text, numbered where there are several."""
    if len(results) == 1:
        return f"{signature.outputs[0]}\n{results[0]}"
    parts = [f"{i}: {leaf.path} {leaf}\n{x}" for i, (leaf, x) in enumerate(zip(signature.outputs, results))]
    return "\n".join(parts)


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of times")
    return int(text)
