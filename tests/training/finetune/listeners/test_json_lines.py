import json
from typing import Any

from training.engine.loops import Step
from training.finetune.listeners.events import Planned, Progress, Validated
from training.finetune.listeners.json_lines import JsonLines, TrainingEvents


def step(number):
    return Step(number, loss=1.25, accuracy=0.5, learning_rate=0.1, gradient_norm=1.0, seconds=0.1)


def test_an_event_is_a_line_of_json(capsys):
    JsonLines().tell(Planned(128, 40, 15, 'clips of "240" pixels\nor so'))
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "event": "plan",
        "side": 128,
        "epochs": 40,
        "minutes": 15,
        "reason": 'clips of "240" pixels\nor so',
    }


def test_steps_are_told_now_and_then_and_the_last_one_always():
    told: list[Any] = []
    events = TrainingEvents(told.append, total_steps=1000, first_step=0)
    for number in range(1000):
        events.on_step(number // 100, step(number))
    assert len(told) < 100
    assert isinstance(told[0], Progress)
    assert (told[-1].done, told[-1].total, told[-1].epoch, told[-1].eta_seconds) == (1000, 1000, 10, 0)


def test_validations_are_told_with_the_best_so_far():
    told: list[Any] = []
    events = TrainingEvents(told.append, total_steps=3, first_step=0)
    for epoch, top1 in enumerate((0.5, 0.75, 0.25)):
        events.on_validation(epoch, {"top1_acc": top1})
    assert told == [Validated(1, 0.5, 0.5), Validated(2, 0.75, 0.75), Validated(3, 0.25, 0.75)]
