"""Decoding on a GPU: on a fake of torchcodec that decodes on the CPU; what it does not take, the workers decode."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.decode import decode
from clips.decoding.errors import ClipError, NotAVideo
from clips.decoding.limits import DecodeLimits
from clips.model_input import ModelInput
from clips.part import Part
from clips.preprocess import preprocess
from service.backends import cuda
from service.decoding.job import DecodeJob
from service.decoding.nvdec import NvdecPool, NvdecUnavailable, check_nvdec
from tests.helpers.paths import REPOSITORY

SPEC = ClipSpec()


class Tensor:
    def __init__(self, array: Any) -> None:
        self._array = array

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return self._array


class OnGpu:
    """As torchcodec's VideoDecoder, with our own decoder."""

    metadata = SimpleNamespace(begin_stream_seconds=None)
    cpu_fallback = ""

    def __init__(self, source: bytes, device: str) -> None:
        self._clip = decode(source, range)
        self.device = device

    def __len__(self) -> int:
        return len(self._clip.images)

    def get_frames_at(self, indices: list[int]) -> SimpleNamespace:
        images, times = (np.array(each)[indices] for each in (self._clip.images, self._clip.times))
        return SimpleNamespace(data=Tensor(images), pts_seconds=times)


class NotedWorkers:
    """Workers that decode in this process."""

    def __init__(self) -> None:
        self.jobs: list[DecodeJob] = []

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        self.jobs.append(job)
        return preprocess(job.video, job.spec, job.limits, part=job.part)


def run(job: DecodeJob, open_video: Any = OnGpu) -> tuple[ModelInput, NotedWorkers]:
    workers = NotedWorkers()
    return asyncio.run(NvdecPool(workers, 1, open_video).preprocess(job)), workers


@pytest.fixture
def job(videos: dict[str, bytes]) -> DecodeJob:
    return DecodeJob(videos["mp4"], SPEC, DecodeLimits(), thumbnails=True, shifted=True)


def test_frames_times_and_facts_are_those_of_the_workers(job: DecodeJob) -> None:
    found, workers = run(job)
    expected = preprocess(job.video, SPEC, job.limits, thumbnails=True, shifted=True)
    np.testing.assert_array_equal(found.views, expected.views)
    assert (found.indices, found.thumbnails, found.video) == (expected.indices, expected.thumbnails, expected.video)
    assert found.times == pytest.approx(expected.times)
    assert found.shifted is not None
    assert not workers.jobs


def test_parts_are_decoded_by_workers(job: DecodeJob) -> None:
    part = replace(job, part=Part(0.2, 0.6))
    assert run(part)[1].jobs == [part]


def test_files_without_times_are_decoded_by_workers(job: DecodeJob) -> None:
    avi = replace(job, video=(REPOSITORY / "service" / "doctor" / "clips" / "mpeg4.avi").read_bytes())
    assert run(avi)[1].jobs == [avi]


class Fallen(OnGpu):
    cpu_fallback = "the codec is not supported"


class Failing(OnGpu):
    def get_frames_at(self, indices: list[int]) -> SimpleNamespace:
        raise RuntimeError("CUDA error: out of memory")


@pytest.mark.parametrize("open_video", [Fallen, Failing])
def test_what_the_hardware_does_not_decode_the_workers_do(job: DecodeJob, open_video: type[OnGpu]) -> None:
    found, workers = run(job, open_video)
    assert workers.jobs == [job]
    assert found.views.shape[1] == SPEC.num_frames


def test_the_workers_name_what_is_wrong_with_a_video(job: DecodeJob) -> None:
    with pytest.raises(NotAVideo):
        run(replace(job, video=b"no video"))
    with pytest.raises(ClipError, match="frames"):
        run(replace(job, limits=DecodeLimits(max_frames=3)))


@pytest.mark.parametrize(("gpus", "count", "named"), [((), 1, "TIN_DEVICE"), ((0,), 0, "cuda:0"), ((2,), 2, "cuda:2")])
def test_without_a_gpu_it_is_refused(monkeypatch: pytest.MonkeyPatch, gpus: Any, count: int, named: str) -> None:
    monkeypatch.setattr(cuda, "count_devices", lambda: count)
    with pytest.raises(NvdecUnavailable, match=named):
        check_nvdec(gpus)


def test_without_torchcodec_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "count_devices", lambda: 1)
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    with pytest.raises(NvdecUnavailable, match="pip install torchcodec"):
        check_nvdec([0])


def test_the_command_ends_with_one_line(run_cli: Any) -> None:
    done = run_cli("serve", "--port", "0", TIN_DECODE="nvdec", TIN_DEVICE="cpu")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: TIN_DECODE=nvdec needs a GPU, and TIN_DEVICE is cpu"]
