"""The minimal path on a large file: memory stays bounded."""

import io
import subprocess
import sys

import av
import numpy as np

from clips.decoding.decode import decode
from clips.decoding.survey.demuxed import MAX_HELD_BYTES
from clips.sampling import evaluation_indices
from tests.helpers.paths import REPOSITORY


def test_a_large_file_is_read_twice_rather_than_held(tmp_path):
    path = tmp_path / "large.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25, options={"qmin": "1", "qmax": "1", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuvj420p"
        noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
        for index in range(36):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, index, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert path.stat().st_size > MAX_HELD_BYTES
    done = subprocess.run(
        [sys.executable, "-c", PEAK_MEGABYTES, str(path)], cwd=REPOSITORY, capture_output=True, check=True
    )
    peak, report = done.stdout.decode().split(maxsplit=1)
    assert "minimal" in report
    assert 8 * 1920 * 1080 * 3 / 1e6 < float(peak) < 150
    with av.open(io.BytesIO(path.read_bytes()), "r") as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    clip = decode(path, lambda num_frames: evaluation_indices(num_frames, 8))
    assert all(np.array_equal(clip.images[i], images[index]) for i, index in enumerate(clip.indices))


PEAK_MEGABYTES = """
import sys
from pathlib import Path
from clips.decoding.decode import decode
from clips.decoding.survey.demuxed import MAX_HELD_BYTES
from clips.sampling import evaluation_indices
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
before = peak()
clip = decode(Path(sys.argv[1]), lambda num_frames: evaluation_indices(num_frames, 8))
print(peak() - before, clip.report)
"""
