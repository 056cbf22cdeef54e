import io
import re

import pytest
from rich.console import Console

from tests.helpers.training.steps import make_step
from training.engine.progress import ProgressBar, ProgressLines, format_figures, show_progress


def console(*, terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, _environ={})


def take_steps(progress, numbers):
    with progress as watched:
        for number in numbers:
            watched.on_step(number // 100, make_step(number, loss=2.5, accuracy=0.125))
    return watched


def test_lines_come_now_and_then_and_for_the_last_step():
    screen = console(terminal=False)
    take_steps(ProgressLines(screen, "tin", 1000, 0), range(1000))
    first, last = screen.file.getvalue().splitlines()
    assert re.fullmatch(r"tin  epoch 1  step 1/1000 \(0\.1%\)  loss 2\.500  top-1 12%  \d+:\d\d:\d\d left", first)
    assert last.startswith("tin  epoch 10  step 1000/1000 (100.0%)")
    assert last.endswith("0:00:00 left")


def test_the_time_left_is_reckoned_from_the_steps_of_this_run(monkeypatch):
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    screen = console(terminal=False)
    take_steps(ProgressLines(screen, "tin", 1000, 900, every=20), range(900, 906))
    left = [line.split()[-2] for line in screen.file.getvalue().splitlines()]
    assert left == ["0:16:30", "0:16:10", "0:15:50"], "ten seconds a step, of which 99, 97 and 95 are left"


def test_a_bar_goes_on_from_the_steps_behind_it():
    screen = console(terminal=True)
    take_steps(ProgressBar(screen, "tin", 1000, 900), range(900, 910))
    assert "910/1000" in screen.file.getvalue()
    assert "loss 2.500  top-1 12%" in screen.file.getvalue()


@pytest.mark.parametrize("kind", [ProgressBar, ProgressLines])
def test_what_is_said_is_printed_as_it_is(kind):
    screen = console(terminal=kind is ProgressBar)
    with kind(screen, "tin", 10, 0) as progress:
        progress.on_message("from [bold]weights[/bold].safetensors")
        progress.on_validation(0, {"top1": 0.4425, "top5": 0.7394})
    said = screen.file.getvalue()
    assert "from [bold]weights[/bold].safetensors\n" in said
    assert "epoch 1: top1 0.4425, top5 0.7394\n" in said


def test_output_that_is_no_terminal_gets_lines(capsys):
    with show_progress("tin", 10) as progress:
        progress.on_step(0, make_step(0))
    assert capsys.readouterr().out.startswith("tin  epoch 1  step 1/10 (10.0%)")


def test_figures_in_words():
    assert format_figures({"loss": 2.302585, "accuracy": 0.0625}) == "loss 2.303, accuracy 0.0625"
