"""Signatures: a call is checked in structure, shape and dtype before anything runs."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest

from axil.runtime import ArtifactError, SignatureError
from axil.runtime.signature import Signature

F32 = np.zeros((2, 3), np.float32)
PARAMS = {"w": F32, "b": np.zeros(3, np.float32)}


@pytest.fixture
def signature() -> Signature:
    keywords = {"flag": np.zeros((), bool)}
    return Signature.of((PARAMS, np.int32(0)), [F32, None], keywords=keywords, names=("params", "step"))


def test_it_survives_json(signature):
    again = Signature.from_json(json.loads(json.dumps(signature.to_json())))
    assert again == signature


def test_it_prints_as_a_call(signature):
    assert str(signature) == (
        "(params: {'b': float32[3], 'w': float32[2,3]}, step: int32[], flag: bool[]) -> [float32[2,3], None]"
    )


def test_leaves_come_in_order_and_positional_arguments_may_be_named(signature):
    for arguments, keywords in [
        ((PARAMS, 7), {}),
        ((PARAMS,), {"step": 7}),
        ((), {"step": 7, "params": PARAMS}),
    ]:
        leaves = signature.bind(arguments, keywords | {"flag": True})
        assert [leaf.dtype.name for leaf in leaves] == ["float32", "float32", "int32", "bool"]
        assert leaves[1] is PARAMS["w"] and leaves[2] == 7


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((PARAMS,), {"flag": True}, "takes 2 positional arguments, got 1"),
        ((PARAMS, 1, 2), {"flag": True}, "takes 2 positional arguments, got 3"),
        ((PARAMS, 1), {}, r"keyword arguments: expected the keys \['flag'\]: missing \['flag'\]"),
        ((PARAMS, 1), {"flag": True, "x": 1}, r"unexpected \['x'\]"),
        (({"w": F32}, 1), {"flag": True}, r"f: params: expected the keys \['b', 'w'\]: missing \['b'\]"),
        ((PARAMS, [1]), {"flag": True}, "step: expected an array, got a list of 1"),
        ((PARAMS, 1.5), {"flag": True}, r"step must be int32\[\], got the float 1.5"),
        ((PARAMS, True), {"flag": True}, r"step must be int32\[\], got the bool True"),
        ((PARAMS, 2**40), {"flag": True}, r"step must be int32\[\]; 1099511627776 does not fit"),
        ((PARAMS, np.int64(1)), {"flag": True}, r"step must be int32\[\], got int64\[\]; nothing is cast"),
        ((PARAMS, 1), {"flag": 1}, r"flag must be bool\[\], got the int 1"),
        (
            (PARAMS | {"w": F32.T}, 1),
            {"flag": True},
            r"params\['w'\] must be float32\[2,3\], got float32\[3,2\]; a program is compiled for one shape",
        ),
        (
            (PARAMS | {"w": F32.astype("f8")}, 1),
            {"flag": True},
            r"params\['w'\] must be float32\[2,3\], got float64\[2,3\].*asarray\(value, numpy.float32\)",
        ),
    ],
)
def test_a_wrong_call_says_what_and_where(signature, arguments, keywords, message):
    with pytest.raises(SignatureError, match=message):
        signature.bind(arguments, keywords, "f")


def test_python_scalars_take_the_recorded_dtype():
    for dtype, value in [
        ("float32", 2),
        ("float16", 0.5),
        ("bfloat16", 1),
        ("complex64", 1j),
        ("uint8", 255),
    ]:
        dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
        (leaf,) = Signature.of((np.zeros((), dtype),), np.zeros(())).bind((value,), {})
        assert leaf.dtype == dtype and leaf == np.asarray(value, dtype)


@pytest.mark.parametrize("change", ["inputs", "results", "names", "dtype", "shape", "keys"])
def test_a_malformed_record_is_an_artifact_error(signature, change):
    value = json.loads(json.dumps(signature.to_json()))
    if change == "keys":
        del value["outputs"]
    elif change == "dtype":
        value["inputs"][0]["dtype"] = "float31"
    elif change == "shape":
        value["inputs"][0]["shape"] = [-1]
    elif change == "inputs":
        value["inputs"].pop()
    elif change == "results":
        value["results"] = "*x"
    else:
        value["names"] = 3
    with pytest.raises(ArtifactError):
        Signature.from_json(value)
