"""HLS over HTTP: played at its own pace; a playlist reads no local file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest

from clips.model_input import WindowInput
from clips.windows import Windowing
from service.live.decoding import DecodingThread, Preprocessing
from service.live.mailbox import Event, Failed, Mailbox, Over
from service.live.source.address import source_of
from service.live.source.errors import SourceLost
from tests.helpers.stores import SPEC


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve_folder(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the test's folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def events_of() -> Iterator[Callable[[str], list[Event]]]:
    """Decodes a source to its end and returns what came."""
    stop = threading.Event()

    def decode(address: str) -> list[Event]:
        mailbox = Mailbox(most_windows=100)
        preprocessing = Preprocessing(SPEC, Windowing(1.0, 0.5, sys.maxsize), 640 * 480)
        thread = DecodingThread(source_of(address), preprocessing, mailbox, stop)
        thread.start()
        events: list[Event] = []
        while not events or not isinstance(events[-1], Over | Failed):
            event = mailbox.take(60.0)
            assert event is not None
            events.append(event)
        thread.join(10)
        return events

    yield decode
    stop.set()


def test_a_recorded_stream_is_played_to_its_end(
    serve_folder: str, events_of: Callable[[str], list[Event]], film: Path, tmp_path: Path
) -> None:
    write_hls(film, tmp_path / "film.m3u8")
    _, *windows, over = events_of(f"{serve_folder}/film.m3u8")
    assert isinstance(over, Over)
    assert over.seconds == pytest.approx(5.2, abs=0.01)
    starts = [window.start_seconds for window in windows if isinstance(window, WindowInput)]
    assert starts == pytest.approx([*(index / 2 for index in range(9)), 4.2], abs=0.01)


def test_a_playlist_reads_no_local_file(
    serve_folder: str, events_of: Callable[[str], list[Event]], film: Path, tmp_path: Path
) -> None:
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5.2,\nfile://{film}\n#EXT-X-ENDLIST\n"
    (tmp_path / "film.m3u8").write_text(playlist)
    (failed,) = events_of(f"{serve_folder}/film.m3u8")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, SourceLost)


def test_frames_that_are_too_large_are_refused(
    serve_folder: str, events_of: Callable[[str], list[Event]], make_video: Callable[..., Path]
) -> None:
    make_video(10, width=1280, height=720)
    (failed,) = events_of(f"{serve_folder}/10-libx264.mp4")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, SourceLost)


def write_hls(film: Path, playlist: Path) -> None:
    """Cut a film into parts of a second or so, and list them."""
    options = {"hls_time": "1", "hls_list_size": "0"}
    with av.open(str(playlist), "w", format="hls", options=options) as out, av.open(str(film)) as container:
        video = container.streams.video[0]
        stream = out.add_stream_from_template(video)
        for packet in container.demux(video):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
