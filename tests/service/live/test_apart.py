"""Addresses are opened by `tin live` only: the service opens none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.scripted_server import ScriptedServer

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}/part.ts\n#EXT-X-ENDLIST\n"
DESCRIPTION = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)


def test_the_service_does_not_have_the_code() -> None:
    code = "import sys, service.api.app; print(*[name for name in sys.modules if name.startswith('service.live')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", ["/predict", "/timeline"])
def test_an_address_that_is_sent_is_not_opened(start_service: Callable[..., str], store: Path, path: str) -> None:
    with ScriptedServer() as server, httpx.Client(base_url=start_service(model_store=store), timeout=60) as client:
        address = server.url.removeprefix("http://")
        bodies = [server.url, f"rtsp://{address}/film", PLAYLIST.format(url=server.url), DESCRIPTION]
        for body in bodies:
            assert client.post(path, content=body.encode()).status_code == 415
        assert client.post(path, json={"video": f"rtsp://{address}/film"}).status_code in {400, 415, 422}
        assert server.num_connections == 0
