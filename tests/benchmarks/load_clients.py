"""Clients of the gateway, made with locust: a few who wait for their answers, or many who come whether or not they do.

    python -m tests.benchmarks.load_clients ADDRESS VIDEO

Jobs come on stdin, one JSON object a line; an answer goes to stdout for each: what became of the requests.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from locust import FastHttpUser, task
from locust.env import Environment

SECONDS_BETWEEN = 1.0
"""From one request of a punctual client to its next: longer than an answer takes, so that none comes late."""
SECONDS_TO_SETTLE = 1.0
"""At the start of a job, which do not count: clients connect."""
SECONDS_TO_FINISH = 20.0
"""At the end of one, for the last answers."""


class Client(FastHttpUser):  # type: ignore[misc]
    """Posts the same video again and again."""

    abstract = True
    network_timeout = connection_timeout = SECONDS_TO_FINISH
    video: ClassVar[bytes]

    @task  # type: ignore[untyped-decorator]
    def predict(self) -> None:
        """One request; locust tells its listeners what came of it."""
        self.client.post("/predict", data=self.video)


class Waiting(Client):
    """Of a closed loop: posts when the last answer has come."""


class Punctual(Client):
    """Of an open loop: posts once in SECONDS_BETWEEN, beginning at any moment of it."""

    def on_start(self) -> None:
        """Clients come evenly, not all at once."""
        wait = random.uniform(0, SECONDS_BETWEEN)
        self._next = time.monotonic() + wait
        time.sleep(wait)

    def wait_time(self) -> float:
        """Until the next moment of its timetable, however long the last answer took."""
        self._next += SECONDS_BETWEEN
        return max(0.0, self._next - time.monotonic())


class Crowd:
    """All clients of one service."""

    def __init__(self, address: str, video: bytes) -> None:
        self._address = address
        Client.video = video

    def run(self, kind: str, num_clients: int, seconds: float) -> dict[str, Any]:
        """How many requests were sent, and what became of each that began within so many seconds, after the first."""
        users = {"closed": Waiting, "open": Punctual}[kind]
        environment = Environment(user_classes=[users], host=self._address, stop_timeout=SECONDS_TO_FINISH)
        requests: list[dict[str, Any]] = []
        begin = time.time() + SECONDS_TO_SETTLE
        environment.events.request.add_listener(lambda **request: requests.append(_outcome(request)))
        runner = environment.create_local_runner()
        runner.start(num_clients, spawn_rate=num_clients, wait=True)
        time.sleep(begin + seconds - time.time())
        runner.quit()
        counted = [request for request in requests if begin <= request.pop("began") < begin + seconds]
        return {"sent": len(requests), "counted": counted}


def _outcome(request: dict[str, Any]) -> dict[str, Any]:
    response = request["response"]
    return {
        "began": request["start_time"],
        "status": response.status_code,
        "milliseconds": request["response_time"],
        "retry_after": (response.headers or {}).get("retry-after"),
    }


def main() -> None:
    """Answer until stdin ends."""
    crowd = Crowd(sys.argv[1], Path(sys.argv[2]).read_bytes())
    for line in sys.stdin:
        print(json.dumps(crowd.run(**json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
