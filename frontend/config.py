"""Process configuration with thread-local overrides.

An option is read as a plain attribute (``config.enable_x64``), which is what the hot paths do. The process-
wide value is an attribute of the class; ``with enable_x64(True):`` shadows it with an attribute of the
running thread alone (`threading.local` looks up the thread's own attributes first and then the class's), so
a read needs no function call and no lock, and one thread's override is never seen by another.

Two attributes are made from the others, so that a call of a jitted function reads two and not ten: `trace_key`, a
number for the values of all options that change what is traced, and `watching`, whether calls have to be looked at.

The options themselves are in `axil.options`. Each has an environment variable, ``AXIL_`` and its name in capitals.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import operator
import os
import sys
import threading
from typing import Any

from axil.options import OPTIONS, REFUSED, Option

_UNSET: Any = object()
_lock = threading.RLock()
_overriding: dict[int, dict[str, Any]] = {}
"""The attributes of each thread that overrides an option, by the thread's number."""
_trace_keys: dict[tuple, int] = {}
_watchers: set[str] = set()
"""Other reasons than options for looking at calls, such as a running profiler."""


class Config(threading.local):
    """The options. Read them as attributes; change them with `update` or the context managers."""

    trace_key: int = 0
    """A number that differs where options that change what is traced differ: for keys of caches."""
    watching: bool = False
    """Whether a jitted function has to look at each call, for the sake of an option or the profiler."""

    enable_x64: bool = False
    disable_jit: bool = False
    debug_nans: bool = False
    debug_infs: bool = False
    log_compiles: bool = False
    explain_cache_misses: bool = False
    check_tracer_leaks: bool = False
    debug_key_reuse: bool = False
    enable_checks: bool = False
    no_tracing: bool = False
    no_execution: bool = False
    enable_custom_prng: bool = False
    legacy_prng_key: str = "allow"
    default_prng_impl: str = "threefry2x32"
    threefry_partitionable: bool = True
    numpy_rank_promotion: str = "allow"
    numpy_dtype_promotion: str = "standard"
    default_matmul_precision: str | None = None
    default_device: Any = None
    transfer_guard_host_to_device: str | None = None
    transfer_guard_device_to_host: str | None = None
    transfer_guard_device_to_device: str | None = None
    array_garbage_collection_guard: str | None = None

    def update(self, name: str, value: Any) -> None:
        """Sets an option for the whole process (``"jax_"`` and ``"axil_"`` prefixes are accepted).

        A thread inside ``with enable_x64(...)`` keeps its override until that block ends. Raises `AttributeError`
        for an option that does not exist, `TypeError` or `ValueError` for a value that it does not take.
        """
        name = _option_name(name)
        if name == "transfer_guard":
            for part in _GUARDS:
                self.update(part, value)
            return
        option = OPTIONS[name]
        value = option.check(name, value)
        if option.apply is not None:
            option.apply(value)
        with _lock:
            setattr(Config, name, value)
            _refresh_all()
        _activate(name)

    def read(self, name: str) -> Any:
        """The value of an option by name, prefix allowed, as seen by this thread."""
        return getattr(self, _option_name(name))

    @property
    def values(self) -> dict[str, Any]:
        """All options as this thread sees them."""
        return {name: getattr(self, name) for name in OPTIONS}

    @property
    def transfer_guard(self) -> str | None:
        """The guard of all directions, where they have the same."""
        found = {getattr(self, name) for name in _GUARDS}
        return found.pop() if len(found) == 1 else None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"config.{name} = ... would be ambiguous about threads: use "
            f"config.update({name!r}, {value!r}) for the whole process, or "
            f"'with axil.enable_x64(...)' / 'with axil.disable_jit()' for this thread"
        )


_GUARDS = ("transfer_guard_host_to_device", "transfer_guard_device_to_device", "transfer_guard_device_to_host")


def _unknown(name: str) -> str:
    bare = name.removeprefix("jax_").removeprefix("axil_")
    if bare in REFUSED:
        return f"Axil has no config option {name!r}: {REFUSED[bare]}"
    near = difflib.get_close_matches(bare, OPTIONS, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown config option {name!r}{hint} The options are {', '.join(OPTIONS)}"


def _option_name(name: str) -> str:
    """Strips the accepted prefixes and checks that the option exists."""
    bare = name.removeprefix("jax_").removeprefix("axil_")
    if bare not in OPTIONS and bare != "transfer_guard":
        raise AttributeError(_unknown(name))
    return bare


config = Config()
"""The one configuration object."""


# ---- what is made of the options -----------------------------------------------------------------------

_TRACED = tuple(name for name, option in OPTIONS.items() if option.traced)
_WATCHED = tuple(name for name, option in OPTIONS.items() if option.watched)


def _refresh(own: dict[str, Any] | None) -> None:
    """Make `trace_key` and `watching` anew: of one thread with overrides, or (None) of the process."""
    overrides = own or {}
    values = tuple([overrides.get(name, getattr(Config, name)) for name in _TRACED])
    key = _trace_keys.setdefault(values, len(_trace_keys))
    watching = bool(_watchers) or any(
        overrides.get(name, getattr(Config, name)) not in (OPTIONS[name].default, "allow") for name in _WATCHED
    )
    if own is None:
        Config.trace_key, Config.watching = key, watching
    else:
        own["trace_key"], own["watching"] = key, watching


def _refresh_all() -> None:
    _refresh(None)
    for own in _overriding.values():
        _refresh(own)


def watch(reason: str, on: bool) -> None:
    """Look at calls of jitted functions for another `reason` than an option, in all threads, until it is off."""
    with _lock:
        (_watchers.add if on else _watchers.discard)(reason)
        _refresh_all()


def _anywhere(name: str) -> bool:
    """Whether an option differs from its default in the process or in any thread."""
    default = OPTIONS[name].default
    return any(own.get(name, default) != default for own in [*_overriding.values(), {name: getattr(Config, name)}])


_ready = False
"""Whether arrays exist, so that the modules behind options can be imported."""


def _activate(name: str) -> None:
    """Tell the module behind an option whether it is in use anywhere."""
    module = OPTIONS[name].module
    if module and _ready:
        active = _anywhere(name)
        if active or module in sys.modules:
            importlib.import_module(module).activate(name, active)


def activate_all() -> None:
    """Put options into force that were set before there were arrays; `axil.core` calls this once."""
    global _ready
    _ready = True
    for name in OPTIONS:
        if _anywhere(name):
            _activate(name)


# ---- the environment -----------------------------------------------------------------------------------


def variable(name: str) -> str:
    """The environment variable that sets an option's initial value."""
    return OPTIONS[name].variable or f"AXIL_{name.upper()}"


def _initial(name: str, option: Option) -> Any:
    """An option's value when the process starts; an unreadable one is an error."""
    text = os.environ.get(variable(name), "")
    if not text.strip():
        return option.default
    try:
        if option.apply is not None and option.variable:
            return option.read(name, text)  # the variable is what counts
        value = option.read(name, text) if name == "default_device" else option.check(name, option.read(name, text))
        if option.apply is not None:
            option.apply(value)
        return value
    except (ValueError, TypeError) as error:
        raise ValueError(f"environment variable {variable(name)}={text!r}: {error}") from None


for _name, _option in OPTIONS.items():
    setattr(Config, _name, _initial(_name, _option))
for _name in (*OPTIONS, "transfer_guard"):
    for _prefix in ("jax_", "axil_"):
        # Properties instead of __getattr__, which would slow down the reads of every option threefold.
        setattr(Config, _prefix + _name, property(operator.attrgetter(_name)))
if "AXIL_TRANSFER_GUARD" in os.environ:
    config.update("transfer_guard", os.environ["AXIL_TRANSFER_GUARD"])
_refresh(None)


# ---- context managers ----------------------------------------------------------------------------------


class _Override(contextlib.ContextDecorator):
    """A context manager (and decorator) that sets options for the current thread."""

    def __init__(self, names: str | tuple[str, ...], value: Any):
        self._names = (names,) if isinstance(names, str) else names
        self._value = value
        for name in self._names:
            self._value = OPTIONS[name].check(name, value)
        self._saved: list[list[Any]] = []  # a stack: one object may be entered again while it is active

    def _recreate_cm(self) -> _Override:
        return _Override(self._names, self._value)  # as a decorator it may run in several threads at once

    def __enter__(self) -> None:
        own = config.__dict__  # this thread's attributes
        self._saved.append([own.get(name, _UNSET) for name in self._names])
        own.update(dict.fromkeys(self._names, self._value))
        self._changed(own)

    def __exit__(self, *exc: object) -> None:
        own = config.__dict__
        for name, saved in zip(self._names, self._saved.pop()):
            if saved is _UNSET:
                own.pop(name, None)
            else:
                own[name] = saved
        self._changed(own)

    def _changed(self, own: dict[str, Any]) -> None:
        with _lock:
            own.pop("trace_key", None)
            own.pop("watching", None)
            if own:
                _overriding[threading.get_ident()] = own
                _refresh(own)
            else:
                _overriding.pop(threading.get_ident(), None)
        for name in self._names:
            if OPTIONS[name].module:
                _activate(name)


def enable_x64(new_val: bool = True) -> _Override:
    """``with enable_x64(True):`` keeps 64-bit types within the block, in this thread."""
    return _Override("enable_x64", new_val)


def disable_jit(disable: bool = True) -> _Override:
    """``with disable_jit():`` runs traced functions op by op within the block, in this thread."""
    return _Override("disable_jit", disable)


def debug_nans(new_val: bool = True) -> _Override:
    """``with debug_nans(True):`` raises `FloatingPointError` at the first operation that makes a NaN."""
    return _Override("debug_nans", new_val)


def debug_infs(new_val: bool = True) -> _Override:
    """``with debug_infs(True):`` raises `FloatingPointError` at the first operation that makes an infinity."""
    return _Override("debug_infs", new_val)


def log_compiles(new_val: bool = True) -> _Override:
    """``with log_compiles(True):`` logs tracing and compiling, as warnings of the logger "axil"."""
    return _Override("log_compiles", new_val)


def explain_cache_misses(new_val: bool = True) -> _Override:
    """``with explain_cache_misses(True):`` logs why jitted functions are traced again."""
    return _Override("explain_cache_misses", new_val)


def check_tracer_leaks(new_val: bool = True) -> _Override:
    """``with check_tracer_leaks(True):`` raises where a traced value outlives its trace."""
    return _Override("check_tracer_leaks", new_val)


def checking_leaks() -> _Override:
    """``with checking_leaks():`` is ``with check_tracer_leaks(True):``."""
    return check_tracer_leaks(True)


def debug_key_reuse(new_val: bool = True) -> _Override:
    """``with debug_key_reuse(True):`` raises `KeyReuseError` where a random key is used twice."""
    return _Override("debug_key_reuse", new_val)


def enable_checks(new_val: bool = True) -> _Override:
    """``with enable_checks(True):`` verifies programs between all passes of the compiler."""
    return _Override("enable_checks", new_val)


def no_tracing(new_val: bool = True) -> _Override:
    """``with no_tracing(True):`` refuses to trace a function."""
    return _Override("no_tracing", new_val)


def no_execution(new_val: bool = True) -> _Override:
    """``with no_execution(True):`` refuses to run operations and programs."""
    return _Override("no_execution", new_val)


def enable_custom_prng(new_val: bool = True) -> _Override:
    """``with enable_custom_prng(True):`` lets `random.PRNGKey` make typed keys."""
    return _Override("enable_custom_prng", new_val)


def legacy_prng_key(new_val: str) -> _Override:
    """``with legacy_prng_key("error"):`` refuses raw keys (or "warn", or "allow")."""
    return _Override("legacy_prng_key", new_val)


def default_prng_impl(new_val: str) -> _Override:
    """``with default_prng_impl("rbg"):`` sets the generator of keys that name none."""
    return _Override("default_prng_impl", new_val)


def threefry_partitionable(new_val: bool = True) -> _Override:
    """Always on; turning it off is refused."""
    return _Override("threefry_partitionable", new_val)


def softmax_custom_jvp(new_val: bool = True) -> _Override:
    """Always on; turning it off is refused."""
    return _Override("softmax_custom_jvp", new_val)


def thread_guard(new_val: bool = True) -> _Override:
    """Always off; turning it on is refused."""
    return _Override("thread_guard", new_val)


def numpy_rank_promotion(new_val: str) -> _Override:
    """``with numpy_rank_promotion("raise"):`` refuses to broadcast arrays of different rank (or "warn")."""
    return _Override("numpy_rank_promotion", new_val)


def numpy_dtype_promotion(new_val: str) -> _Override:
    """``with numpy_dtype_promotion("strict"):`` refuses to promote dtypes, other than weak ones."""
    return _Override("numpy_dtype_promotion", new_val)


def default_matmul_precision(new_val: str | None) -> _Override:
    """``with default_matmul_precision("float32"):``. Products have full precision always."""
    return _Override("default_matmul_precision", new_val)


def default_device(new_val: Any) -> _Override:
    """``with default_device(device):`` for the device of the process; others are refused."""
    return _Override("default_device", new_val)


def array_garbage_collection_guard(new_val: str | None) -> _Override:
    """``with array_garbage_collection_guard("log"):`` reports arrays that were in reference cycles."""
    return _Override("array_garbage_collection_guard", new_val)


def transfer_guard(new_val: str | None) -> _Override:
    """``with transfer_guard("disallow"):`` refuses implicit transfers in all directions.

    "log" and "disallow" concern implicit transfers, "log_explicit" and "disallow_explicit" also those that were asked
    for, by `device_put` and `device_get`.
    """
    return _Override(_GUARDS, new_val)


def transfer_guard_host_to_device(new_val: str | None) -> _Override:
    """`transfer_guard` for NumPy arrays and Python numbers that become arrays."""
    return _Override("transfer_guard_host_to_device", new_val)


def transfer_guard_device_to_host(new_val: str | None) -> _Override:
    """`transfer_guard` for arrays that are copied from a device to the host."""
    return _Override("transfer_guard_device_to_host", new_val)


def transfer_guard_device_to_device(new_val: str | None) -> _Override:
    """`transfer_guard` for copies between devices; a process has one, so there are none."""
    return _Override("transfer_guard_device_to_device", new_val)


# `axil.config` is this module, and users expect the object there: `axil.config.update("enable_x64", True)`.
update = config.update
read = config.read


def __getattr__(name: str) -> Any:
    return getattr(config, name)
