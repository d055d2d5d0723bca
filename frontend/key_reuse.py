"""`debug_key_reuse`: an error where a random key is used a second time.

A key is used by drawing numbers under it and by splitting it; `fold_in` does not use it. Traced programs are looked
through before they run (`axil.compiler.key_uses`): a key used twice, used by all steps of a loop, or used in a branch
and after it, also through slices, reshapes and copies. Between programs and eager operations, keys are told apart by
their values: making a key, by a seed, `split` or `fold_in`, allows one use of it, and `clone` one more. (So two keys
that are made of one seed count as one key until it is used: they give the same numbers.)

Raw keys (`random.PRNGKey`) are checked as well; JAX checks typed ones alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import core, prng
from axil.config import config
from axil.core import Array, Trace, bind, state
from axil.errors import KeyReuseError
from axil.source import SourceLine, user_line

_allowed: dict[bytes, int] = {}
"""How often a key may still be used, by its words; once where it is not here."""
_first: dict[bytes, SourceLine | None] = {}
_lock = threading.Lock()
_MAX_KEYS = 1_000_000


def activate(option: str, active: bool) -> None:
    """Let keys be watched while the option is on in any thread."""
    prng.key_hooks[:] = [_hook] if active else []
    if not active:
        _allowed.clear()
        _first.clear()


def _hook(keys: Any, kind: str) -> Any:
    """A key that is used ("use"), a new one ("fresh"), or one that may be used once more ("clone"): gives it back."""
    if not config.debug_key_reuse:
        return keys
    if type(keys) is prng.PRNGKeyArray:
        return prng.PRNGKeyArray(_hook(keys._data, kind), keys.generator)
    if state.trace is not None:
        from axil.dialects.keys import key_mark

        return bind(key_mark, keys, kind="use" if kind == "use" else "fresh")
    if type(keys) is Array:
        words = keys._numpy.reshape(-1, keys.aval.shape[-1]) if keys.aval.shape else keys._numpy.reshape(1, 1)
        for row in words:
            if kind == "fresh":
                _allow(row.tobytes())
            elif kind == "clone":
                _allow(row.tobytes(), 1)
            else:
                _use(row.tobytes(), keys.aval, user_line())
    return keys


def _allow(words: bytes, more: int = 0) -> None:
    """Allow a key that is made to be used once, or a known one to be used `more` times."""
    with _lock:
        if len(_allowed) > _MAX_KEYS:
            _allowed.clear()
            _first.clear()
        _allowed[words] = _allowed.get(words, 1) + more if more else max(_allowed.get(words, 0), 1)


def _use(words: bytes, of: Any, where: SourceLine | None, by: str = "") -> None:
    with _lock:
        left = _allowed.get(words, 1)
        if left <= 0:
            raise KeyReuseError.of(str(of), where, (), by, _first.get(words))
        _allowed[words] = left - 1
        _first[words] = where


# ---- programs ------------------------------------------------------------------------------------------


def uses_of(trace: Trace, name: str, labels: Sequence[str]) -> Any:
    """What a traced program uses of its operands. Raises `KeyReuseError` where it uses a key twice."""
    from axil.compiler.key_uses import KeyUsedTwice, uses
    from axil.programs import copied

    module = copied(trace.program.module)
    for op in module.operation.regions[0].blocks[0]:  # the pipeline begins at public functions
        if op.attributes["sym_name"].value == name and "sym_visibility" in op.attributes:
            del op.attributes["sym_visibility"]
    try:
        return uses(module, name)
    except KeyUsedTwice as twice:
        line = lambda place: None if place is None else core.line_of_place(place)
        again, first = line(twice.place), line(twice.first)
        text = "another run of the same line, as in a loop" if twice.place == twice.first else ""
        raise KeyReuseError.of("that a program draws under", again or user_line(), labels, text, first) from None


def use_operands(uses: Any, operands: Sequence[np.ndarray], by: str) -> None:
    """Note that a program which is going to run uses keys among its operands and constants."""
    for i, (positions, x) in enumerate(zip(uses.operands, operands)):
        if not positions:
            continue
        width = x.shape[-1] if x.ndim else 1
        rows = sorted({p // width for p in positions})
        words = np.ascontiguousarray(x).reshape(-1, width)
        for row in rows:
            place = uses.places.get((i, next(p for p in positions if p // width == row)))
            where = core.line_of_place(place) if place is not None else user_line()
            _use(words[row].tobytes(), core.aval(x.shape, x.dtype), where, by)
    for text in uses.constants:
        place = uses.places.get(text)
        where = core.line_of_place(place) if place is not None else user_line()
        _use(text, "that is a constant of a program", where, by)


def allow_results(uses: Any, results: Sequence[Array]) -> None:
    """Keys among the results of a program that ran count as new ones, if they are not those that were passed in."""
    for made, x in zip(uses.made, results):
        shape = x.aval.shape
        if made and x.aval.dtype == np.uint32 and shape and shape[-1] in (1, 2, 4) and x.aval.size <= 4096:
            for row in x._numpy.reshape(-1, shape[-1]):
                _allow(row.tobytes())


__all__ = ["KeyReuseError", "activate", "allow_results", "use_operands", "uses_of"]
