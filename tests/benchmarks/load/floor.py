"""Services that do the least: what any gateway on the same HTTP server costs.

    python -m tests.benchmarks.load.floor "empty handler"
    python -m tests.benchmarks.load.floor "least handler"

Both read the body and send as many bytes as an answer has. The second one decodes and infers in between, in the
worker processes and the batches of the real service. Neither has routes, limits, JSON, a log or metrics.
"""

from __future__ import annotations

import sys
from typing import cast

from starlette.types import Receive, Scope, Send

from service.api.app import create_app
from service.api.lifespan import State
from service.config.settings import Settings
from service.decoding.job import DecodeJob
from service.deployment.uvicorn_server import listen, serve
from tests.benchmarks.load.figures import EMPTY
from tests.benchmarks.load.rung import echo, send_answer, with_handler


async def predict(scope: Scope, receive: Receive, send: Send) -> None:
    """Read a video, decode it, run the model, and send an answer that is always the same."""
    gateway = cast(State, scope["state"])["gateway"]
    chunks = []
    while True:
        message = await receive()
        chunks.append(message["body"])
        if not message["more_body"]:
            break
    model = gateway.registry.get()
    job = DecodeJob(b"".join(chunks), model.spec, gateway.settings.decode_limits())
    clip = await gateway.decoders.preprocess(job)
    await gateway.batcher.infer(model, clip.views)
    await send_answer(send)


def main() -> None:
    """Serve until SIGTERM."""
    handler, settings = echo if sys.argv[1] == EMPTY else predict, Settings(port=0)
    app = create_app(settings)
    app.middleware_stack = with_handler(app.build_middleware_stack(), handler)
    serve(app, settings, listen(settings.host, 0))


if __name__ == "__main__":
    main()
