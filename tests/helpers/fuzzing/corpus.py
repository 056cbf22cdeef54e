"""Corpus for fuzzing: one clip of every recipe, and files that refer to another file or to an address."""

from pathlib import Path

from tests.helpers.videos.clip_recipes import CLIPS
from tests.helpers.videos.make_clip import make_clip


def references(canary: str, address: str) -> dict[str, bytes]:
    """Return playlists and descriptions that make a reader open the file `canary`, or connect to `address`, by name."""
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
    """Change an MP4 so that its pictures lie in another file."""
    return mp4.replace(b"url \0\0\0\1", b"alis\0\0\0\0")


def write_corpus(folder: Path, canary: str, address: str) -> None:
    """Write one clip of every recipe and the files that refer to others."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, recipe in enumerate(CLIPS):
        (folder / f"{number:02}").write_bytes(make_clip(recipe))
    (folder / "outside.mp4").write_bytes(refer_outside((folder / "00").read_bytes()))
    for name, data in references(canary, address).items():
        (folder / name).write_bytes(data)
