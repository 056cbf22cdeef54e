import json
import subprocess
import sys

import pytest
import torch

from clips.clip_spec import ClipSpec
from tests.helpers.commands import invoke
from tests.helpers.paths import REPOSITORY
from training.benchmark import count_flops, main, random_frames
from training.model.tin import TIN, Architecture, Normalise, Temporal

TINY = ("tin_motion", "--set", "clip.crop=32", "--rounds", "2", "--device", "cpu")


def run(*arguments):
    return invoke(main, *arguments)


def resnet50_macs(num_classes):
    """Count ResNet-50's multiply-adds for a frame of 224 x 224, from the table in its paper."""
    macs = 112**2 * 64 * 3 * 7**2 + 2048 * num_classes
    channels_in = 64
    for stage, num_blocks in enumerate((3, 4, 6, 3)):
        channels, side = 64 * 2**stage, 56 // 2**stage
        for block in range(num_blocks):
            stride = 2 if stage and not block else 1
            macs += (stride * side) ** 2 * channels_in * channels + side**2 * channels * (9 * channels + 4 * channels)
            macs += side**2 * channels_in * 4 * channels if not block else 0
            channels_in = 4 * channels
    return macs


def flops_of(temporal):
    return count_flops(TIN(Architecture(num_classes=174, temporal=temporal)), ClipSpec())


def test_operations_are_a_resnet50s_for_every_frame():
    assert flops_of(Temporal.NONE) == 2 * 8 * resnet50_macs(174)


def test_interlacing_adds_its_products_to_the_operations():
    assert 1.005 < flops_of(Temporal.TIN) / flops_of(Temporal.NONE) < 1.02


def test_random_frames_lie_in_memory_as_decoded_ones():
    spec = ClipSpec(num_frames=2, crop=16)
    decoded = Normalise(spec)(torch.zeros(3, 2, 16, 16, 3, dtype=torch.uint8))
    frames = random_frames(spec, 3, torch.device("cpu"))
    assert (frames.shape, frames.stride()) == (decoded.shape, decoded.stride())
    assert abs(frames.mean()) < 1


def test_it_prints_and_writes_what_a_network_costs(tmp_path):
    out = tmp_path / "cost.json"
    command = [sys.executable, "-m", "training.benchmark", *TINY, "--batch-size", "2", "--out", str(out)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cost = json.loads(out.read_text())
    assert cost["videos_per_second"] == pytest.approx(1000 / cost["milliseconds"])
    assert (cost["recipe"], cost["batch_size"], cost["rounds"]) == ("tin-motion", 2, 2)
    assert (cost["parameters"], cost["values"]) == (705_732, 708_152)
    assert 4 * cost["values"] < cost["peak_bytes"] < 1e9
    for said in ("video/s", f"{cost['flops'] / 1e9:.2f} GFLOPs", f"{cost['flops'] / 2e9:.2f} GMACs", "705,732"):
        assert said in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("tin_motoin",), "tin_motoin.yaml"),
        (("tin_motion", "--device", "cuda:99"), "'cuda:99'"),
        ((*TINY, "--batch-size", 10**12), str(10**12)),
    ],
)
def test_bad_input_is_one_clear_line(arguments, named):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
