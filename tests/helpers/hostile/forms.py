"""Hostile multipart bodies: malformed or unusual, and none with a valid video in the field `video`."""

from __future__ import annotations

import random
from collections.abc import Iterator

BOUNDARY = "----tin"
NOT_A_VIDEO = b"this is no video"
CHARSETS = ("undefined", "idna", "punycode", "utf-16", "utf-7", "zip", "unicode_escape", "mbcs", "", "\xff", "a" * 999)
PATHS = (
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\boot.ini",
    "a\0b.mp4",
    "a\r\nX-Evil: 1.mp4",
    "\xff\xfe",
    "%00",
    "a" * 9_000,
    "",
    ".",
    '"',
    "${jndi:ldap://127.0.0.1/a}",
    "*?<>|",
)


def part(disposition: str, body: bytes = NOT_A_VIDEO, headers: str = "") -> bytes:
    """Return one part of a form."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{headers}\r\n"
    return head.encode("latin-1") + body + b"\r\n"


def file(name: str = "video", filename: str = "clip.mp4", body: bytes = NOT_A_VIDEO, headers: str = "") -> bytes:
    """Return a part that is a file."""
    return part(f'form-data; name="{name}"; filename="{filename}"', body, headers)


END = f"--{BOUNDARY}--\r\n".encode()
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def forms() -> dict[str, tuple[str, bytes]]:
    """Return content type and body of each form, by its defect."""
    whole = file() + END
    nested = "Content-Type: multipart/mixed; boundary=inner\r\n"
    return {
        "no boundary": ("multipart/form-data", whole),
        "empty boundary": ("multipart/form-data; boundary=", whole),
        "quoted boundary": ('multipart/form-data; boundary="', whole),
        "long boundary": (f"multipart/form-data; boundary={'x' * 5_000}", whole),
        "strange boundary": ("multipart/form-data; boundary=\xff\xfe", whole),
        "two boundaries": (f"multipart/form-data; boundary=a; boundary={BOUNDARY}", whole),
        "other boundary": ("multipart/form-data; boundary=other", whole),
        **{f"charset {name}": (f"{FORM}; charset={name}", file("v\xffdeo") + whole) for name in CHARSETS},
        "nothing": (FORM, b""),
        "only the end": (FORM, END),
        "only a boundary": (FORM, f"--{BOUNDARY}\r\n".encode()),
        "no end": (FORM, file()),
        "cut in a header": (FORM, whole[:40]),
        "cut in a body": (FORM, whole[:-30]),
        "text before": (FORM, b"preamble\r\n" + whole),
        "text behind": (FORM, whole + b"epilogue" * 99),
        "bare line feeds": (FORM, whole.replace(b"\r\n", b"\n")),
        "nested": (FORM, file(headers=nested, body=b"--inner\r\n\r\nx\r\n--inner--") + END),
        "base64": (FORM, file(headers="Content-Transfer-Encoding: base64\r\n", body=b"AAAA") + END),
        "quoted-printable": (FORM, file(headers="Content-Transfer-Encoding: quoted-printable\r\n", body=b"=00=") + END),
        "a thousand fields": (FORM, b"".join(part(f'form-data; name="{n}"', b"x") for n in range(1_000)) + END),
        "a thousand files": (FORM, b"".join(file(f"{n}") for n in range(1_000)) + END),
        "two videos": (FORM, file() + file() + END),
        "text, then a video": (FORM, part('form-data; name="video"') + file() + END),
        "a video, then text": (FORM, file() + part('form-data; name="video"') + END),
        "no name": (FORM, part("form-data; filename=clip.mp4") + END),
        "empty name": (FORM, file("") + END),
        "wrong name": (FORM, file("Video") + END),
        "no disposition": (FORM, f"--{BOUNDARY}\r\nContent-Type: video/mp4\r\n\r\nx\r\n".encode() + END),
        "no headers": (FORM, f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END),
        "a header without a colon": (FORM, f"--{BOUNDARY}\r\nContent-Disposition\r\n\r\nx\r\n".encode() + END),
        "an attachment": (FORM, part('attachment; name="video"; filename="a"') + END),
        "two dispositions": (FORM, file(headers='Content-Disposition: form-data; name="other"\r\n') + END),
        "encoded name": (FORM, part("form-data; name*=utf-8''%76ideo; filename*=utf-8''%ff%00") + END),
        "continued name": (FORM, part("form-data; name*0=vi; name*1=deo; filename=a") + END),
        "endless headers": (FORM, file(headers="".join(f"X-{n}: {n}\r\n" for n in range(5_000))) + END),
        "a huge header": (FORM, file(headers=f"X-Huge: {'x' * 200_000}\r\n") + END),
        "a folded header": (FORM, file(headers="X-Folded: a\r\n b\r\n") + END),
        "a huge text": (FORM, part('form-data; name="video"', b"x" * 1_100_000) + END),
        "an empty file": (FORM, file(body=b"") + END),
        "control characters": (FORM, file("vid\0eo", "\x01\x02") + END),
        "form, url-encoded": ("application/x-www-form-urlencoded", b"video=" + b"%00" * 500),
        "mixed": (f"multipart/mixed; boundary={BOUNDARY}", whole),
        **{f"file name {number}": (FORM, file(filename=name) + END) for number, name in enumerate(PATHS)},
        **{f"field name {number}": (FORM, file(name) + END) for number, name in enumerate(PATHS)},
    }


def mangled(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` forms with a few bytes changed, removed or inserted."""
    whole = part('form-data; name="note"', b"x") + file(headers="Content-Type: video/mp4\r\n") + END
    for seed in range(count):
        rng = random.Random(seed)
        form = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(form) - 1)
            form[at : at + rng.randint(0, 2)] = rng.choice((b"", b"\0", b"\r", b"\n", b"\xff", b'"', b";", b"--", b":"))
        yield FORM, bytes(form)
