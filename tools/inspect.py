"""`axil inspect`: what an artifact holds. Opening an artifact checks its seal: a damaged one is refused.

Needs the runtime alone.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

HELP = "show what an .axil artifact holds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("artifact", help="an .axil file")
    add("--ir", action="store_true", help="print the program before lowering, as MLIR, and nothing else")
    add("--json", action="store_true", help="print the manifest as JSON, and nothing else")
    add("--verify", action="store_true", help="compare each file in it with its recorded SHA-256")


def run(args: argparse.Namespace) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    from axil.runtime.artifact import open_artifact
    from axil.tools.mlir_file import UserError

    artifact = open_artifact(args.artifact)
    if args.ir:
        if not artifact.source:
            raise UserError(f"{args.artifact} was written without its IR")
        print(artifact.source, end="")
    elif args.json:
        print(json.dumps(artifact.manifest, indent=1, sort_keys=True))
    else:
        print("\n".join(describe(artifact)))
    if args.verify:
        print("\n".join(verify(artifact)))
    return 0


def describe(artifact: Any) -> list[str]:
    """The artifact in lines for people."""
    size = os.path.getsize(artifact.path)
    lines = [f"{artifact.name}{artifact.signature}", f"  {artifact.path}: {size:,} bytes", ""]
    lines += _leaves("arguments", artifact.signature.inputs)
    lines += _leaves("results", artifact.signature.outputs)
    lines += ["targets", *[line for entry in artifact.targets for line in _target(artifact, entry)]]
    lines += _weights(artifact)
    lines += ["made with", *[f"  {name} {version}" for name, version in sorted(artifact.versions.items())]]
    lines += [f"  {key}: {value}" for key, value in sorted(artifact.metadata.items())]
    return lines


def verify(artifact: Any) -> list[str]:
    """Read every file in the artifact; raises `ArtifactError` where one is not what was written."""
    checked = ["the seal over the whole file is right"]
    for file, digest in sorted(artifact.manifest["files"].items()):
        artifact.read(file)
        checked.append(f"  {file} is right: {digest}")
    return checked


def _leaves(title: str, leaves: Any) -> list[str]:
    width = max((len(leaf.path) for leaf in leaves), default=0)
    return [title, *[f"  {leaf.path:{width}}  {leaf}" for leaf in leaves]] if leaves else [title, "  none"]


def _target(artifact: Any, entry: Any) -> list[str]:
    from axil.runtime.cpu import host_arch, missing_features

    lines = [f"  {entry.name}: {entry.platform} {entry.arch}, {len(artifact.read(entry.file)):,} bytes"]
    if entry.platform != "cpu":
        return lines
    features = " ".join(entry.cpu_features) or f"those of every {entry.arch}"
    if entry.arch != host_arch():
        verdict = f"this machine is {host_arch()}"
    elif missing := missing_features(entry.cpu_features):
        verdict = f"this machine lacks {' '.join(missing)}"
    else:
        verdict = "this machine has them"
    return [*lines, f"    needs CPU features: {features} ({verdict})"]


def _weights(artifact: Any) -> list[str]:
    found = artifact.weights()
    if not found:
        return []
    total = sum(x.nbytes for x in found.values())
    shown = [f"  {name}  {x.dtype.name}[{','.join(map(str, x.shape))}]" for name, x in found.items()]
    return [f"weights: {total:,} bytes", *shown]
