"""Load generator: asyncio clients that post one video, in a closed loop or at a fixed rate.

    python -m tests.benchmarks.peers.clients

Reads jobs from stdin, one JSON object a line, and writes a JSON object a line to stdout: `outcomes`, each
`[begun, ended, status]` in seconds since the job began, and `cpu_seconds` of this process for the job. A status of 0 is
an answer that did not come in time, -1 a connection that broke.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

TIMED_OUT, BROKEN = 0, -1
SECONDS_BETWEEN_TRIES = 0.2

Outcome = tuple[float, float, int]
Send = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True)
class Request:
    """A POST of a video; the body is raw, or a form with one field."""

    address: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, address: str, video: bytes, *, field: str) -> Request:
        """Encode the body once for all requests."""
        if not field:
            return cls(address, {"Content-Type": "application/octet-stream"}, video)
        head = f'--video\r\nContent-Disposition: form-data; name="{field}"; filename="clip.mp4"\r\n'
        body = head.encode() + b"Content-Type: video/mp4\r\n\r\n" + video + b"\r\n--video--\r\n"
        return cls(address, {"Content-Type": "multipart/form-data; boundary=video"}, body)


async def closed_loop(send: Send, num_clients: int, seconds: float) -> None:
    """Run clients that send when the last answer has come, for some seconds."""
    until = time.monotonic() + seconds

    async def client() -> None:
        while time.monotonic() < until:
            await send()

    await asyncio.gather(*(client() for _ in range(num_clients)))


async def open_loop(send: Send, rate: float, seconds: float) -> None:
    """Send at a fixed rate for some seconds, whether answers come or not; wait for those that do."""
    began = time.monotonic()
    tasks: list[asyncio.Task[None]] = []
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(send()))
    await asyncio.gather(*tasks)


async def run_job(job: dict[str, Any]) -> list[Outcome]:
    """Run a job; return its outcomes.

    `job` has `address`, `video` (a path), `field` (of the form; empty for a raw
    body), `patience` (seconds until a client gives up), `seconds`, and
    `num_clients` for a closed loop or `rate` for an open one.
    """
    request = Request.of(job["address"], Path(job["video"]).read_bytes(), field=job["field"])
    outcomes: list[Outcome] = []
    began = time.monotonic()
    limits = aiohttp.ClientTimeout(total=job["patience"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=limits) as session:

        async def send() -> None:
            start = time.monotonic()
            status = await _status(session, request)
            outcomes.append((start - began, time.monotonic() - began, status))
            if status != 200:
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)

        if "rate" in job:
            await open_loop(send, job["rate"], job["seconds"])
        else:
            await closed_loop(send, job["num_clients"], job["seconds"])
    return outcomes


async def _status(session: aiohttp.ClientSession, request: Request) -> int:
    try:
        async with session.post(request.address, data=request.body, headers=request.headers) as response:
            await response.read()
            return response.status
    except TimeoutError:
        return TIMED_OUT
    except aiohttp.ClientError:
        return BROKEN


def results(jobs: Iterable[str]) -> Iterable[str]:
    """Run jobs given as JSON; yield their results as JSON."""
    for line in jobs:
        before = time.process_time()
        outcomes = asyncio.run(run_job(json.loads(line)))
        yield json.dumps({"outcomes": outcomes, "cpu_seconds": time.process_time() - before})


def main() -> None:
    """Run jobs until stdin ends."""
    for line in results(sys.stdin):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
