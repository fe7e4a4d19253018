"""`python -m core.engine --store DIR --parent PID`: be the engine of a results folder. The dashboard starts it."""

import argparse
import logging
import os
import sys
from pathlib import Path

from core import paths
from core.engine.server import serve

IDLE_SECONDS = 900.0


def main() -> None:
    """Parse the command line, answer, and end without waiting for work that nobody wants any more."""
    parser = argparse.ArgumentParser(prog="core.engine", description="Keep cases open and answer picks.")
    parser.add_argument("--store", required=True, type=Path, help="folder of results")
    parser.add_argument("--parent", type=int, help="process without which nobody needs this one")
    parser.add_argument(
        "--idle", type=float, default=IDLE_SECONDS, help="end after so many seconds without a question"
    )
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    paths.use_store(chosen.store)
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    serve(chosen.store, chosen.parent, chosen.idle)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
