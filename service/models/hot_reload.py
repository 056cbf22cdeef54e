"""Hot reload: the registry follows its store while requests run."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread

from service.config.settings import Settings
from service.models.policy_in_force import NEWEST
from service.models.registry import Registry
from service.models.versions import LoadedModel, UnloadedModel, Version, VersionedModel
from service.store.addresses import address_of

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
    if address_of(settings.model_store) is None and not settings.model_store.is_dir():
        logger.warning("the model store %s is gone; the loaded models stay", settings.model_store)
        return
    try:
        _refresh(registry, settings)
    except Exception:  # the service must outlive whatever is put into its store
        logger.exception("the model store cannot be read; the loaded models stay")


def _refresh(registry: Registry, settings: Settings) -> None:
    before = registry.models()
    registry.refresh(settings)
    _log_changes(_flat(before), registry.all())
    _log_policies(before, registry.models())


def _flat(models: Mapping[str, VersionedModel]) -> list[Version]:
    return [version for model in models.values() for version in model.versions]


def _log_changes(before: Sequence[Version], after: Sequence[Version]) -> None:
    for version in after:
        if version not in before:
            _log(version)
    remaining = {version.key for version in after}
    for version in before:
        if version.key not in remaining:
            logger.info("model %s %s was removed from the store", version.name, version.version)


def _log_policies(before: Mapping[str, VersionedModel], after: Mapping[str, VersionedModel]) -> None:
    for name, model in after.items():
        known, policy = before[name].policy if name in before else NEWEST, model.policy
        if policy != known and policy.reason:
            logger.warning("the policy of model %s is not followed: %s; in force: %s", name, policy.reason, policy)
        elif policy != known:
            logger.info("model %s has the policy %s", name, policy)


def _log(version: Version) -> None:
    name = f"{version.name} {version.version}"
    if isinstance(version, UnloadedModel):
        logger.info("model %s is not loaded: %s", name, version.reason)
    elif not isinstance(version, LoadedModel):
        logger.warning("model %s is not served: %s", name, version.reason)
    elif version.update_refused is not None:
        logger.warning(
            "model %s keeps running %s; its update is refused: %s", name, version.artifact, version.update_refused
        )
    else:
        logger.info("model %s runs %s (%s)", name, version.artifact, version.reason)
