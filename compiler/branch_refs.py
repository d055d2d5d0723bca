"""Branches of IREE's VM that pass one buffer or fence twice, or one that is read afterwards too.

IREE 3.13 loses such a reference at run time ("ref is null", "indirect buffer reference slot 0 is out of range"), or
takes another in its place. What a branch passes is moved out of its register the last time; where the block expects it
in that very register another time, nothing is left there (iree-org/iree#24781). And an argument of a block may get the
register of a value that still lives. Branches pass a reference twice where a loop starts with equal values, for
results that were packed into one buffer, and for results of one execution, which share a fence.

So a branch passes a second reference instead, made for it alone. The VM has no operation for that, but
`x if x is not null else null` is not folded away. It costs some 50 ns.

The module at that stage is reached only in IREE's C API, which calls MLIR's.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

_BRANCHES = ("vm.br", "vm.cond_br", "vm.br_table")


class _Ptr(ctypes.Structure):
    """Any of MLIR's handles: a struct of one pointer."""

    _fields_ = [("ptr", ctypes.c_void_p)]


class _Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("length", ctypes.c_size_t)]


class _State(ctypes.Structure):
    """What an operation is created from (`MlirOperationState`)."""

    _fields_ = [("name", _Text), ("location", _Ptr)] + [
        (f"{what}{part}", kind)
        for what in ("results", "operands", "regions", "successors", "attributes")
        for part, kind in (("_count", ctypes.c_ssize_t), ("", ctypes.c_void_p))
    ] + [("infer", ctypes.c_bool)]  # fmt: skip


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "ireeCompilerInvocationExportStealModule": (_Ptr, [ctypes.c_void_p]),
    "ireeCompilerInvocationImportStealModule": (ctypes.c_bool, [ctypes.c_void_p, _Ptr]),
    "mlirOperationGetContext": (_Ptr, [_Ptr]),
    "mlirOperationGetName": (_Ptr, [_Ptr]),
    "mlirIdentifierStr": (_Text, [_Ptr]),
    "mlirOperationGetLocation": (_Ptr, [_Ptr]),
    "mlirOperationGetNumRegions": (ctypes.c_ssize_t, [_Ptr]),
    "mlirOperationGetRegion": (_Ptr, [_Ptr, ctypes.c_ssize_t]),
    "mlirRegionGetFirstBlock": (_Ptr, [_Ptr]),
    "mlirBlockGetNextInRegion": (_Ptr, [_Ptr]),
    "mlirBlockGetFirstOperation": (_Ptr, [_Ptr]),
    "mlirOperationGetNextInBlock": (_Ptr, [_Ptr]),
    "mlirBlockGetTerminator": (_Ptr, [_Ptr]),
    "mlirBlockGetNumArguments": (ctypes.c_ssize_t, [_Ptr]),
    "mlirOperationGetNumSuccessors": (ctypes.c_ssize_t, [_Ptr]),
    "mlirOperationGetSuccessor": (_Ptr, [_Ptr, ctypes.c_ssize_t]),
    "mlirOperationGetNumOperands": (ctypes.c_ssize_t, [_Ptr]),
    "mlirOperationGetOperand": (_Ptr, [_Ptr, ctypes.c_ssize_t]),
    "mlirOperationSetOperand": (None, [_Ptr, ctypes.c_ssize_t, _Ptr]),
    "mlirOperationGetResult": (_Ptr, [_Ptr, ctypes.c_ssize_t]),
    "mlirValueGetType": (_Ptr, [_Ptr]),
    "mlirValueIsABlockArgument": (ctypes.c_bool, [_Ptr]),
    "mlirBlockArgumentGetOwner": (_Ptr, [_Ptr]),
    "mlirOpResultGetOwner": (_Ptr, [_Ptr]),
    "mlirOperationGetBlock": (_Ptr, [_Ptr]),
    "mlirValueGetFirstUse": (_Ptr, [_Ptr]),
    "mlirOpOperandGetNextUse": (_Ptr, [_Ptr]),
    "mlirOpOperandGetOwner": (_Ptr, [_Ptr]),
    "mlirTypeIsAInteger": (ctypes.c_bool, [_Ptr]),
    "mlirTypeIsAFloat": (ctypes.c_bool, [_Ptr]),
    "mlirIntegerTypeGet": (_Ptr, [_Ptr, ctypes.c_uint]),
    "mlirOperationStateAddResults": (None, [ctypes.POINTER(_State), ctypes.c_ssize_t, ctypes.POINTER(_Ptr)]),
    "mlirOperationStateAddOperands": (None, [ctypes.POINTER(_State), ctypes.c_ssize_t, ctypes.POINTER(_Ptr)]),
    "mlirOperationCreate": (_Ptr, [ctypes.POINTER(_State)]),
    "mlirBlockInsertOwnedOperationBefore": (None, [_Ptr, _Ptr, _Ptr]),
}


@functools.cache
def _mlir() -> Any:
    """The functions of IREE's library that are needed here: copies, so that nobody else's signatures change."""
    from iree.compiler.api import ctypes_dl

    functions = {}
    for name, (result, arguments) in _SIGNATURES.items():
        function = ctypes_dl._dylib[name]  # a new object each time
        function.restype, function.argtypes = result, arguments
        functions[name.removeprefix("mlir").removeprefix("ireeCompilerInvocation")] = function
    return SimpleNamespace(**functions)


def mend_branches(invocation: Any) -> int:
    """Let every branch in an invocation's compiled module pass each buffer and fence once; gives how often that took
    a second reference."""
    m = _mlir()
    module = m.ExportStealModule(invocation._inv_p)
    if not module.ptr:
        return 0
    mended = sum(_mend(m, block, branch) for block, branch in _branches(m, module))
    m.ImportStealModule(invocation._inv_p, module)
    return mended


def _branches(m: Any, op: _Ptr) -> Iterator[tuple[_Ptr, _Ptr]]:
    """The branches in the functions of the module, each with the block that it ends."""
    for region in range(m.OperationGetNumRegions(op)):
        block = m.RegionGetFirstBlock(m.OperationGetRegion(op, region))
        while block.ptr:
            last = m.BlockGetTerminator(block)
            if last.ptr and m.OperationGetNumSuccessors(last):
                if _name(m, last) in _BRANCHES:
                    yield block, last
            elif _name(m, op) != "vm.func":
                inner = m.BlockGetFirstOperation(block)
                while inner.ptr:
                    if _name(m, inner) in ("vm.module", "vm.func"):
                        yield from _branches(m, inner)
                    inner = m.OperationGetNextInBlock(inner)
            block = m.BlockGetNextInRegion(block)


def _name(m: Any, op: _Ptr) -> str:
    text = m.IdentifierStr(m.OperationGetName(op))
    return text.data[: text.length].decode()


def _mend(m: Any, block: _Ptr, branch: _Ptr) -> int:
    successors = [m.OperationGetSuccessor(branch, i) for i in range(m.OperationGetNumSuccessors(branch))]
    sizes = [m.BlockGetNumArguments(successor) for successor in successors]
    mended, start = 0, m.OperationGetNumOperands(branch) - sum(sizes)  # what is passed comes last
    for successor, size in zip(successors, sizes):
        latest: dict[int, _Ptr] = {}  # of each value passed to this block, the reference that was made last
        for i in range(start, start + size):
            value = m.OperationGetOperand(branch, i)
            if not _is_ref(m, m.ValueGetType(value)):
                continue
            if value.ptr in latest or _lives_on(m, value, successor):
                # (Of the last one, as equal operations become one.)
                latest[value.ptr] = _second(m, block, branch, latest.get(value.ptr) or value)
                m.OperationSetOperand(branch, i, latest[value.ptr])
                mended += 1
            latest.setdefault(value.ptr, value)
        start += size
    return mended


def _lives_on(m: Any, value: _Ptr, successor: _Ptr) -> bool:
    """Whether a value is read, or dropped, in a block or in one that it leads to."""
    argument = m.ValueIsABlockArgument(value)
    home = m.BlockArgumentGetOwner(value) if argument else m.OperationGetBlock(m.OpResultGetOwner(value))
    readers, use = set(), m.ValueGetFirstUse(value)
    while use.ptr:
        readers.add(m.OperationGetBlock(m.OpOperandGetOwner(use)).ptr)
        use = m.OpOperandGetNextUse(use)
    readers.discard(home.ptr)
    pending, seen = [successor] if readers else [], {home.ptr}  # back in its home, it is made anew
    while pending:
        block = pending.pop()
        if block.ptr in seen:
            continue
        if block.ptr in readers:
            return True
        seen.add(block.ptr)
        last = m.BlockGetTerminator(block)
        pending += [m.OperationGetSuccessor(last, i) for i in range(m.OperationGetNumSuccessors(last))]
    return False


def _is_ref(m: Any, type_: _Ptr) -> bool:
    return not (m.TypeIsAInteger(type_) or m.TypeIsAFloat(type_))


def _second(m: Any, block: _Ptr, branch: _Ptr, value: _Ptr) -> _Ptr:
    """A second reference to what a value refers to."""
    type_ = m.ValueGetType(value)
    number = m.IntegerTypeGet(m.OperationGetContext(branch), 32)
    nothing = _insert(m, block, branch, "vm.const.ref.zero", [], type_)
    something = _insert(m, block, branch, "vm.cmp.nz.ref", [value], number)
    return _insert(m, block, branch, "vm.select.ref", [something, value, nothing], type_)


def _insert(m: Any, block: _Ptr, branch: _Ptr, name: str, operands: list[_Ptr], type_: _Ptr) -> _Ptr:
    state = _State(_Text(name.encode(), len(name)), m.OperationGetLocation(branch))
    m.OperationStateAddResults(state, 1, (_Ptr * 1)(type_))
    m.OperationStateAddOperands(state, len(operands), (_Ptr * len(operands))(*operands))
    op = m.OperationCreate(state)
    m.BlockInsertOwnedOperationBefore(block, branch, op)
    return m.OperationGetResult(op, 0)


__all__ = ["mend_branches"]
