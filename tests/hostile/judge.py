"""What came of an input: a refusal of ours, something harmless, or something that should not have been let in."""

import re
import traceback
from pathlib import Path

from hostile import doors
from hostile.corpus import Hostile

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "core"), str(ROOT / "app"))
LONGEST = 6000
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def judged(item: Hostile, folder: Path) -> tuple[str, str]:
    """The state and why: refused, harmless or let through."""
    content = item.content(folder) if callable(item.content) else item.content
    try:
        value = doors.DOORS[item.door](content, folder)
    except Exception as error:
        wrong = fault(error)
        return ("let through", wrong) if wrong else ("refused", str(error)[:300])
    if item.good is None:
        return "let through", f"came out as {str(value)[:120]}"
    return ("harmless", str(value)[:80]) if item.good(value) else ("let through", f"is {str(value)[:200]}")


def fault(error: BaseException) -> str:
    """Why an error is no refusal of ours; empty for one that is."""
    kind, text = type(error), str(error)
    where = traceback.extract_tb(error.__traceback__)[-1].filename
    named = kind.__module__.startswith("core.") or kind in (ValueError, FileNotFoundError, PermissionError)
    if not named or not where.startswith(OURS):
        return f"{kind.__name__} of {Path(where).name}: {text[:200]}"
    if any(isinstance(cause, MemoryError) for cause in _causes(error)):
        return f"memory ran out: {text[:200]}"
    if not 15 <= len(text) <= LONGEST or ADDRESS.search(text):
        return f"a message of {len(text)} characters: {text[:200]}"
    if odd := [c for c in text if not c.isprintable() and c != "\n"]:
        return f"a message with {odd[0]!r} in it: {text[:200]!r}"
    if hasattr(error, "remedy") and not (error.need and error.remedy):
        return f"no need or no remedy: {text[:200]}"
    return ""


def _causes(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
