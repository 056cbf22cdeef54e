"""The service, except that it decodes every video on one thread.

python -m tests.benchmarks.latency.one_thread serve --port 0
"""

from service.__main__ import cli
from service.decoding import pool

if __name__ == "__main__":
    pool.MAX_THREADS = 1
    cli()
