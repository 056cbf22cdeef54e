"""Graph contract: equal to every other place that spells it."""

from __future__ import annotations

from dataclasses import fields

from export.formats import torchserve_handler
from export.graph.signature import Signature
from service.backends.base import Outputs
from service.backends.contract import (
    DTYPES,
    INPUT,
    OUTPUTS,
    SHAPES,
    known_outputs,
    list_types,
    shape_of,
    tensor_types,
)


def test_every_tensor_has_a_type_and_a_shape():
    assert (INPUT, *OUTPUTS) == tuple(DTYPES) == tuple(SHAPES)


def test_the_records_of_tensors_have_the_contract_s_names():
    assert tuple(field.name for field in fields(Outputs)) == OUTPUTS
    assert Signature._fields == (INPUT, *OUTPUTS)


def test_the_handler_inside_archives_keeps_the_contract():
    assert (torchserve_handler.INPUT, torchserve_handler.OUTPUTS) == (INPUT, OUTPUTS)


def test_types_are_spelled_as_the_runtime_spells_them():
    types = tensor_types(["weights", "logits"], {"float32": "FP32"})
    assert list_types(types) == "logits: FP32 of rank 2, weights: FP32 of rank 4"
    assert list_types([]) == "nothing"


def test_outputs_come_in_the_contract_s_order_and_others_are_left_out():
    assert known_outputs(["weights", "attention", "logits"]) == ("logits", "weights")
    assert known_outputs([]) == ()


def test_axes_without_a_size_are_dynamic():
    assert shape_of("clips", T=8, H=224, W=224) == [-1, 8, 224, 224, 3]
    assert shape_of("weights", T=8) == [-1, -1, 8, 2]
