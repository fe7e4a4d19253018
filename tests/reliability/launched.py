"""Starts a page as `streamlit run` does, and writes down once a second what is alive in its memory.

    python tests/reliability/launched.py FILE.json [--as-glibc-likes] run app/main.py ...

Alive is what was asked for and not given back: by C code (glibc's mallinfo2), and by Python for small objects, which it
keeps in arenas of its own. What a process takes beyond that are holes. `--as-glibc-likes` leaves out app/heaps.py.
"""

import ctypes
import json
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PER_BLOCK = 91
"""Bytes of a small object of Python in our server, by its own account (sys._debugmallocstats)."""
FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class Account(ctypes.Structure):
    """What glibc tells of its heaps."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in FIELDS.split())


def alive_mb() -> dict[str, float]:
    """MB that C code and Python hold, and holes between what C code holds. AttributeError without glibc 2.33."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Account
    told = ask()
    in_c, in_python = told.uordblks + told.hblkhd, PER_BLOCK * sys.getallocatedblocks()
    return {"alive_mb": (in_c + in_python) / 2**20, "holes_mb": told.fordblks / 2**20}


def tell(file: Path) -> None:
    """Write it down again and again."""
    part = file.with_suffix(".part")
    while True:
        part.write_text(json.dumps({name: round(value, 2) for name, value in alive_mb().items()}))
        part.replace(file)
        time.sleep(1)


def main() -> None:
    """Do as `streamlit` does with the rest of the command line."""
    sys.path.insert(0, str(ROOT))
    file, *rest = sys.argv[1:]
    if rest[0] == "--as-glibc-likes":
        from app import heaps

        heaps.OPTIONS.clear()
        del rest[0]
    threading.Thread(target=tell, args=[Path(file)], daemon=True).start()
    from streamlit.web import cli

    sys.argv = ["streamlit", *rest]
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
