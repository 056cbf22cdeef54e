"""Base64 text: whatever the pieces, the bytes are those of base64, and anything else is refused."""

from __future__ import annotations

import base64
import json
import random

import pytest

from service.api.http.base64_text import MAX_HEAD_BYTES, Base64Text, NotBase64

VIDEO = random.Random(0).randbytes(3001)
TEXT = base64.b64encode(VIDEO).decode()


def decode(text: str, *cuts: int) -> bytes:
    """Feed the inside of a JSON string in pieces that end at `cuts`."""
    decoder, begin = Base64Text(), 0
    for end in (*cuts, len(text)):
        decoder.feed(text[begin:end].encode())
        begin = end
    video = decoder.finish()
    assert decoder.num_bytes == len(video)
    return video


def inside(text: str) -> str:
    return json.dumps(text)[1:-1]


FORMS = {
    "plain": TEXT,
    "lines": inside(base64.encodebytes(VIDEO).decode()),
    "carriage returns": inside(TEXT[:76] + "\r\n" + TEXT[76:]),
    "escaped slashes": TEXT.replace("/", "\\/"),
    "escaped plus": TEXT.replace("+", "\\u002B").replace("=", "\\u003d"),
    "uri": f"data:video/mp4;base64,{TEXT}",
    "uri without type": f"data:;base64,{TEXT}",
    "uri of a recording": f"data:video/webm;codecs=vp9,opus;base64,{TEXT}",
    "uri with quotes": inside(f'data:video/mp4; codecs="avc1.42E01E, mp4a.40.2";base64,{TEXT}'),
    "uri in capitals": f"DATA:TEXT/HTML;BASE64,{TEXT}",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_bytes_however_it_is_cut(form):
    text, rng = FORMS[form], random.Random(1)
    assert decode(text) == VIDEO
    assert decode(text, *range(1, len(text))) == VIDEO
    for _ in range(50):
        assert decode(text, *sorted(rng.sample(range(len(text)), 5))) == VIDEO


@pytest.mark.parametrize("video", [b"", b"a", b"ab", b"abc", b"abcd"])
def test_short_ones(video):
    text = base64.b64encode(video).decode()
    assert decode(text) == video
    assert decode(text, *range(1, len(text))) == video
    assert decode(f"data:video/mp4;base64,{text}") == video


@pytest.mark.parametrize(
    "text",
    [
        "AAA",
        "AAAAA",
        "A===",
        "====",
        "AA==AAAA",
        "AA==A",
        "AA==\\nAAAA",
        "AA-_",
        "AA A",
        "AA\nA",
        "AA\\\\A",
        "AA\\u0041\\u00",
        "AAA\\",
        "\\u0100AAA",
        "data:video/mp4,AAAA",
        "data:",
        "data:video/mp4;base64",
        "data:" + "x" * MAX_HEAD_BYTES + ";base64,AAAA",
        "file:///etc/passwd",
        "https://example.org/a.mp4",
        "\u00e4AAA",
    ],
)
def test_anything_else_is_refused(text):
    for cuts in ((), range(1, len(text))):
        with pytest.raises(NotBase64):
            decode(text, *cuts)


def test_a_head_that_never_ends_is_refused_early():
    decoder = Base64Text()
    with pytest.raises(NotBase64):
        decoder.feed(b"data:" + b"x" * MAX_HEAD_BYTES)
