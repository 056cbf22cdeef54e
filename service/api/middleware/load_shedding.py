"""Load shedding: a request for work is refused before anything of it is read, while no work slot is free."""

from __future__ import annotations

from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.lifespan import State

_QUESTIONS = "/v2/repository/"
"""Prefix of addresses that take a POST and no work slot."""


class LoadShedding:
    """Wraps the routes. Under load most requests are refused, which must not cost the accepted ones their time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; raises Overloaded for a POST while no work slot is free."""
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["path"].startswith(_QUESTIONS):
            cast(State, scope["state"])["gateway"].admission.work_slots.check()
        await self._app(scope, receive, send)
