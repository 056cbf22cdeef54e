from training.engine.callbacks import Audience
from training.engine.loops import Step

STEP = Step(number=0, loss=1.0, accuracy=0.5, learning_rate=0.1, gradient_norm=2.0, seconds=0.1)


class Notebook:
    def __init__(self):
        self.notes = []

    def step(self, epoch, step):
        self.notes.append((epoch, step))

    def validation(self, epoch, metrics):
        self.notes.append((epoch, metrics))

    def say(self, text):
        self.notes.append(text)


def test_every_listener_hears_all_that_is_told():
    audience, first, second = Audience(), Notebook(), Notebook()
    audience.admit(first, second)
    audience.step(0, STEP)
    audience.validation(0, {"top1_acc": 0.5})
    audience.say("one more thing")
    assert first.notes == second.notes == [(0, STEP), (0, {"top1_acc": 0.5}), "one more thing"]


def test_what_nobody_heard_is_said_to_the_first_who_listen():
    audience, early, late = Audience(), Notebook(), Notebook()
    audience.say("starting from weights")
    audience.admit(early)
    audience.admit(late)
    assert (early.notes, late.notes) == (["starting from weights"], [])
