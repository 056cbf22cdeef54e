"""Step that starts a process and does not come to its end."""

import subprocess
import time


def run(figures):
    child = subprocess.Popen(["sleep", "60"])
    figures.add(child=child.pid)
    time.sleep(60)
