"""Commands about a whole case: hand it to a colleague, open what a colleague handed over, write the report."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from core import cases, registry, runs, truth
from core.bundles import bundle
from core.cases import Case
from core.commands import console
from core.commands.command_options import StoreOption
from core.commands.console import Bars
from core.detection import verdict
from core.detectors.base import Detector
from core.experiment import Experiment
from core.presets import assign
from core.progress import reporting
from core.reporting import report, report_html
from core.reporting.report import Signature
from core.store import Store

app = typer.Typer()
CaseName = Annotated[str, typer.Argument(metavar="CASE", help="A run's name (list runs), or an experiment.")]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write.")]


@app.command("bundle")
def make_bundle(
    case: CaseName,
    out: Out = None,
    notes: Annotated[bool, typer.Option(help="Include verdicts and saved views.")] = True,
    store: StoreOption = None,
) -> None:
    """Write a case into one zip file that opens on another machine. It contains the truth."""
    found = _case(case, runs.open_store(store, computes=False))
    inside = bundle.contents(found, notes=notes)
    console.say(f"{len(inside.files)} files, {inside.bytes / 1e6:.1f} MB before compression")
    with reporting(Bars()):
        target = bundle.make(inside, out or Path(f"{found.id}.zip"))
    console.say(
        f"{target.stat().st_size / 1e6:.1f} MB, with the truth inside: keep it from those who are to find it"
    )
    print(target)


@app.command("open")
def open_case(
    archive: Annotated[Path, typer.Argument(help="A bundle that somebody handed over.")],
    store: StoreOption = None,
) -> None:
    """Take the case of a bundle in. What is here already stays as it is."""
    with reporting(Bars()):
        opened = bundle.open_bundle(archive, runs.open_store(store))
    console.say(
        f"{opened.added} results came in, {opened.kept} were here already, {opened.notes} notes were added"
    )
    for run in opened.runs:
        print(f"{run.id}  {run.title}")


@app.command("report")
def write_report(
    case: CaseName,
    detector: Annotated[str, typer.Option(help="Who flags.")] = "contrast",
    settings: Annotated[
        list[str] | None, typer.Option("--with", help="A setting of it, name=value; may be repeated.")
    ] = None,
    out: Out = None,
    author: Annotated[str, typer.Option(help="Who signs it.")] = "",
    store: StoreOption = None,
    with_truth: Annotated[bool, typer.Option("--truth/--no-truth", help="Grade against the truth.")] = True,
) -> None:
    """Write the report on a flagged set: one HTML file that needs nothing else."""
    found = _case(case, runs.open_store(store, computes=False))
    rule = detector_of(detector, settings)
    known = truth.of(found.plan) if with_truth else None
    document = report.write(found, rule, found=verdict(found.plan, rule), known=known)
    signed = report.signed(document, Signature(time.strftime("%Y-%m-%d"), author=author))
    target = out or Path(f"report-{found.id}.html")
    target.write_bytes(report_html.page(signed))
    print(target)


def _case(name: str, store: Store) -> Case:
    """A case by a run's name, or by its experiment. Raises ValueError where the store does not have it."""
    if found := cases.find(name, store):
        return found
    try:
        known = cases.find(runs.identifier(runs.resolved(Experiment.from_toml(name))), store)
    except FileNotFoundError:
        known = None
    if known is None:
        raise ValueError(f"case={name}: expected a run of this store; `python -m core list runs` names them")
    return known


def detector_of(name: str, settings: list[str] | None) -> Detector:
    """The detector of a name with settings as `name=value`."""
    tree: dict[str, Any] = {"name": name}
    for setting in settings or []:
        assign(tree, setting)
    return registry.create("detectors", **tree)
