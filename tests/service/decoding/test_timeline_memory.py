"""Memory of a timeline's worker: an hour of film takes at most 250 MB."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers.paths import REPOSITORY

MOST_MEGABYTES = 250
MINUTES = (2, 20)

PEAKS = """
from contextlib import closing
from pathlib import Path
from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.windows import Windowing
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder, detach_main_module
from tests.helpers.videos.clip_recipes import x264
from tests.helpers.videos.make_clip import make_clip
from tests.helpers.videos.repeated import repeated

minute = make_clip(x264("minute", frames=1500, width=96, height=64, gop=250))

def peak(minutes):
    job = DecodeJob(repeated(minute, minutes, 60.0), ClipSpec(), DecodeLimits())
    with closing(Decoder(1 << 30)) as decoder:
        assert sum(1 for _ in decoder.windows(job, Windowing(2, 2, 10_000))) == 30 * minutes + 2
        status = Path(f"/proc/{decoder._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1000

if __name__ == "__main__":
    detach_main_module()
    print(*map(peak, (%d, %d)))
"""


def test_an_hour_fits() -> None:
    command = [sys.executable, "-c", PEAKS % MINUTES]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True)
    short, long = map(float, done.stdout.split())
    a_minute = (long - short) / (MINUTES[1] - MINUTES[0])
    assert short + 60 * a_minute < MOST_MEGABYTES
