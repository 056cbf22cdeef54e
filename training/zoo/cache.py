"""Cache of published files: each is downloaded once, from its address or a mirror, and verified by its digest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from training.zoo.download import download


@dataclass(frozen=True)
class PublishedFile:
    """A file at a fixed address; `digest_start` is its SHA-256 in hex, or the first digits that its publisher gives."""

    url: str
    digest_start: str
    name: str
    """Its name in the cache."""

    def at(self, mirror: str | None) -> str:
        """Return the address, or the same path on a mirror.

        >>> PublishedFile("https://host.example/tin/a.pth", "", "a.pth").at("file:///media/zoo")
        'file:///media/zoo/tin/a.pth'

        Args:
            mirror: Another host as "http://mirror.local:8000", a folder as "file:///media/zoo" or "/media/zoo"; None
                for the publisher's own.
        """
        if mirror is None:
            return self.url
        base = mirror if "://" in mirror else Path(mirror).resolve().as_uri()
        return base.rstrip("/") + urlsplit(self.url).path


def fetch_file(file: PublishedFile, cache: Path | None = None, mirror: str | None = None) -> Path:
    """Return a published file's path in the cache, downloading it if necessary; show progress on a terminal.

    Raises DownloadError when the download fails or is not the published file.
    """
    target = (cache or default_cache()) / file.name
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(file.name, total=None)
        download(
            file.at(mirror),
            target,
            file.digest_start,
            lambda have, total: bar.update(task, completed=have, total=total),
        )
    return target


def default_cache() -> Path:
    """Return the cache folder of the XDG base directory specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tin-serve"
