"""Live teaching: one service per folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from service.config.settings import Settings
from service.teaching.errors import BadTeachFolder
from service.teaching.live_teaching import live_teaching


def test_it_is_off_unless_it_is_asked_for() -> None:
    async def main() -> None:
        async with live_teaching(Settings(), print) as teaching:
            assert teaching is None

    asyncio.run(main())


def test_a_folder_serves_one_service_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    settings = Settings(model_store=tmp_path / "store", teach=True, teach_folder=tmp_path / "taught")

    async def main() -> None:
        for _ in range(2):
            async with live_teaching(settings, print) as teaching:
                assert teaching is not None
                with pytest.raises(BadTeachFolder, match="another service"):
                    async with live_teaching(settings, print):
                        pass

    asyncio.run(main())
