"""Results at an address, such as s3://bucket/results.jsonl: a working file here, uploaded as it grows.

Object stores cannot append. The working file begins as what is at the address, and is removed once all of it is there.
One that is left, because a run was killed or an upload failed, is continued by the next run.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from service.batch.errors import ResultsFileError
from service.batch.request import Options
from service.batch.results.results_file import ResultsFile
from service.store.addresses import AddressError, opened

SECONDS_BETWEEN_UPLOADS = 60.0

MAX_SHARE_OF_UPLOADS = 0.1
"""Of the time; a large file is uploaded less often."""

_CHUNK_BYTES = 1 << 20

logger = logging.getLogger("service")


@contextmanager
def open_remote_results(address: str, folder: Path, options: Options) -> Iterator[ResultsFile]:
    """Resume the results at an address in a working file, and upload it each minute and at the end, also by SIGTERM.

        with open_remote_results("s3://bucket/results.jsonl", cache, options) as results:
            results.add(result)

    Args:
        address: of the results, which need not exist. Only one run at a time may write to it.
        folder: where the working file is.
        options: of the results.

    Raises ResultsFileError as `ResultsFile.open` does, and where the address cannot be read or written.
    """
    path = folder / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.jsonl"
    _make(folder)
    with _ending_at_sigterm():
        working = WorkingFile(address, path)
        is_new = working.download()
        try:
            with ResultsFile.open(path, options, address) as results, working.uploads():
                yield results
        except ResultsFileError:
            if is_new and not working.has_more:
                path.unlink(missing_ok=True)
            raise


class WorkingFile:
    """A file that is to be copied to an address; `has_more` is True while it holds what the address lacks."""

    def __init__(self, address: str, path: Path) -> None:
        self._address = address
        self._path = path
        self._uploaded_bytes = 0
        self._ending = threading.Event()

    @property
    def has_more(self) -> bool:
        """The file has grown since it was copied to the address or from it."""
        return self._path.exists() and self._path.stat().st_size > self._uploaded_bytes

    def download(self) -> bool:
        """Copy what is at the address, unless the file has that and more; return True if it is new.

        Raises ResultsFileError where what is there is not what the file began with.
        """
        with TemporaryDirectory(dir=self._path.parent) as folder:
            there = Path(folder, "results")
            self._read(there)
            self._uploaded_bytes = there.stat().st_size
            try:
                os.link(there, self._path)  # unlike a rename, never in place of another run's
            except FileExistsError:
                if not _begins_with(self._path, there):
                    raise ResultsFileError(
                        f"{self._path} has results for {self._address}, which has others by now; move one of them away"
                    ) from None
                return False
        return True

    @contextmanager
    def uploads(self) -> Iterator[None]:
        """Upload at once, which shows that it is possible, from time to time, and at the end; then remove the file.

        Raises ResultsFileError where the first or the last upload fails.
        """
        self._upload()
        thread = threading.Thread(target=self._upload_regularly, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()
            if self.has_more:
                self._upload()
            self._path.unlink()

    def _upload_regularly(self) -> None:
        pause = SECONDS_BETWEEN_UPLOADS
        while not self._ending.wait(pause):
            started = time.monotonic()
            try:
                if self.has_more:
                    self._upload()
            except ResultsFileError as error:
                logger.warning("%s", error)
            pause = max(SECONDS_BETWEEN_UPLOADS, (time.monotonic() - started) / MAX_SHARE_OF_UPLOADS)

    def _read(self, target: Path) -> None:
        try:
            with opened(self._address) as (files, path), target.open("wb") as copy:
                if files.isdir(path):
                    raise IsADirectoryError("it is a folder; name a file in it")
                with suppress(FileNotFoundError), files.open(path, "rb") as file:
                    shutil.copyfileobj(file, copy)
        except AddressError as error:
            raise ResultsFileError(str(error)) from error

    def _upload(self) -> None:
        try:
            with opened(self._address, "written") as (files, path), TemporaryDirectory(dir=self._path.parent) as folder:
                # The file may grow meanwhile; some file systems announce its size first.
                snapshot = shutil.copyfile(self._path, Path(folder, "results"))
                files.put_file(str(snapshot), path)
                self._uploaded_bytes = snapshot.stat().st_size
        except AddressError as error:
            kept = f"; the results are in {self._path}" if self.has_more else ""
            raise ResultsFileError(f"{error}{kept}") from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsFileError(f"cannot write results to {folder}: {error.strerror}") from error


def _begins_with(path: Path, start: Path) -> bool:
    with path.open("rb") as file, start.open("rb") as expected:
        while chunk := expected.read(_CHUNK_BYTES):
            if file.read(len(chunk)) != chunk:
                return False
    return True


@contextmanager
def _ending_at_sigterm() -> Iterator[None]:
    """Raise SystemExit at SIGTERM, in the main thread, so that the block ends as by Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
