"""Arguments that several commands take, and the plan that they name."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from core import paths, processes, runs
from core.experiment import Experiment
from core.pipeline import Plan, plan

ExperimentFile = Annotated[str, typer.Argument(metavar="EXPERIMENT.toml", help="A file, or a preset's name.")]
Changes = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")]
StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of results.", callback=lambda at: at and paths.use_store(at)),
]
DeviceOption = Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to compute.")]
ProcessesOption = Annotated[
    int | None,
    typer.Option(
        "--processes",
        min=1,
        max=processes.MOST,
        help="Processes that share each pass over the training set: one thread or one GPU each. Default 1, or the GPUs.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def planned(file: str, changes: list[str] | None, store: Path | None) -> Plan:
    """The plan of an experiment file with these changes, pinned to its data as they are now."""
    return plan(runs.resolved(Experiment.from_toml(file, changes)), runs.open_store(store))
