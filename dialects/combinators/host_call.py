"""`host_call`: a call of a Python function on the host, made while the program runs.

It works on no function of the module, so `of` is empty. `host` is the handle of the Python function (see
`axil.dialects.host_functions`), `type` the operands and results of the call. With `sizes`, the function is called for
each example of batches of these sizes, and `mapped` says for each batch which operands have a dimension for it (see
`Batches`). What may be done to a call is decided by its `kind`:

| kind | effects | derivative | batch |
|---|---|---|---|
| `pure` | none: may be dropped, merged, repeated | none | as `vmap_method` says |
| `io` | kept, in order | none | a call for each example, unless `ordered` |
| `debug` | kept, in order | ignores tangents, has no results | a call for each example |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects import host_functions
from axil.dialects.avals import Aval, shape_of
from axil.dialects.combinators.checking import checkify_unchanged
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given
from axil.dialects.errors import AttributeValueError, BatchingError, DifferentiationError
from axil.dialects.factories import ops
from axil.dialects.host_functions import Batches, HostCall

KINDS = ("pure", "io", "debug")
WHOLE_BATCH = ("expand_dims", "broadcast_all", "legacy_vectorized")
"""Ways to batch in which the function is called once, with all examples."""
VMAP_METHODS = ("sequential", "sequential_unrolled", *WHOLE_BATCH)


def _signature(
    functions: list[Signature], *, host: str, type: tuple, kind: str, ordered: bool, vmap_method: str,
    sizes: tuple[int, ...], mapped: tuple[int, ...],
) -> Signature:  # fmt: skip
    if kind not in KINDS:
        raise AttributeValueError(f"'host_call': the kind must be one of {', '.join(KINDS)}, got '{kind}'")
    if vmap_method and vmap_method not in VMAP_METHODS:
        raise AttributeValueError(
            f"'host_call': vmap_method must be one of {', '.join(VMAP_METHODS)} or empty, got '{vmap_method}'"
        )
    if len(mapped) != len(sizes) * len(type[0]):
        raise AttributeValueError(
            f"'host_call': 'mapped' must have an entry for each of {len(type[0])} operands and {len(sizes)} batches, "
            f"got {len(mapped)}"
        )
    return Signature(*type)


def call_of(site: Site) -> HostCall:
    """The call that a site stands for."""
    p = site.parameters
    (inputs, outputs), count = p["type"], len(p["type"][0])
    masks = [tuple(map(bool, p["mapped"][i * count : (i + 1) * count])) for i in range(len(p["sizes"]))]
    function = host_functions.find(p["host"])
    return HostCall(function, inputs, outputs, p["kind"] != "pure", Batches(p["sizes"], tuple(masks)))


def _reference(functions: Any, operands: Sequence[Any], *, outputs: Sequence[Aval], **parameters: Any) -> list:
    results = call_of(Site(host_call, (), parameters))(operands)
    return [np.array(r) for r in results]  # copies: a user may change the arrays that their function gave


def _name(site: Site) -> str:
    return site.parameters["host"].partition(":")[2]


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    """What prints or watches is as it was; what computes has no derivative that anybody knows."""
    kind = site.parameters["kind"]
    if kind != "debug" and any(given(tangents)):
        function = "pure_callback" if kind == "pure" else "io_callback"
        raise DifferentiationError(
            f"{function} of '{_name(site)}' has no derivative: nothing is known of what a Python function computes. "
            "Give it one with custom_jvp (both modes) or custom_vjp (reverse mode) around the call, or keep it out "
            "of the derivative with lax.stop_gradient on its operands"
        )
    outs = d.call_site(site, primals)
    return outs, [None] * len(outs)


def _jet(d: Any, site: Site, operands: Any, series: Any, order: int) -> tuple[list, list]:
    return _jvp(d, site, operands, series)  # a derivative of higher order is one no more than the first


def _steps(walk: Any, functions: Any, operands: Any, *, type: tuple, **parameters: Any) -> list:
    return [walk.unknown() for _ in type[1]]


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    raise DifferentiationError(
        f"a linear function that calls '{_name(site)}' on the host cannot be transposed: nothing is known of what a "
        "Python function computes. Give it a rule with custom_vjp around the call"
    )


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    p = site.parameters
    _, outputs = p["type"]
    if not any(batched):
        return d.call_site(site, operands), [False] * len(outputs)
    if p["kind"] == "io" and p["ordered"]:
        raise BatchingError(
            f"vmap of an ordered io_callback of '{_name(site)}': the examples of a batch have no order. Use "
            "ordered=False, which calls it for one example after the other, or loop with lax.scan or lax.map"
        )
    if p["kind"] == "pure" and not p["vmap_method"]:
        raise BatchingError(
            f"vmap of a pure_callback of '{_name(site)}' without a vmap_method: say how it takes a batch. "
            "vmap_method='sequential' calls it once for each example, 'expand_dims' and 'broadcast_all' once with a "
            "leading batch dimension, of 1 or tiled where an operand is not mapped"
        )
    new = {}
    if p["kind"] == "pure" and p["vmap_method"] in WHOLE_BATCH:
        operands = [v if b else _widened(d, v, size, p["vmap_method"]) for v, b in zip(operands, batched)]
    else:
        new = {"sizes": (*p["sizes"], size), "mapped": (*p["mapped"], *map(int, batched))}
    more = tuple(a.with_shape((size, *a.shape)) for a in outputs)
    results = d.call_site(site.replace((), type=(tuple(d.avals(operands)), more), **new), operands)
    return results, [True] * len(outputs)


def _widened(d: Any, x: Any, size: int, vmap_method: str) -> Any:
    """An operand that the examples share, as the method wants it."""
    if vmap_method == "legacy_vectorized":
        return x
    if vmap_method == "broadcast_all":
        return d.broadcast_batch(x, size)
    shape = shape_of(x)
    return ops.broadcast_in_dim(x, shape=(1, *shape), dims=tuple(range(1, len(shape) + 1)))


host_call = Combinator(
    name="host_call",
    summary="Calls a Python function on the host while the program runs.",
    functions=(),
    parameters={
        "host": "str", "type": "signature", "kind": "str", "ordered": "bool", "vmap_method": "str",
        "sizes": "ints", "mapped": "ints",
    },
    signature=_signature, reference=_reference, jvp=_jvp, linearize=_jvp, transpose=_transpose, batch=_batch,
    jet=_jet, steps=_steps,
    checkify=checkify_unchanged, lower=lambda lowering, site, operands: lowering.host_call(call_of(site), operands),
    effects=lambda *, kind, **_: kind != "pure",
    holds=lambda *, host, **_: host_functions.find(host),
)  # fmt: skip
