"""Step that fails after its first figure."""


def run(figures):
    figures.add(ms=3)
    raise AssertionError("no kernel image")
