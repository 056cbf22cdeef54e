"""Load generator of locust clients: a closed loop that waits for responses, or an open loop at a fixed rate.

    python -m tests.helpers.measuring.load_clients ADDRESS VIDEO

Reads jobs from stdin, one JSON object a line, and writes the outcomes of the requests to stdout, one line per job.
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
"""Interval of a punctual client's requests: longer than a response takes, so that none is late."""
SECONDS_TO_SETTLE = 1.0
"""Warm-up at the start of a job, not measured: clients connect."""
SECONDS_TO_FINISH = 20.0
"""Limit at the end of a job, for the last responses."""


class Client(FastHttpUser):  # type: ignore[misc]
    """A client that posts the same video again and again."""

    abstract = True
    network_timeout = connection_timeout = SECONDS_TO_FINISH
    video: ClassVar[bytes]

    @task  # type: ignore[untyped-decorator]
    def predict(self) -> None:
        """Send one request; locust reports its outcome to the listeners."""
        self.client.post("/predict", data=self.video)


class Waiting(Client):
    """Client of a closed loop: posts when the last response has arrived."""


class Punctual(Client):
    """Client of an open loop: posts every SECONDS_BETWEEN, with a random first delay."""

    def on_start(self) -> None:
        """Wait for a random time, so that clients start evenly."""
        wait = random.uniform(0, SECONDS_BETWEEN)
        self._next = time.monotonic() + wait
        time.sleep(wait)

    def wait_time(self) -> float:
        """Return the seconds until the next scheduled request, independent of the last response."""
        self._next += SECONDS_BETWEEN
        return max(0.0, self._next - time.monotonic())


class Crowd:
    """Clients of one service."""

    def __init__(self, address: str, video: bytes) -> None:
        self._address = address
        Client.video = video

    def run(self, kind: str, num_clients: int, seconds: float) -> dict[str, Any]:
        """Run clients; return the number of requests sent, and the outcomes of those begun while measuring.

        Args:
            kind: "closed" or "open" loop.
            num_clients: number of clients.
            seconds: duration of the measurement, after SECONDS_TO_SETTLE.
        """
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
    """Run jobs until stdin ends."""
    crowd = Crowd(sys.argv[1], Path(sys.argv[2]).read_bytes())
    for line in sys.stdin:
        print(json.dumps(crowd.run(**json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
