"""Programs that import functions of the host: arrays in and out, tokens, exceptions, lifetimes."""

from __future__ import annotations

import gc
import weakref

import ml_dtypes
import numpy as np
import pytest
from _programs import compiled

import axil.runtime as rt
from axil.runtime.callbacks import Callback, host_module, take_raised

PROGRAM = """
func.func private @axil_host.call0(tensor<3xf32>, tensor<bf16>) -> (tensor<3xf32>, tensor<2xi1>)
func.func private @axil_host.call1(tensor<3xf32>, tensor<i32>) -> tensor<i32>
func.func @main(%x: tensor<3xf32>, %s: tensor<bf16>) -> (tensor<3xf32>, tensor<2xi1>) {
  %token = stablehlo.constant dense<0> : tensor<i32>
  %t = func.call @axil_host.call1(%x, %token) : (tensor<3xf32>, tensor<i32>) -> tensor<i32>
  %y:2 = func.call @axil_host.call0(%x, %s) : (tensor<3xf32>, tensor<bf16>) -> (tensor<3xf32>, tensor<2xi1>)
  %u = func.call @axil_host.call1(%y#0, %t) : (tensor<3xf32>, tensor<i32>) -> tensor<i32>
  %z = stablehlo.add %y#0, %y#0 : tensor<3xf32>
  return %z, %y#1 : tensor<3xf32>, tensor<2xi1>
}"""
F32, BF16 = ((3,), np.dtype(np.float32)), ((), np.dtype(ml_dtypes.bfloat16))
X, S = np.array([1, 2, 3], np.float32), np.array(2, ml_dtypes.bfloat16)


class Host:
    """The two functions, and what the second one saw."""

    def __init__(self):
        self.seen = []

    def scale(self, operands):
        x, s = operands
        assert x.flags.owndata and s.dtype == ml_dtypes.bfloat16
        return [x * s.astype(np.float32), np.array([True, False])]

    def note(self, operands):
        self.seen.append(operands[0])
        return []

    def callbacks(self):
        return [
            Callback(self.scale, [F32, BF16], [F32, ((2,), np.dtype(bool))]), Callback(self.note, [F32], [], token=True)
        ]


def load(callbacks, **options):
    module = host_module(callbacks, rt.default_device())
    return rt.Executable(compiled(PROGRAM), modules=(module,), **options)


def run(program):
    device = rt.default_device()
    return [rt.to_host(v, device) for v in program.invoke([rt.to_device(a).view for a in (X, S)])]


@pytest.mark.parametrize("cost", [None, 1e9], ids=["sync", "task"])
def test_arrays_go_in_and_out(cost):
    host = Host()
    program = load(host.callbacks(), cost=cost)
    for _ in range(2):
        y, flags = run(program)
        assert y.tolist() == [4, 8, 12] and flags.tolist() == [True, False]
    assert [s.tolist() for s in host.seen] == [[1, 2, 3], [2, 4, 6]] * 2


def test_exceptions_come_out_as_they_are_and_once():
    class OwnError(BaseException):
        pass

    def fail(operands):
        raise OwnError("mine")

    scale, note = Host().callbacks()
    program = load([scale._replace(function=fail), note])
    for _ in range(2):
        with pytest.raises(OwnError, match="mine"):
            run(program)
    assert take_raised() is None
    assert run(load(Host().callbacks()))[0].tolist() == [4, 8, 12]


def test_wrong_results_are_errors():
    scale, note = Host().callbacks()
    with pytest.raises(ValueError):
        run(load([scale._replace(function=lambda operands: [X]), note]))  # one is missing
    with pytest.raises(ValueError):
        run(load([scale._replace(function=lambda operands: [X[:2], np.zeros(2, bool)]), note]))


def test_programs_hold_their_functions_and_no_longer():
    host = Host()
    ref = weakref.ref(host)
    program = load(host.callbacks())
    del host
    gc.collect()
    assert run(program)[0].tolist() == [4, 8, 12]
    del program
    gc.collect()
    assert ref() is None


def test_a_program_without_its_functions_is_refused():
    with pytest.raises(rt.DeviceError, match="axil_host"):
        rt.Executable(compiled(PROGRAM))
