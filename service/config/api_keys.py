"""Accepted API keys: those of TIN_API_KEYS, and those of a file that is read again when it changes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from service.config.settings import Settings

logger = logging.getLogger("service")

FileState = tuple[int, int, int]
"""Inode, size, and time of the last change in nanoseconds."""


class BadKeyFile(Exception):
    """The file of keys cannot be read, or holds none; the message names the line, and no key."""


class ApiKeys:
    """The keys that are accepted now. A file that becomes unreadable or empty leaves those that were read before."""

    def __init__(self, settings: Settings) -> None:
        self._fixed = tuple(settings.keys())
        self._file = settings.api_keys_file
        self._of_file: tuple[str, ...] | None = None
        self._state: FileState | None = None

    def current(self) -> Sequence[str]:
        """Return the keys, none where the service asks for none; raises BadKeyFile while the file was never good."""
        if self._file is None:
            return self._fixed
        state = _state_of(self._file)
        if self._of_file is None or state != self._state:
            self._of_file, self._state = self._read(self._file), state
        return self._fixed + self._of_file

    def _read(self, file: Path) -> tuple[str, ...]:
        try:
            keys = read_keys(file)
        except BadKeyFile as error:
            if self._of_file is None:
                raise
            logger.error("the API keys stay as they were: %s", error)
            return self._of_file
        if self._of_file is not None:
            logger.info("the API keys were read again from %s: %d", file, len(keys))
        return keys


def read_keys(file: Path) -> tuple[str, ...]:
    """Return the keys of a file: one a line, without empty lines and those that begin with #; raises BadKeyFile."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BadKeyFile(f"TIN_API_KEYS_FILE {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadKeyFile(f"TIN_API_KEYS_FILE {file} is not UTF-8") from error
    keys = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    keys = [(number, key) for number, key in keys if key and not key.startswith("#")]
    for number, key in keys:
        if not key.isprintable() or " " in key:
            raise BadKeyFile(f"TIN_API_KEYS_FILE {file}: line {number} is no key: it has a space or an odd character")
    if not keys:
        raise BadKeyFile(f"TIN_API_KEYS_FILE {file} holds no key; write one a line")
    return tuple(key for _, key in keys)


def _state_of(file: Path) -> FileState | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
