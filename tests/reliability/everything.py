"""Runs every reliability command in turn, each at its full size, and goes on when one fails.

    python tests/reliability/everything.py [TOPIC ...]

All of it takes some three hours on two cores; nothing else should be at work meanwhile.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NOT_COMMANDS = {"__init__", "everything", "record"}
AGAIN = {"kills": ["--preset", "digits-badnet"]}
"""Topics that run a second time, with this asked for."""


def topics() -> list[str]:
    """Names of the commands in this folder."""
    scripts = (path for path in HERE.glob("*.py") if not path.stem.startswith("test_"))
    return sorted(p.stem for p in scripts if p.stem not in NOT_COMMANDS and "__main__" in p.read_text())


def turns(topic: str) -> list[list[str]]:
    """What is asked for each time that a topic runs."""
    return [[], AGAIN[topic]] if topic in AGAIN else [[]]


def main(asked: list[str]) -> int:
    """Run the asked topics, or all; returns how many failed."""
    if unknown := set(asked) - set(topics()):
        sys.exit(f"unknown topic {', '.join(sorted(unknown))}: choose from {', '.join(topics())}")
    failed = 0
    for topic in asked or topics():
        began, command = time.monotonic(), [sys.executable, str(HERE / f"{topic}.py")]
        codes = [subprocess.run([*command, *more], check=False).returncode for more in turns(topic)]
        failed += sum(map(bool, codes))
        print(f"{topic}: status {codes} after {time.monotonic() - began:.0f} s", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
