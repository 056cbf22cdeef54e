"""Hostile JSON bodies: malformed, deep, huge or with text that is no base64, and none with a valid video."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator

JSON = "application/json"
TEXT = base64.b64encode(b"this is no video" * 4).decode()

MEDIA_TYPES = (
    "",
    "video/mp4",
    "text/html",
    "video/webm;codecs=vp9,opus",
    'video/mp4; codecs="avc1.42E01E"',
    "application/x-mpegURL",
    "../../etc/passwd",
    "a" * 100,
    "\x00",
    "\N{CLAPPER BOARD}",
)
ADDRESSES = (
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "https://127.0.0.1/a.mp4",
    "concat:a|b",
    "data:",
    "data:,a",
)
NO_BASE64 = (
    "AAA",
    "A===",
    "====",
    "AA==AAAA",
    "AA-_",
    "AA AA",
    "AA\0A",
    "%41%41%41%41",
    "\ud800",
    "\u202e" * 99,
    "A" * 9_999 + "!",
    "\\" * 999,
    '"' * 999,
)
TYPES: tuple[object, ...] = (None, True, 0, 1e308, [], {}, [TEXT], {"video": TEXT}, {"base64": TEXT})


def bodies() -> dict[str, tuple[str, bytes]]:
    """Return content type and body of each JSON, by its defect."""
    good = json.dumps({"video": TEXT})
    texts = {
        "nothing": "",
        "white space": " \n" * 999,
        "no JSON": "video",
        "a number": "1e9999",
        "an array": f'["video", "{TEXT}"]',
        "text": '"video"',
        "cut in the video": good[:40],
        "cut behind it": good[:-1],
        "text behind": good + good,
        "a comma too many": good[:-1] + ",}",
        "single quotes": good.replace('"', "'"),
        "twice": f'{{"video": "{TEXT}", "video": "{TEXT}"}}',
        "NaN": f'{{"video": "{TEXT}", "top_k": NaN}}',
        "a huge number": f'{{"top_k": {"9" * 9_000}, "video": "{TEXT}"}}',
        "escaped name": f'{{"\\u0076ideo": "{TEXT}"}}',
        "a prototype": f'{{"__proto__": {{}}, "video": "{TEXT}"}}',
        "deep arrays": "[" * 500_000,
        "deep objects": '{"a":' * 100_000,
        "deep behind": f'{{"video": "{TEXT}", "model": {"[" * 100_000}',
        "deep videos": '{"video":' * 100_000,
        "a thousand fields": json.dumps({f"f{number}": number for number in range(1_000)} | {"video": TEXT}),
        "a huge field": json.dumps({"model": "x" * 1_500_000, "video": TEXT}),
        "a huge name": json.dumps({"x" * 1_500_000: TEXT}),
        "line breaks": '{"video": "' + "\\n" * 700_000,
        "many quotes": '{"video": "' + '\\"' * 700_000,
        "an unpaired surrogate": f'{{"video": "{TEXT}\\ud800"}}',
        "a byte order mark": "\ufeff" + good,
        "a path for a model": json.dumps({"video": TEXT, "model": "../../etc"}),
        "an unknown field": json.dumps({"video": TEXT, "url": "http://169.254.169.254/"}),
        "no video": json.dumps({"clip": TEXT}),
        "an empty video": json.dumps({"video": ""}),
        **{f"type {number}": json.dumps({"video": value}) for number, value in enumerate(TYPES)},
        **{
            f"parameter {number}": json.dumps({"video": TEXT, "top_k": value}) for number, value in enumerate(TYPES[1:])
        },
        **{f"no base64 {number}": json.dumps({"video": text}) for number, text in enumerate(NO_BASE64)},
        **{f"address {number}": json.dumps({"video": text}) for number, text in enumerate(ADDRESSES)},
        **{f"uri {kind}": json.dumps({"video": f"data:{kind};base64,{TEXT}"}) for kind in MEDIA_TYPES},
    }
    encoded = {name: (JSON, text.encode("utf-8", "surrogatepass")) for name, text in texts.items()}
    return encoded | {
        "UTF-16": (f"{JSON}; charset=utf-16", good.encode("utf-16")),
        "not UTF-8": (JSON, b'{"model": "\xff", "video": "AAAA"}'),
        "raw bytes": (JSON, bytes(range(256)) * 20),
        "a form": (JSON, b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nx\r\n--x--\r\n'),
        "strange charset": (f"{JSON}; charset=\xff\xfe", good.encode()),
    }


def mangled(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` bodies with a few bytes changed, removed or inserted."""
    whole = json.dumps({"top_k": 3, "video": f"data:video/mp4;base64,{TEXT}", "explain": False}).encode()
    for seed in range(count):
        rng = random.Random(seed)
        body = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(body) - 1)
            body[at : at + rng.randint(0, 2)] = rng.choice((b"", b"\0", b"\\", b"\n", b"\xff", b'"', b"{", b"]", b":"))
        yield JSON, bytes(body)
