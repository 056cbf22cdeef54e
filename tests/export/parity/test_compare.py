"""Comparison of backends with torch, and with each other."""

import dataclasses
from unittest import mock

import numpy as np
import pytest

from export.errors import ExportError
from export.formats.catalogue import FORMATS, ExportRequest
from export.parity.compare import (
    MADE_OFFSETS,
    Reference,
    agreement_on,
    compare,
    real_clips,
    top_agreement,
    with_made_offsets,
)
from export.parity.report import check_parity
from service.backends import onnx_runtime
from service.backends.onnx_runtime import OnnxRuntimeBackend
from tests.helpers.fakes.fake_backend import FakeBackend


@pytest.fixture(scope="module")
def reference(checkpoint):
    return Reference.of(checkpoint, "0" * 64)


def test_made_offsets_are_what_the_network_then_interlaces_by(checkpoint, reference, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(FORMATS["onnx"].make(ExportRequest("letters", "1", with_made_offsets(checkpoint)), tmp_path))
    offsets = OnnxRuntimeBackend(path).infer(reference.clips[:2]).arrays()["offsets"]
    np.testing.assert_allclose(offsets.reshape(2, -1), [MADE_OFFSETS * 2] * 2, atol=1e-6)


def test_a_twin_reveals_a_backend_that_is_wrong_at_whole_offsets(checkpoint, reference, tmp_path):
    """Compare a backend that is right at the learned offsets only."""

    def make_without_made_offsets(request, folder):
        return FORMATS["onnx"].make(dataclasses.replace(request, checkpoint=checkpoint), folder)

    fmt = dataclasses.replace(FORMATS["onnx"], make=make_without_made_offsets)
    path = tmp_path / fmt.file()
    request = ExportRequest("letters", "1", checkpoint)
    path.write_bytes(fmt.make(request, tmp_path))
    parity = check_parity(fmt, request, reference, path, "1" * 64)
    assert parity.max_abs_logit_difference < 1e-4
    assert parity.max_abs_logit_difference_at_made_offsets > 1e-2
    assert not parity.passed


def test_real_footage_is_among_the_clips(checkpoint, reference):
    assert len(reference.real) == 9
    assert reference.real.shape[1:] == reference.rendered.shape[1:] == (8, 32, 32, 3)
    assert not np.array_equal(reference.real[0], reference.real[1])
    np.testing.assert_array_equal(reference.real, real_clips(checkpoint.clip))


@pytest.mark.parametrize("format_of_graph", ["onnx", "onnx-int8"])
def test_a_graph_is_proven_in_whole_batches(checkpoint, tmp_path, monkeypatch, format_of_graph):
    """Expect one batch even on a machine with a core for each clip."""
    path = tmp_path / "model.onnx"
    path.write_bytes(FORMATS["onnx"].make(ExportRequest("letters", "1", checkpoint), tmp_path))
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: 8)
    monkeypatch.setattr(onnx_runtime, "_seconds_to_run", lambda _: 0.004)
    backend = FORMATS[format_of_graph].open(path)
    with mock.patch.object(OnnxRuntimeBackend, "_run", autospec=True, side_effect=OnnxRuntimeBackend._run) as run:
        backend.infer(np.zeros((5, 8, 32, 32, 3), np.uint8))
    assert [len(call.args[1]) for call in run.call_args_list] == [5]


def test_the_worst_of_all_batches_counts(reference):
    class WrongAlone(FakeBackend):
        def infer(self, clips):
            logits = reference_logits(reference, clips) + np.float32(len(clips) == 1)
            return dataclasses.replace(super().infer(clips), logits=logits)

    assert compare(reference, WrongAlone(6)).max_abs_logit_difference == pytest.approx(1)


def reference_logits(reference, clips):
    places = [next(i for i, one in enumerate(reference.clips) if np.array_equal(one, clip)) for clip in clips]
    return reference.logits[places]


def test_top_agreement_counts_sets():
    logits = np.array([[3.0, 2, 1, 0], [0, 1, 2, 3]], np.float32)
    swapped = np.array([[2.0, 3, 1, 0], [0, 1, 2, 3]], np.float32)
    assert top_agreement(logits, swapped, 1) == 0.5
    assert top_agreement(logits, swapped, 2) == 1.0


def test_agreement_counts_clips_of_every_batch():
    class Backwards(FakeBackend):
        """A backend whose top-1 label is the last class for clips that are not black."""

        def infer(self, clips):
            outputs = super().infer(clips)
            outputs.logits[clips.any(axis=(1, 2, 3, 4))] *= -1
            return outputs

    clips = np.zeros((4, 1, 2, 2, 3), np.uint8)
    clips[3] = 1
    assert agreement_on([clips[:3], clips[3:]], Backwards(3), FakeBackend(3)).top1 == 0.75


def test_without_clips_there_is_nothing_to_compare():
    with pytest.raises(ExportError, match="no clip"):
        agreement_on([], FakeBackend(3), FakeBackend(3))
