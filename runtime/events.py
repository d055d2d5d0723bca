"""Events that programs which use Axil may listen to: how long compilations took, hits of caches, and the user's own.

The frontend's `axil.monitoring` is this module under JAX's name. Events are named by paths, ours by
``/axil/...``:

| event | kind | when |
|---|---|---|
| `/axil/core/compile/trace_duration` | duration | a jitted function was traced (`fun_name`) |
| `/axil/core/compile/transform_duration` | duration | derivatives and batches of a program were written out |
| `/axil/core/compile/lower_duration` | duration | a program was lowered to what IREE takes |
| `/axil/core/compile/backend_compile_duration` | duration | IREE compiled it, or the disk cache was read |
| `/axil/compilation_cache/cache_hits` | event | the disk cache had the program |
| `/axil/compilation_cache/cache_misses` | event | it had not |
"""

from __future__ import annotations

from collections.abc import Callable

EventListener = Callable[..., None]

_event: list[EventListener] = []
_duration: list[EventListener] = []
_time_span: list[EventListener] = []
_scalar: list[EventListener] = []


def record_event(event: str, **kwargs: str | int) -> None:
    """Tell listeners that an event happened: `listener(event, **kwargs)`."""
    for listener in list(_event):
        listener(event, **kwargs)


def record_event_duration_secs(event: str, duration: float, **kwargs: str | int) -> None:
    """Tell listeners how many seconds something took: `listener(event, duration, **kwargs)`."""
    for listener in list(_duration):
        listener(event, duration, **kwargs)


def record_event_time_span(event: str, start_time: float, end_time: float, **kwargs: str | int) -> None:
    """Tell listeners when something began and ended: `listener(event, start_time, end_time, **kwargs)`."""
    for listener in list(_time_span):
        listener(event, start_time, end_time, **kwargs)


def record_scalar(event: str, value: float | int, **kwargs: str | int) -> None:
    """Tell listeners a number: `listener(event, value, **kwargs)`."""
    for listener in list(_scalar):
        listener(event, value, **kwargs)


def register_event_listener(callback: EventListener) -> None:
    """Call `callback` for each `record_event`."""
    _event.append(callback)


def register_event_duration_secs_listener(callback: EventListener) -> None:
    """Call `callback` for each `record_event_duration_secs`."""
    _duration.append(callback)


def register_event_time_span_listener(callback: EventListener) -> None:
    """Call `callback` for each `record_event_time_span`."""
    _time_span.append(callback)


def register_scalar_listener(callback: EventListener) -> None:
    """Call `callback` for each `record_scalar`."""
    _scalar.append(callback)


def unregister_event_listener(callback: EventListener) -> None:
    """Undo `register_event_listener`; `ValueError` if there was none."""
    _unregister(_event, callback)


def unregister_event_duration_listener(callback: EventListener) -> None:
    """Undo `register_event_duration_secs_listener`; `ValueError` if there was none."""
    _unregister(_duration, callback)


def unregister_event_time_span_listener(callback: EventListener) -> None:
    """Undo `register_event_time_span_listener`; `ValueError` if there was none."""
    _unregister(_time_span, callback)


def unregister_scalar_listener(callback: EventListener) -> None:
    """Undo `register_scalar_listener`; `ValueError` if there was none."""
    _unregister(_scalar, callback)


def clear_event_listeners() -> None:
    """Forget all listeners."""
    for listeners in (_event, _duration, _time_span, _scalar):
        listeners.clear()


def _unregister(listeners: list[EventListener], callback: EventListener) -> None:
    if callback not in listeners:
        raise ValueError(f"{callback!r} is not registered as a listener")
    listeners.remove(callback)
