"""A real RTSP server, GStreamer's, in a process of its own that tests can end and start again."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("gst_rtsp.py")
PYTHON = "/usr/bin/python3"
"""The system's Python, for which Debian packs GStreamer."""
IMPORTS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


class RtspServer:
    """Serves a film of H.264 in MP4 at `url`, which stays the same when it is ended and started again."""

    def __init__(self, film: Path) -> None:
        self._film = film
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the film."""
        return f"rtsp://127.0.0.1:{self._port}/film"

    def start(self) -> None:
        """Start the server and wait until it listens."""
        command = [PYTHON, str(SCRIPT), str(self._film), self._port]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port = self._process.stdout.readline().strip()
        assert self._port, "the RTSP server did not start"

    def stop(self) -> None:
        """End the server and its connections at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._process = None


def require_rtsp_server() -> None:
    """Skip the test where there is no RTSP server; fail it where TIN_REQUIRE_RTSP=1."""
    with suppress(OSError):
        if subprocess.run([PYTHON, "-c", IMPORTS], capture_output=True, check=False).returncode == 0:
            return
    if os.environ.get("TIN_REQUIRE_RTSP") == "1":
        pytest.fail("TIN_REQUIRE_RTSP=1, but there is no GStreamer RTSP server")
    pytest.skip("there is no RTSP server; Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi have one")
