"""Step whose process crashes."""

import os
import signal


def run(figures):
    figures.add(ms=3)
    os.kill(os.getpid(), signal.SIGSEGV)
