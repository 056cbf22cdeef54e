"""Write the tables of README and docs from the newest results of the benchmarks.

python -m tests.benchmarks.tables
"""

from __future__ import annotations

from rich.console import Console

from tests.benchmarks.tables.pages import pages
from training.files import replace_file


def main() -> None:
    console = Console()
    for path, text in pages().items():
        changed = path.read_text() != text
        replace_file(path, text.encode())
        console.print(f"{path.name}: {'written' if changed else 'unchanged'}")


if __name__ == "__main__":
    main()
