"""Live teaching: the folder of the takes, opened for one service and freed at its end."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from service.config.settings import Settings
from service.teaching.errors import BadTeachFolder
from service.teaching.requirements import check_teach_folder
from service.teaching.teaching import Teaching

logger = logging.getLogger("service")


@asynccontextmanager
async def live_teaching(settings: Settings, count: Callable[[str], None]) -> AsyncIterator[Teaching | None]:
    """Open the folder of the takes; end a training on exit. None where teaching is off.

    Raises BadTeachFolder where the folder cannot be used, or another service uses it.
    """
    if not settings.teach or settings.teach_folder is None:
        yield None
        return
    check_teach_folder(settings)
    with _only_user_of(settings.teach_folder):
        teaching = Teaching(
            settings.teach_folder,
            max_bytes=settings.teach_max_bytes,
            store=settings.model_store,
            minutes=settings.teach_minutes,
            count=count,
        )
        if reason := teaching.why_not_trainable():
            logger.warning("takes are kept, but nothing can be trained: %s", reason)
        yield teaching
        await teaching.close()


@contextmanager
def _only_user_of(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadTeachFolder(f"another service uses TIN_TEACH_FOLDER {folder}; name a folder of its own") from error
