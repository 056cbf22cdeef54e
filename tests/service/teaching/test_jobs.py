"""Jobs on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.teaching.job import Job, JobStatus
from service.teaching.jobs import Jobs

JOB = Job(id="secret", name="wave", started_at=100.0)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def test_the_last_job_is_kept(jobs: Jobs) -> None:
    assert jobs.last() is None
    done = JOB.model_copy(update={"status": JobStatus.DONE})
    jobs.keep(done)
    assert jobs.last() == done


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.CANCELLING])
def test_a_job_that_lost_its_service_has_failed(jobs: Jobs, status: JobStatus) -> None:
    jobs.keep(JOB.model_copy(update={"status": status}))
    lost = jobs.last()
    assert lost is not None
    assert lost.status == JobStatus.FAILED
    assert "stopped" in str(lost.error)


def test_a_damaged_file_is_no_job(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{")
    (tmp_path / "models.json").write_text("{")
    assert jobs.last() is None
    assert jobs.models() == []


def test_models_are_noted_once(jobs: Jobs) -> None:
    for name in ("wave", "clap", "wave"):
        jobs.add_model(name)
    assert jobs.models() == ["clap", "wave"]


@pytest.mark.parametrize("report", ["report", "report/report.html"])
def test_of_a_job_its_report_stays(jobs: Jobs, report: str) -> None:
    jobs.clear()
    jobs.clips.mkdir()
    (jobs.work / "report").mkdir(parents=True)
    (jobs.work / "report" / "report.html").write_text("<h1>")
    (jobs.work / "checkpoint.safetensors").write_bytes(b"weights")
    jobs.tidy(str(jobs.work / report))
    assert [path.name for path in jobs.folder.iterdir()] == ["report.html"]
    jobs.clear()
    assert list(jobs.folder.iterdir()) == []


def test_no_other_file_becomes_the_report(jobs: Jobs, tmp_path: Path) -> None:
    jobs.clear()
    jobs.work.mkdir()
    secret = tmp_path / "secret.html"
    secret.write_text("secret")
    (jobs.work / "link.html").symlink_to(secret)
    for report in (secret, jobs.work / "link.html", jobs.work / "none.html"):
        jobs.tidy(str(report))
        assert not jobs.report.exists()


def test_a_folder_that_cannot_be_written_to_costs_no_job(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "job.json").mkdir()
    jobs.keep(JOB)
    assert jobs.last() is None
