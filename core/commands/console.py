"""What the command line shows: bars and remarks on standard error, figures on standard output."""

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from core.cost import Step
    from core.doctor import Check

_errors, _output = Console(stderr=True, highlight=False), Console(highlight=False)


def say(text: str) -> None:
    """A remark on standard error."""
    _errors.print(text, markup=False, soft_wrap=True)


class Bars:
    """A progress sink that draws one bar for the phase at hand on standard error."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=_errors,
            transient=True,
        )
        self._name, self._phase, self._task = "", "", TaskID(0)

    def stage(self, name: str) -> None:
        """Announce a stage."""
        self._name = name
        say(f"· {name}")

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Move the bar of the phase."""
        if phase == "stages" or not sys.stderr.isatty():
            return
        if phase != self._phase:
            if self._phase:
                self._bars.remove_task(self._task)
            self._phase, self._task = phase, self._bars.add_task(f"{self._name}: {phase}", total=total)
            self._bars.start()
        self._bars.update(self._task, completed=done, total=total)
        if total is not None and done >= total:
            self._bars.remove_task(self._task)
            self._phase = ""
            self._bars.stop()


def number(value: Any) -> str:
    """A figure in at most four significant digits; a dash where it is undefined."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(rows: list[dict[str, Any]], title: str = "") -> None:
    """Records of equal fields as a table, standing up where there are more fields than records."""
    if not rows:
        return
    drawn = Table(title=title or None, title_justify="left", show_header=len(rows) > 1)
    first, *others = rows[0]
    if len(others) > len(rows):
        lines = [[key.replace("_", " "), *(number(row[key]) for row in rows)] for key in rows[0]]
    else:
        lines = [[number(value) for value in row.values()] for row in rows]
        lines.insert(0, [key.replace("_", " ") for key in (first, *others)])
    header, *body = lines if len(rows) > 1 else [["", ""], *lines]
    for column in header:
        drawn.add_column(column)
    for line in body:
        drawn.add_row(*line)
    _output.print(drawn)


def figures(summary: dict[str, Any]) -> None:
    """The figures of a run as tables."""
    table([summary["victim"]], "victim")
    table([{"detector": k} | v for k, v in summary["detections"].items()], "detections")
    table([{"detector / unlearner": k} | v for k, v in summary["unlearning"].items()], "unlearning")
    table([{"model": k} | v for k, v in summary.get("picked_image", {}).items()], "picked image")
    table([summary["seconds"]], "seconds")


def steps(planned: list["Step"]) -> None:
    """The steps of a plan as a table."""
    shown = ("stage", "key", "done", "seconds", "memory_mb", "disk_mb")
    rows = [vars(step) | {"done": "yes" if step.done else "no"} for step in planned]
    table([{name: row[name] for name in shown} for row in rows], "plan")
    for step in planned:
        if step.remark:
            say(f"{step.stage}{'' if step.fits else ' does not fit'}: {step.remark}")


def checks(found: list["Check"]) -> None:
    """Results of an examination, one line each."""
    for check in found:
        _output.print(f"{check.level:8} {check.name}: {check.finding}", markup=False, soft_wrap=True)
        if check.remedy:
            _output.print(f"         → {check.remedy}", markup=False, soft_wrap=True)
