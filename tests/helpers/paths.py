"""Where the repository and its demo model lie."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
