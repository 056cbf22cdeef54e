from training.engine.callbacks import Callbacks
from training.engine.loops import Step

STEP = Step(number=0, loss=1.0, accuracy=0.5, learning_rate=0.1, gradient_norm=2.0, seconds=0.1)


class Notebook:
    def __init__(self):
        self.notes = []

    def on_step(self, epoch, step):
        self.notes.append((epoch, step))

    def on_validation(self, epoch, metrics):
        self.notes.append((epoch, metrics))

    def on_message(self, text):
        self.notes.append(text)


def test_every_listener_hears_all_that_is_told():
    callbacks, first, second = Callbacks(), Notebook(), Notebook()
    callbacks.add(first, second)
    callbacks.on_step(0, STEP)
    callbacks.on_validation(0, {"top1_acc": 0.5})
    callbacks.on_message("one more thing")
    assert first.notes == second.notes == [(0, STEP), (0, {"top1_acc": 0.5}), "one more thing"]


def test_what_nobody_heard_is_said_to_the_first_who_listen():
    callbacks, early, late = Callbacks(), Notebook(), Notebook()
    callbacks.on_message("starting from weights")
    callbacks.add(early)
    callbacks.add(late)
    assert (early.notes, late.notes) == (["starting from weights"], [])
