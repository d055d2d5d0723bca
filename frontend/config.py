"""Process configuration with thread-local overrides.

An option is read as a plain attribute (``config.enable_x64``), which is what the hot paths do. The process-
wide value is an attribute of the class; ``with enable_x64(True):`` shadows it with an attribute of the
running thread alone (`threading.local` looks up the thread's own attributes first and then the class's), so
a read needs no function call and no lock, and one thread's override is never seen by another.

To add an option, add one line to `_OPTIONS` and, for readers and type checkers, one annotated class
attribute.
"""

from __future__ import annotations

import contextlib
import operator
import os
import threading
from typing import Any


def _flag(variable: str, default: bool = False) -> bool:
    """Reads a boolean environment variable; an unreadable value is an error, never silently false."""
    text = os.environ.get(variable)
    if text is None or text.strip() == "":
        return default
    word = text.strip().lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off"):
        return False
    raise ValueError(f"environment variable {variable}={text!r} is not a boolean; use 1 or 0")


_OPTIONS = {"enable_x64": "AXIL_ENABLE_X64", "disable_jit": "AXIL_DISABLE_JIT"}
"""Every option with the environment variable that sets its initial value."""


class Config(threading.local):
    """The options. Read them as attributes; change them with `update` or the context managers."""

    enable_x64: bool = False
    """Keep 64-bit types. When off, 64-bit types are narrowed to their 32-bit counterparts on entry."""
    disable_jit: bool = False
    """Run the bodies of `jit`, `scan`, `cond` ... op by op in Python, for debugging."""

    def update(self, name: str, value: bool) -> None:
        """Sets an option for the whole process (``"jax_"`` and ``"axil_"`` prefixes are accepted).

        A thread inside ``with enable_x64(...)`` keeps its override until that block ends.
        """
        name = _option_name(name)
        if not isinstance(value, bool):
            raise TypeError(f"config option {name} takes True or False, got {value!r}")
        setattr(Config, name, value)

    def read(self, name: str) -> bool:
        """The value of an option by name, prefix allowed, as seen by this thread."""
        return getattr(self, _option_name(name))

    @property
    def values(self) -> dict[str, bool]:
        """All options as this thread sees them."""
        return {name: getattr(self, name) for name in _OPTIONS}

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"config.{name} = ... would be ambiguous about threads: use "
            f"config.update({name!r}, {value!r}) for the whole process, or "
            f"'with axil.enable_x64(...)' / 'with axil.disable_jit()' for this thread"
        )


def _unknown(name: str) -> str:
    return f"unknown config option {name!r}; the options are {', '.join(_OPTIONS)}"


def _option_name(name: str) -> str:
    """Strips the accepted prefixes and checks that the option exists."""
    bare = name.removeprefix("jax_").removeprefix("axil_")
    if bare not in _OPTIONS:
        raise AttributeError(_unknown(name))
    return bare


config = Config()
"""The one configuration object."""

for _name, _variable in _OPTIONS.items():
    setattr(Config, _name, _flag(_variable, getattr(Config, _name)))
    for _prefix in ("jax_", "axil_"):
        # Properties instead of __getattr__, which would slow down the reads of every option threefold.
        setattr(Config, _prefix + _name, property(operator.attrgetter(_name)))

_UNSET = object()


class _Override(contextlib.ContextDecorator):
    """A context manager (and decorator) that sets one option for the current thread."""

    def __init__(self, name: str, value: bool):
        self._name, self._value = name, bool(value)
        self._saved: list[Any] = []  # a stack: one object may be entered again while it is active

    def _recreate_cm(self) -> _Override:
        return _Override(self._name, self._value)  # as a decorator it may run in several threads at once

    def __enter__(self) -> None:
        own = config.__dict__  # this thread's attributes
        self._saved.append(own.get(self._name, _UNSET))
        own[self._name] = self._value

    def __exit__(self, *exc: object) -> None:
        saved = self._saved.pop()
        if saved is _UNSET:
            config.__dict__.pop(self._name, None)
        else:
            config.__dict__[self._name] = saved


def enable_x64(new_val: bool = True) -> _Override:
    """``with enable_x64(True):`` keeps 64-bit types within the block, in this thread."""
    return _Override("enable_x64", new_val)


def disable_jit(disable: bool = True) -> _Override:
    """``with disable_jit():`` runs traced functions op by op within the block, in this thread."""
    return _Override("disable_jit", disable)


# `axil.config` is this module, and users expect the object there: `axil.config.update("enable_x64", True)`.
update = config.update
read = config.read


def __getattr__(name: str) -> Any:
    return getattr(config, name)
