"""The model store as a folder of this machine: TIN_MODEL_STORE itself, or the mirror of the store at its address."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from service.config.settings import Settings
from service.store.addresses import AddressError, address_of
from service.store.mirror import update_mirror
from service.store.model_store import ModelStore

logger = logging.getLogger("service")


def local_store(settings: Settings) -> Settings:
    """Return the settings with a folder as model store; that of an address is brought up to date first.

    A store that cannot be reached leaves its mirror as it was, which is a warning. Raises AddressError where there is
    no mirror yet.
    """
    address = address_of(settings.model_store)
    if address is None:
        return settings
    folder = cache_folder(settings) / hashlib.sha256(address.encode()).hexdigest()[:16]
    try:
        update_mirror(address, folder)
    except OSError as error:
        raise AddressError(f"the mirror of {address} cannot be written: {error.strerror}") from error
    except AddressError as error:
        if not ModelStore(folder).versions():
            raise
        logger.warning("the models stay as they were: %s", error)
    return settings.model_copy(update={"model_store": folder})


def cache_folder(settings: Settings) -> Path:
    """Return the folder for what is copied from addresses; it need not exist."""
    if settings.store_cache is not None:
        return settings.store_cache
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tin-serve" / "stores"
