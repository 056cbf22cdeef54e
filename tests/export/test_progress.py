"""Progress of an export: a line per step, or the status of a terminal."""

import logging

from export.progress import progress_on_stderr, progress_to

LOGGER = logging.getLogger("export.parity.report")


def log():
    LOGGER.info("%s: exporting", "onnx")
    LOGGER.warning("skipped %s", "[red].mp4")


def test_off_a_terminal_each_step_is_a_line(capsys):
    with progress_on_stderr("letters 1: "):
        log()
    lines = [line.split("s  ")[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["letters 1: onnx: exporting", "letters 1: skipped [red].mp4"]


def test_on_a_terminal_only_warnings_stay(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress_on_stderr():
        log()
    lines = [line for line in capsys.readouterr().err.split("\n") if "skipped" in line]
    assert len(lines) == 1
    assert lines[0].endswith("skipped [red].mp4")


def test_steps_and_warnings_go_to_functions(capsys):
    steps: list[str] = []
    warnings: list[str] = []
    with progress_to(steps.append, warnings.append):
        log()
    assert (steps, warnings) == (["onnx: exporting"], ["skipped [red].mp4"])
    assert capsys.readouterr().err == ""


def test_other_code_s_records_are_not_shown_and_nothing_stays_attached(capsys):
    with progress_on_stderr():
        logging.getLogger("elsewhere").warning("not ours")
    log()
    assert "exporting" not in capsys.readouterr().err
    assert not logging.getLogger("export").handlers
