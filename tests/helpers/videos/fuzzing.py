"""Damaged and deceitful files, and what decoding may do with them: give frames or a ClipError, and touch nothing else.

python -m tests.helpers.videos.fuzzing CORPUS --seed 1 --cases 500     a child of test_fuzz.py
python -m tests.helpers.videos.fuzzing CORPUS --atheris [OPTION ...]   until Ctrl-C; `make fuzz`
"""

import argparse
import ctypes
import importlib
import os
import pkgutil
import random
import sys
import time
from pathlib import Path

import av

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import open_stream
from clips.sampling import evaluation_indices
from clips.windows import Windowing, frames_within, windows_of
from tests.helpers.videos.confinement import confine
from tests.helpers.videos.made import CLIPS, make

BOUNDS = DecodeLimits(max_pixels_per_frame=1920 * 1088, max_packets=2_000, max_frames=2_000, max_cpu_seconds=4)
SLACK_SECONDS = 2
"""One packet may be under way when the time runs out."""
MAX_GROWTH_BYTES = 400 << 20
STATUS = os.open("/proc/self/status", os.O_RDONLY)
"""Opened before opening is forbidden."""


def references(canary: str, address: str) -> dict[str, bytes]:
    """Files that ask their reader to open a file, or to call an address."""
    texts = {}
    for kind, target in {"path": canary, "file": f"file:{canary}", "http": f"http://{address}/x.ts"}.items():
        texts[f"{kind}.m3u8"] = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
        texts[f"{kind}.key.m3u8"] = f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:9,\n{target}\n'
        texts[f"{kind}.ffconcat"] = f"ffconcat version 1.0\nfile '{target}'\nduration 1\n"
        texts[f"{kind}.asx"] = f"[Reference]\r\nRef1={target}\r\n"
        texts[f"{kind}.mpd"] = f'<?xml version="1.0"?><MPD type="static"><BaseURL>{target}</BaseURL></MPD>'
    host, port = address.split(":")
    texts["stream.sdp"] = f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\nm=video {port} RTP/AVP 96\n"
    return {name: text.encode() for name, text in texts.items()}


def refer_outside(mp4: bytes) -> bytes:
    """An MP4 that says that its pictures lie in another file."""
    return mp4.replace(b"url \0\0\0\1", b"alis\0\0\0\0")


def write_corpus(folder: Path, canary: str, address: str) -> None:
    """One file of every kind, and those that refer to others."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, made in enumerate(CLIPS):
        (folder / f"{number:02}").write_bytes(make(made))
    (folder / "outside.mp4").write_bytes(refer_outside((folder / "00").read_bytes()))
    for name, data in references(canary, address).items():
        (folder / name).write_bytes(data)


def damage(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """One to three of: flip bits, put extreme numbers, cut a piece out, cut the end off, splice, repeat."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice((_flip, _extreme, _cut_out, _cut_off, _splice, _repeat))(data, others, rng)
    return data


def _flip(data, others, rng):
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 24) if data else 0):
        damaged[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _extreme(data, others, rng):
    at = _place(data, rng)
    return data[:at] + rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0")) + data[at + 4 :]


def _cut_out(data, others, rng):
    start, end = _piece(data, rng)
    return data[:start] + data[end:]


def _cut_off(data, others, rng):
    return data[: _place(data, rng)]


def _splice(data, others, rng):
    other, at = rng.choice(others), _place(data, rng)
    start, end = _piece(other, rng)
    return data[:at] + other[start:end] + data[at:]


def _repeat(data, others, rng):
    start, end = _piece(data, rng)
    return data[:end] + data[start:end] * rng.randint(1, 8) + data[end:]


def _place(data, rng):
    """Anywhere, but half of the time among the headers."""
    reach = min(len(data), 600) if rng.random() < 0.5 else len(data)
    return rng.randrange(reach) if reach else 0


def _piece(data, rng):
    start = _place(data, rng)
    return start, min(len(data), start + rng.choice((1, 4, 188, 1000, 5000)))


def check(data: bytes) -> str:
    """Decode; anything but frames or a ClipError, within the limits, raises. Says which of them it was."""
    started = time.thread_time()
    try:
        clip = decode(data, lambda num_frames: evaluation_indices(num_frames, 8), BOUNDS)
    except ClipError as error:
        outcome = type(error).__name__
    else:
        outcome = clip.report.path
        assert len(clip.images) == len(clip.indices) == len(clip.times) == 8
        assert all(image.ndim == 3 and image.shape[2] == 3 and image.dtype == "uint8" for image in clip.images)
        assert all(image.size <= 3 * BOUNDS.max_pixels_per_frame for image in clip.images)
    check_stream(data)
    assert time.thread_time() - started < 2 * (BOUNDS.max_cpu_seconds + SLACK_SECONDS), "took too long"
    return outcome


def check_stream(data: bytes) -> None:
    """The same for a frame of each window of a timeline."""
    try:
        with open_stream(data, BOUNDS) as stream:
            windows = windows_of(stream.duration_seconds, Windowing(0.4, 0.2, 2000))
            wanted = {frames_within(window, stream.times)[-1] for window in windows}
            taken = [(index, image.shape[2]) for index, image in stream.frames(wanted)]
    except ClipError:
        return
    assert taken == [(index, 3) for index in sorted(wanted)]


def load_late_parts() -> None:
    """What PyAV and the C library load only when a file has such a stream, or names in such a charset."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.startswith("av.__main__"):
            importlib.import_module(module.name)
    libc = ctypes.CDLL(None)
    for charset in ("ISO6937", "UCS-2BE", "KSC_5601", "GB2312", *(f"ISO-8859-{number}" for number in range(1, 16))):
        libc.iconv_open(b"UTF-8", charset.encode())


def run_cases(corpus: list[bytes], seed: int, cases: int) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    peak = _peak_bytes()
    for case in range(cases):
        rng = random.Random(seed * 1_000_003 + case)
        try:
            outcome = check(damage(rng.choice(corpus), corpus, rng))
        except BaseException:
            sys.stderr.write(f"seed {seed}, case {case}\n")
            raise
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert _peak_bytes() - peak < MAX_GROWTH_BYTES, f"memory grew by {(_peak_bytes() - peak) >> 20} MB"
    return outcomes


def _peak_bytes():
    return int(os.pread(STATUS, 4096, 0).split(b"VmHWM:")[1].split()[0]) * 1024


def fuzz_for_ever(corpus: Path, options: list[str]) -> None:
    import atheris  # noqa: PLC0415 - an extra that only this needs

    if not corpus.is_dir():
        write_corpus(corpus, "/nowhere/canary.ts", "127.0.0.1:9")
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options, str(corpus)], check)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--atheris", action="store_true")
    arguments, options = parser.parse_known_args()
    if arguments.atheris:
        fuzz_for_ever(arguments.corpus, options)
        return
    corpus = [path.read_bytes() for path in sorted(arguments.corpus.iterdir())]
    check(corpus[0])
    load_late_parts()
    confine()
    for data in corpus:
        check(data)
    sys.stdout.write(f"{run_cases(corpus, arguments.seed, arguments.cases)}\n")


if __name__ == "__main__":
    main()
