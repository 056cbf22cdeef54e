"""Triton's perf_analyzer measures a real server, on machines that can run it: its package needs glibc 2.38."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

PERF_ANALYZER = shutil.which("perf_analyzer")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PERF_ANALYZER is None, reason="`pip install perf-analyzer` brings perf_analyzer"),
]


@pytest.mark.parametrize("name", ["clips", "video"])
def test_it_measures_clips_and_videos(base_url: str, videos: dict[str, bytes], tmp_path: Path, name: str) -> None:
    video = videos["mp4"]
    content = {"clips": bytes(8 * 32 * 32 * 3), "video": len(video).to_bytes(4, "little") + video}[name]
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"data": [{name: {"b64": base64.b64encode(content).decode()}}]}))
    command = [str(PERF_ANALYZER), "-m", "colours", "-u", base_url.removeprefix("http://"), "--input-data", str(data)]
    command += ["--measurement-mode", "count_windows", "--measurement-request-count", "20", "-s", "999", "-r", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Successful request count" in done.stdout
