"""Compiles the ops of many cases in few IREE modules, and runs them: a module costs 0.3 s whatever it holds."""

from __future__ import annotations

import re
from typing import Any

import iree.runtime as rt
import numpy as np
from axil.dialects import hlo
from axil.dialects.avals import BFLOAT16
from axil.dialects.emit import declared_op
from axil.dialects.mlir import from_attribute, ir
from iree.compiler.api import Invocation, Output, Session, Source
from iree.runtime.array_interop import map_dtype_to_element_type
from samples import Case, function_of_case, module

FLAGS = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
         "--iree-llvmcpu-target-cpu=host", "--iree-input-demote-f64-to-f32=false", "--iree-input-type=stablehlo",
         "--iree-llvmcpu-link-embedded=false")  # fmt: skip


def lower(made: ir.Module) -> None:
    """Replace the ops of our dialect by StableHLO in place, following their own rules."""
    for function in made.body.operations:
        for operation in list(function.regions[0].blocks[0].operations):
            op = declared_op(operation.operation.name)
            if op is None:
                continue
            attributes = {a: from_attribute(operation.attributes[a]) for a in op.attributes}
            with ir.InsertionPoint(operation), operation.location:
                values, types = list(operation.operands), [r.type for r in operation.results]
                if isinstance(op.lower, str):
                    lowered: Any = hlo.op(op.lower, *values)
                else:
                    lowered = op.lower(values, types, None, **attributes)
            for old, new in zip(
                operation.results, lowered if isinstance(lowered, (tuple, list)) else [lowered]
            ):
                old.replace_all_uses_with(new)
            operation.operation.erase()


def guard(text: str) -> str:
    """Copy each argument at entry where IREE would write into it (iree#16168)."""
    return re.sub(r"(  func\.func @[^\n]*\{\n)(.*?\n  \}\n)", _guard_function, text, flags=re.DOTALL)


def _guard_function(match: re.Match) -> str:
    header, body = match.groups()
    lines = []
    for name, type_ in re.findall(r"%(arg\d+): (tensor<[^%]*?>)[,)]", header):
        # IREE has no unsigned types: it rewrites them in StableHLO, and refuses them in `flow`.
        signless = re.sub(r"ui(\d+)>", r"i\1>", type_)
        cast = f"stablehlo.bitcast_convert %{name} : ({type_}) -> {signless}"
        back = f"stablehlo.bitcast_convert %moved_{name} : ({signless}) -> {type_}"
        move = f"flow.tensor.transfer %cast_{name} : {signless} to #hal.device.promise<@__device_0>"
        lines += [
            f"    %cast_{name} = {cast}",
            f"    %moved_{name} = {move}",
            f"    %guarded_{name} = {back}",
        ]
        body = re.sub(rf"%{name}\b", f"%guarded_{name}", body)
    return header + "\n".join(lines) + "\n" + body


class CompileError(Exception):
    """IREE refuses a module; carries its diagnostics."""


class Compiled:
    """A loaded module, and the functions of its cases."""

    def __init__(self, artifact: bytes, names: list[str]) -> None:
        self._config = rt.Config("local-sync")
        self._module = rt.VmModule.copy_buffer(self._config.vm_instance, artifact)
        self._context = rt.SystemContext(config=self._config)
        self._context.add_vm_module(self._module)
        self._names = names

    def run(self, name: str, arrays: list[np.ndarray], dtypes: list[np.dtype]) -> tuple[list, list]:
        """Results of the function of case `name`, and its arguments as they are afterwards."""
        function = self._module.lookup_function(f"f{self._names.index(name)}")
        views = [self._to_device(x) for x in arrays]
        inputs, outputs = rt.VmVariantList(len(views)), rt.VmVariantList(len(dtypes))
        for view in views:
            inputs.push_ref(view)
        self._context.vm_context.invoke(function, inputs, outputs)
        got = [_to_host(outputs.get_as_object(i, rt.HalBufferView), d) for i, d in enumerate(dtypes)]
        return got, [_to_host(view, x.dtype) for view, x in zip(views, arrays)]

    def _to_device(self, x: np.ndarray) -> rt.HalBufferView:
        kind = rt.HalElementType.BFLOAT_16 if x.dtype == BFLOAT16 else map_dtype_to_element_type(x.dtype)
        raw = x.view(np.uint16) if x.dtype == BFLOAT16 else x.view(np.uint8) if x.dtype == bool else x
        memory = rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE
        usage = rt.BufferUsage.DEFAULT | rt.BufferUsage.MAPPING
        return self._config.device.allocator.allocate_buffer_copy(
            memory_type=memory, allowed_usage=usage, device=self._config.device, buffer=np.asarray(raw, order="C"),
            element_type=kind,
        )  # fmt: skip


def _to_host(view: rt.HalBufferView, dtype: np.dtype) -> np.ndarray:
    raw = np.dtype({1: np.uint8, 2: np.uint16}.get(dtype.itemsize, dtype))
    return np.array(view.map().asarray(view.shape, raw)).view(dtype)


def compile_cases(group: list[Case]) -> dict[str, Compiled | CompileError]:
    """The modules that hold each of a group of cases: one for all, or one each if IREE refuses that."""
    names = [name for _, _, name in group]
    try:
        return dict.fromkeys(names, _compiled(group))
    except CompileError as error:
        if len(group) == 1:
            return {names[0]: error}
    return {name: made for case in group for name, made in compile_cases([case]).items()}


def _compiled(group: list[Case]) -> Compiled:
    made = module(lambda: [function_of_case(case, f"f{i}") for i, case in enumerate(group)])
    with made.context, ir.Location.unknown():
        lower(made)
        assert made.operation.verify()
    return Compiled(_compile(guard(str(made))), [name for _, _, name in group])


def _compile(text: str) -> bytes:
    session, messages = Session(), []
    session.set_flags(*FLAGS)
    invocation: Invocation = session.invocation()
    session.context.attach_diagnostic_handler(
        lambda d: bool(messages.append(f"{d.location}: {d.message}")) or True
    )
    source = Source.wrap_buffer(session, text.encode())
    if not (invocation.parse_source(source) and invocation.execute()):
        raise CompileError("\n".join(messages))
    output = Output.open_membuffer()
    invocation.output_vm_bytecode(output)
    return bytes(output.map_memory())
