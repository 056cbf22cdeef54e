"""The process of a training: its events, its priority, its environment and its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.teaching.child import NICENESS
from service.teaching.process import MAX_LINE_BYTES, TrainingProcess, environment
from tests.helpers.processes import has_ended
from tests.helpers.waiting import until


def run(script: str, log: Path) -> tuple[list[dict[str, Any]], int, str]:
    """Events, exit code and last words of a script."""

    async def follow() -> tuple[list[dict[str, Any]], int, str]:
        process = await TrainingProcess.start([sys.executable, "-c", script], log)
        events = [event async for event in process.events()]
        return events, await process.end(), process.last_words()

    return asyncio.run(follow())


def test_objects_are_events_and_other_lines_are_not(tmp_path: Path) -> None:
    script = f"""
print('{{"event": "note"}}')
print('hello'); print('[1]'); print('3'); print('{{')
print('x' * {MAX_LINE_BYTES + 1000})
print('{{"event": "error"}}')
raise SystemExit('that was it')
"""
    events, exit_code, last_words = run(script, tmp_path / "log.txt")
    assert events == [{"event": "note"}, {"event": "error"}]
    assert exit_code == 1
    assert last_words == "that was it"


def test_it_gives_way_to_the_service(tmp_path: Path) -> None:
    script = "import os, json; print(json.dumps({'nice': os.nice(0), 'group': os.getpgid(0), 'pid': os.getpid()}))"
    ((event,), exit_code, _) = run(script, tmp_path / "log.txt")
    assert exit_code == 0
    assert event["nice"] == min(19, os.nice(0) + NICENESS)
    assert event["group"] == event["pid"]


def test_secrets_stay_with_the_service() -> None:
    variables = {
        "PATH": "/bin",
        "TIN_API_KEYS": "secret",
        "OTEL_EXPORTER_OTLP_HEADERS": "secret",
        "OMP_NUM_THREADS": "8",
    }
    assert environment(variables, cores=4) == {"PATH": "/bin", "OMP_NUM_THREADS": "3", "PYTHONUNBUFFERED": "1"}
    assert environment({}, cores=1)["OMP_NUM_THREADS"] == "1"


STUBBORN = """
import json, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stubborn = 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)'
child = subprocess.Popen([sys.executable, '-c', stubborn])
print(json.dumps({'pids': [child.pid]}), flush=True)
time.sleep(60)
"""


def test_all_processes_end_also_stubborn_ones(tmp_path: Path) -> None:
    async def stop() -> list[int]:
        process = await TrainingProcess.start([sys.executable, "-c", STUBBORN], tmp_path / "log.txt")
        event = await anext(process.events())
        await process.stop(seconds=0.2)
        assert await process.end() == -9
        return list(event["pids"])

    pids = asyncio.run(stop())
    until(lambda: all(map(has_ended, pids)))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_it_does_not_outlive_a_service_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio, os, pathlib, sys
from service.teaching.process import TrainingProcess
async def main():
    process = await TrainingProcess.start(
        [sys.executable, "-c", "import os, time; print('{{\\"pid\\": %d}}' % os.getpid(), flush=True); time.sleep(60)"],
        pathlib.Path({str(tmp_path / "log.txt")!r}))
    event = await anext(process.events())
    pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(event["pid"]))
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=20)
    assert done.returncode == -9
    pid = int((tmp_path / "pid").read_text())
    until(lambda: has_ended(pid))
