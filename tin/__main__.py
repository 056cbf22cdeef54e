"""`python -m tin`: the `tin` command, for an environment in which it is not installed."""

from __future__ import annotations

from tin.cli import main

if __name__ == "__main__":
    main()
