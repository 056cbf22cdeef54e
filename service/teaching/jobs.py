"""Jobs on the disk: the last training with its takes, its working folder and its report, and the names of all models.

<root>/job.json         the last job
<root>/models.json      names of the models that were taught here
<root>/job/clips/       its takes, as they were at its start
<root>/job/work/        the working folder of `tin finetune`
<root>/job/log.txt      what it wrote to stderr
<root>/job/report.html  the report; takes and working folder are deleted at the end
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from service.store.atomic import replacing
from service.teaching.job import Job, JobStatus

REPORT_PAGE = "report.html"

STOPPED = "the service was stopped while it trained; press Train again"

logger = logging.getLogger("service")


class Jobs:
    """The files of the jobs below `root`; blocks."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / "job"
        self.clips = self.folder / "clips"
        self.work = self.folder / "work"
        self.log = self.folder / "log.txt"
        self.report = self.folder / REPORT_PAGE

    def last(self) -> Job | None:
        """Return the last job; one that had not ended was lost with the service that ran it."""
        try:
            job = Job.model_validate_json((self._root / "job.json").read_bytes())
        except (OSError, ValidationError):
            return None
        if job.has_ended:
            return job
        return job.model_copy(update={"status": JobStatus.FAILED, "error": STOPPED})

    def keep(self, job: Job) -> None:
        """Write a job; on a full disk it lives on in memory alone."""
        self._write("job.json", job.model_dump_json(indent=2))

    def models(self) -> list[str]:
        """Return the names of the models that were taught here."""
        with suppress(OSError, ValueError):
            return [str(name) for name in json.loads((self._root / "models.json").read_text())]
        return []

    def add_model(self, name: str) -> None:
        """Note that a model was taught here, so that its next version may be as well."""
        self._write("models.json", json.dumps(sorted({*self.models(), name})))

    def clear(self) -> None:
        """Make an empty folder for a job; the report of the one before is gone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def tidy(self, report: str | None) -> None:
        """Keep the report, a page or a folder with one that lies in the working folder, and delete the rest."""
        if report is not None:
            self._keep_report(Path(report))
        for folder in (self.clips, self.work):
            shutil.rmtree(folder, ignore_errors=True)

    def _keep_report(self, report: Path) -> None:
        pages = [report] if report.suffix == ".html" else sorted(report.glob("*.html"))
        inside = [page for page in pages if page.resolve().is_relative_to(self.work.resolve()) and page.is_file()]
        if inside:
            with suppress(OSError):
                shutil.copyfile(inside[0], self.report)

    def _write(self, name: str, text: str) -> None:
        try:
            with replacing(self._root / name) as aside:
                aside.write_text(text, encoding="utf-8")
        except OSError as error:
            logger.warning("%s of TIN_TEACH_FOLDER cannot be written: %s", name, error.strerror)
