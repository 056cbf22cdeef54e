"""Hot reload: the registry follows its store while requests run."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread

from service.config.settings import Settings
from service.models.registry import LoadedModel, Registry, Version

logger = logging.getLogger("service")


@asynccontextmanager
async def live_registry(settings: Settings) -> AsyncIterator[Registry]:
    """Load the store's models and refresh them every `store_poll_seconds`; free them on exit.

    A model that is published, replaced or removed takes effect without a restart and costs no request.
    """
    registry = Registry({}, settings.default_model)
    await to_thread.run_sync(_refresh, registry, settings)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch, registry, settings)
        yield registry
        tasks.cancel_scope.cancel()
    registry.close()


async def _watch(registry: Registry, settings: Settings) -> None:
    while settings.store_poll_seconds:
        await anyio.sleep(settings.store_poll_seconds)
        await to_thread.run_sync(_poll, registry, settings)


def _poll(registry: Registry, settings: Settings) -> None:
    if not settings.model_store.is_dir():
        logger.warning("the model store %s is gone; the loaded models stay", settings.model_store)
        return
    try:
        _refresh(registry, settings)
    except Exception:  # the service must outlive whatever is put into its store
        logger.exception("the model store cannot be read; the loaded models stay")


def _refresh(registry: Registry, settings: Settings) -> None:
    before = registry.all()
    registry.refresh(settings)
    _log_changes(before, registry.all())


def _log_changes(before: Sequence[Version], after: Sequence[Version]) -> None:
    for version in after:
        if version not in before:
            _log(version)
    remaining = {(version.name, version.version) for version in after}
    for version in before:
        if (version.name, version.version) not in remaining:
            logger.info("model %s %s was removed from the store", version.name, version.version)


def _log(version: Version) -> None:
    name = f"{version.name} {version.version}"
    if not isinstance(version, LoadedModel):
        logger.warning("model %s is not served: %s", name, version.reason)
    elif version.update_refused is not None:
        logger.warning(
            "model %s keeps running %s; its update is refused: %s", name, version.artifact, version.update_refused
        )
    else:
        logger.info("model %s runs %s (%s)", name, version.artifact, version.reason)
