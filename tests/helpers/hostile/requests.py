"""Hostile HTTP requests as raw bytes: malformed, ambiguous, or valid and useless."""

from __future__ import annotations

BODY = b"this is no video"


def head(*lines: str, first: str = "POST /predict HTTP/1.1", host: str = "Host: tin") -> bytes:
    """Return a request line and headers."""
    return "\r\n".join([first, host, *lines, "", ""]).encode("latin-1")


LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = b"10\r\nthis is no video\r\n0\r\n\r\n"


LONG = "a" * 30_000
TARGETS = (
    "/predict?top_k=" + "9" * 5_000,
    "/predict?top_k=%00",
    "/predict?top_k=1e9",
    "/predict?top_k=-0",
    "/predict?top_k=1&top_k=x",
    "/predict?%ff=%fe",
    "/predict?model=../../etc/passwd",
    "/predict?model=%00",
    "/predict?model=" + LONG,
    "/predict?version=%ed%a0%80&model=colours",
    "/predict?a%0d%0aX-Evil:1",
    "/predict?" + "&".join(f"k{n}" for n in range(5_000)),
    "/predict?" + LONG,
    "/predict?explain=maybe",
    "/predict?explain=1&explain=2&x",
    "/predict/",
    "//predict",
    "/predict%00",
    "/predict;a=b",
    "/./predict",
    "/predict/../predict",
    "/PREDICT",
    "/" + LONG,
    "/%2e%2e/%2e%2e/etc/passwd",
    "/web/../../../etc/passwd",
    "/web/%2e%2e/%2e%2e/etc/passwd",
    "/web/..%5c..%5cetc",
    "/web/%00",
    "/web/" + LONG,
    "/web//etc/passwd",
    "/problems/%00",
    "/problems/..%2f",
    "/%ff%fe",
    "/%ed%a0%80",
    "/%0d%0aX-Evil:1",
    "?",
    "*",
    "http://169.254.169.254/predict",
    "predict",
    "/%",
)
METHODS = ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post", "X" * 500)
HEADERS = (
    "Expect: 100-continue",
    "Expect: nonsense",
    "Content-Encoding: gzip",
    "Content-Encoding: \xff",
    "Range: bytes=0-1",
    "If-None-Match: *",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x",
    "Connection: close, keep-alive, X",
    "X-Request-ID: a%0d%0aSet-Cookie: evil=1",
    "X-Request-ID: \xff\xfe<script>",
    f"X-Request-ID: {LONG}",
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: \xff",
    "Content-Type: \xff\xff",
    f"Content-Type: {LONG}",
    "Content-Type: ;;;=",
    "Content-Type: multipart/form-data; boundary*0=a; boundary*1*=utf-8''%ff",
    "Authorization: Bearer \xff\xfe",
    "Authorization: " + LONG,
    "Cookie: " + "a=b; " * 5_000,
    "Accept: \xff",
    "Origin: null",
    "Inference-Header-Content-Length: -1",
    "Transfer-Encoding:",
    "TE: trailers",
    "Trailer: Content-Length",
    "Referer: \t",
)
ODD_CHUNKS = {
    "chunk extensions": b"10;a=b;c\r\nthis is no video\r\n0\r\n\r\n",
    "one byte a chunk": b"".join(b"1\r\n%c\r\n" % byte for byte in BODY * 100) + b"0\r\n\r\n",
    "leading zeros": b"0000010\r\nthis is no video\r\n0\r\n\r\n",
    "trailers": b"10\r\nthis is no video\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n",
    "no bytes": b"0\r\n\r\n",
    "too much": b"".join(b"40000\r\n" + bytes(0x40000) + b"\r\n" for _ in range(10)) + b"0\r\n\r\n",
}


def malformed() -> dict[str, bytes]:
    """Return requests that violate HTTP/1.1, by their defect."""
    return {
        "no HTTP": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 40 + b"\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/0.9": b"GET /\r\n\r\n",
        "HTTP/9.9": head(first="POST /predict HTTP/9.9"),
        "no version": head(first="POST /predict"),
        "no path": head(first="POST  HTTP/1.1"),
        "a blank in the path": head(first="POST /pre dict HTTP/1.1"),
        "a control character in the path": head(first="POST /predict\x01 HTTP/1.1"),
        "an umlaut in the path": head(first="POST /\xe4 HTTP/1.1"),
        "a strange method": head(first="P{ST /predict HTTP/1.1"),
        "no host": head(host="X: y"),
        "two hosts": head("Host: other"),
        "NUL in a header": head("X: a\0b", LENGTH) + BODY,
        "a bare return in a header": head("X: a\rb", LENGTH) + BODY,
        "a blank before the colon": head("X : a", LENGTH) + BODY,
        "no colon": head("X", LENGTH) + BODY,
        "a strange header name": head("X(y): a", LENGTH) + BODY,
        "two lengths": head(LENGTH, "Content-Length: 3") + BODY,
        "a length with a sign": head("Content-Length: +16") + BODY,
        "a negative length": head("Content-Length: -1") + BODY,
        "a length in words": head("Content-Length: many") + BODY,
        "a length of 5,000 digits": head(f"Content-Length: {'9' * 5_000}") + BODY,
        "a list of lengths": head("Content-Length: 16, 17") + BODY,
        "gzip as transfer": head("Transfer-Encoding: gzip") + BODY,
        "gzip, chunked": head("Transfer-Encoding: gzip, chunked") + CHUNKS,
        "a bad chunk for HEAD": head(CHUNKED, first="HEAD /predict HTTP/1.1") + b"x\r\n",
        "chunked twice": head("Transfer-Encoding: chunked, chunked") + CHUNKS,
        "chunked, hidden": head("Transfer-Encoding: \x0bchunked") + CHUNKS,
        "a chunk of a wrong size": head(CHUNKED) + b"3\r\nthis is no video\r\n0\r\n\r\n",
        "a chunk of no size": head(CHUNKED) + b"\r\nthis is no video\r\n0\r\n\r\n",
        "a chunk of a negative size": head(CHUNKED) + b"-1\r\nthis\r\n0\r\n\r\n",
        "a chunk of 0x10": head(CHUNKED) + b"0x10\r\nthis is no video\r\n0\r\n\r\n",
        "a chunk of a size without end": head(CHUNKED) + b"f" * 400 + b"\r\nthis\r\n",
        "a chunk behind bare line feeds": head(CHUNKED) + b"10\nthis is no video\n0\n\n",
        "a head of 100,000 bytes": head(*[f"X-{number}: {'x' * 100}" for number in range(900)], LENGTH) + BODY,
        "a path of 100,000 bytes": head(first=f"POST /{'a' * 100_000} HTTP/1.1"),
    }


def both_framings() -> dict[str, bytes]:
    """Return requests with a length and chunks, in which two readers may see different requests (request smuggling)."""
    smuggled = b"GET /health/live HTTP/1.1\r\nHost: tin\r\n\r\n"
    return {
        "length, then chunks": head("Content-Length: 6", CHUNKED) + b"0\r\n\r\n" + smuggled,
        "chunks, then length": head(CHUNKED, "Content-Length: 6") + b"0\r\n\r\n" + smuggled,
        "a length past the chunks": head("Content-Length: 60", CHUNKED) + CHUNKS + smuggled,
    }


def useless() -> dict[str, bytes]:
    """Return valid requests that the service must refuse, by their peculiarity."""
    return {
        **{f"target {target[:40]}": head(LENGTH, first=f"POST {target} HTTP/1.1") + BODY for target in TARGETS},
        **{f"method {method[:9]}": head(first=f"{method} /predict HTTP/1.1") for method in METHODS},
        **{f"header {line[:40]}": head(line, LENGTH) + BODY for line in HEADERS},
        **{f"chunks: {name}": head(CHUNKED) + chunks for name, chunks in ODD_CHUNKS.items()},
        "a length over the limit": head("Content-Length: 99999999999999999999") + BODY,
        "HTTP/1.0": head(LENGTH, first="POST /predict HTTP/1.0") + BODY,
        "HTTP/1.0 without a length": head(first="POST /predict HTTP/1.0") + BODY,
        "folded": head("X: a\r\n b", LENGTH) + BODY,
        "line feeds": head(LENGTH).replace(b"\r\n", b"\n") + BODY,
    }
