from training.engine.callbacks import Callbacks
from training.engine.loops import Step

STEP = Step(number=0, loss=1.0, accuracy=0.5, learning_rate=0.1, gradient_norm=2.0, seconds=0.1)


class Recorder:
    """A callback that keeps everything."""

    def __init__(self):
        self.calls = []

    def on_step(self, epoch, step):
        self.calls.append((epoch, step))

    def on_validation(self, epoch, metrics):
        self.calls.append((epoch, metrics))

    def on_message(self, text):
        self.calls.append(text)


def test_every_callback_gets_everything():
    callbacks, first, second = Callbacks(), Recorder(), Recorder()
    callbacks.add(first, second)
    callbacks.on_step(0, STEP)
    callbacks.on_validation(0, {"top1_acc": 0.5})
    callbacks.on_message("one more thing")
    assert first.calls == second.calls == [(0, STEP), (0, {"top1_acc": 0.5}), "one more thing"]


def test_early_messages_go_to_the_first_callbacks():
    callbacks, early, late = Callbacks(), Recorder(), Recorder()
    callbacks.on_message("starting from weights")
    callbacks.add(early)
    callbacks.add(late)
    assert (early.calls, late.calls) == (["starting from weights"], [])
