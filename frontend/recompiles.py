"""Why a jitted function is compiled again: the history of its compilations, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axil.config import config
from axil.dialects.avals import Aval
from axil.options import OPTIONS

if TYPE_CHECKING:
    from axil.call_arguments import Arguments

_MOST_CHANGES = 8
"""Changes of one recompilation that are named; the others are counted."""


class Text(str):
    """A text that is shown as it is, also by Python's prompt."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Signature:
    """What decided which program a call used."""

    paths: tuple[str, ...]
    leaves: tuple[tuple[Aval, bool], ...]
    structure: Any
    statics: Mapping[str, Any]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, call: Arguments) -> Signature:
        """The signature of a call in this thread, with its options."""
        leaves = tuple((x.aval, x.weak_type) for x in call.operands)
        options = {name: getattr(config, name) for name, option in OPTIONS.items() if option.traced}
        return cls(tuple(call.paths()), leaves, call.treedef, call.statics(), options)

    def changes(self, new: Signature) -> list[str]:
        """What `new` has that this has not, each in a line."""
        found = []
        if self.structure != new.structure:
            found += _structure_changes(self, new)
        for path, old_leaf, new_leaf in _common(self, new):
            found += [f"{path}: {change}" for change in _leaf_changes(old_leaf, new_leaf)]
        found += _value_changes("static argument ", self.statics, new.statics)
        found += _value_changes("option ", self.options, new.options)
        return found


def _common(old: Signature, new: Signature) -> list[tuple[str, Any, Any]]:
    before = dict(zip(old.paths, old.leaves))
    return [(p, before[p], leaf) for p, leaf in zip(new.paths, new.leaves) if p in before]


def _leaf_changes(old: tuple[Aval, bool], new: tuple[Aval, bool]) -> list[str]:
    (a, weak_before), (b, weak_now) = old, new
    found = []
    if a.shape != b.shape:
        found.append(f"shape {_shape(a)} -> {_shape(b)}")
    if a.dtype != b.dtype:
        found.append(f"dtype {a.dtype.name} -> {b.dtype.name}")
    if weak_before != weak_now:
        names = {True: "weak (a Python number)", False: "strong (an array of a dtype of its own)"}
        found.append(f"type {names[weak_before]} -> {names[weak_now]}")
    return found


def _shape(of: Aval) -> str:
    return "(" + ", ".join(map(str, of.shape)) + ("," if len(of.shape) == 1 else "") + ")"


def _structure_changes(old: Signature, new: Signature) -> list[str]:
    added = [p for p in new.paths if p not in old.paths]
    gone = [p for p in old.paths if p not in new.paths]
    found = [f"structure: {p} is new" for p in added] + [f"structure: {p} is gone" for p in gone]
    return found or [f"structure: {old.structure} -> {new.structure}"]


def _value_changes(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new:
            found.append(f"{what}{name} {'is new' if name in new else 'is gone'}")
        elif type(old[name]) is not type(new[name]) or old[name] != new[name]:
            found.append(f"{what}{name}: {_short(old[name])} -> {_short(new[name])}")
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass
class Compilation:
    """One compilation of a function."""

    signature: Signature
    place: str
    seconds: float
    cached: bool
    changes: Sequence[str] = ()
    after: int = 0  # the number of the earlier one that it is compared with; 0 for the first


@dataclass
class History:
    """The compilations of one function, in order."""

    label: str
    entries: list[Compilation] = field(default_factory=list)

    def compare(self, signature: Signature) -> tuple[int, list[str]]:
        """The most similar earlier compilation (counted from 1), and what is different now."""
        best: tuple[int, list[str]] = (0, [])
        for number, entry in enumerate(self.entries, 1):
            changes = entry.signature.changes(signature)
            if best[0] == 0 or len(changes) <= len(best[1]):  # of equals the latest
                best = number, changes
        return best

    def add(self, signature: Signature, place: str, seconds: float, cached: bool) -> Compilation:
        """Take down a compilation."""
        after, changes = self.compare(signature)
        entry = Compilation(signature, place, seconds, cached, changes, after)
        self.entries.append(entry)
        return entry

    def explain(self) -> Text:
        """The whole history in words."""
        if not self.entries:
            return Text(f"{self.label} has not been compiled yet")
        count = len(self.entries)
        lines = [f"{self.label} has been compiled {'once' if count == 1 else f'{count} times'}:"]
        for number, entry in enumerate(self.entries, 1):
            lines += [f"  {number}. {text}" if i == 0 else f"     {text}" for i, text in enumerate(describe(entry))]
        return Text("\n".join(lines))


def describe(entry: Compilation) -> list[str]:
    """A compilation in words, a line each."""
    time = f"{entry.seconds:.2f} s{', from the disk cache' if entry.cached else ''}"
    place = f"at {entry.place}, " if entry.place else ""
    if not entry.after:
        return [f"first call, {place}{time}"]
    changes = list(entry.changes) or ["nothing that this history knows of: its caches were cleared"]
    shown = changes[:_MOST_CHANGES]
    if len(changes) > len(shown):
        shown.append(f"and {len(changes) - len(shown)} more changes")
    return [f"{place}{time}; compared with {entry.after}:", *[f"  {c}" for c in shown]]


__all__ = ["Compilation", "History", "Signature", "Text", "describe"]
