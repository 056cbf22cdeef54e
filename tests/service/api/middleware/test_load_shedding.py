"""Load shedding: a POST is refused before the routes see it while no work slot is free."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from service.api.middleware.load_shedding import LoadShedding
from service.limits.admission import Admission, ServiceTime
from service.limits.slots import Overloaded


def seen_behind_the_gate(admission: Admission, scope: dict[str, Any]) -> bool:
    seen = []

    async def routes(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("the gate reads and sends nothing")

    gateway = SimpleNamespace(admission=admission)
    asyncio.run(LoadShedding(routes)(scope | {"state": {"gateway": gateway}}, nothing, nothing))
    return bool(seen)


def test_posts_wait_for_a_place_and_questions_do_not() -> None:
    admission = Admission(
        max_uploads=1,
        max_bytes_held=1,
        max_queue=1,
        max_timelines=1,
        max_per_key=1,
        service_time=ServiceTime(workers=1),
    )
    post, get = ({"type": "http", "method": method, "path": "/predict"} for method in ("POST", "GET"))
    index = post | {"path": "/v2/repository/index"}
    assert seen_behind_the_gate(admission, post)
    with admission.work_slots.take():
        assert seen_behind_the_gate(admission, get)
        assert seen_behind_the_gate(admission, index)
        with pytest.raises(Overloaded):
            seen_behind_the_gate(admission, post)
    assert seen_behind_the_gate(admission, post)
