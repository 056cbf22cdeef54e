"""The first question to a request for work, asked before anything of it is looked at: is there room?"""

from __future__ import annotations

from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from service.inference.pipeline import State


class LoadShedding:
    """Wraps the routes. Under load most of what comes is sent away, and must not cost what is accepted its time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; raises Overloaded for one that posts while there is no place to work on it."""
        if scope["type"] == "http" and scope["method"] == "POST":
            cast(State, scope["state"])["gateway"].admission.check_room()
        await self._app(scope, receive, send)
