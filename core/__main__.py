"""The command line: `python -m core run digits-badnet`, and everything else without a browser."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pydantic import ValidationError

from core import (
    beforehand,
    cost,
    detection,
    device,
    doctor,
    export,
    metrics,
    processes,
    registry,
    runs,
    sets,
    shipping,
    truth,
)
from core.commands import (
    bench_commands,
    case_commands,
    challenge_commands,
    console,
    job_commands,
    model_commands,
)
from core.commands.case_commands import detector_of
from core.commands.command_options import (
    AsJson,
    Changes,
    DeviceOption,
    ExperimentFile,
    ProcessesOption,
    StoreOption,
    planned,
)
from core.commands.console import Bars
from core.detectors.delta_influence import DeltaInfluence
from core.documents import docs
from core.experiment import in_words
from core.jobs import JobsUnavailable
from core.pipeline import plan
from core.progress import reporting
from core.store import ArtifactDamaged

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
FAMILIES = ("datasets", "models", "attacks", "transforms", "detectors", "unlearners")

ThresholdOption = Annotated[float, typer.Option("--threshold", help="A change counts when it is below this.")]
ToleranceOption = Annotated[
    int, typer.Option("--tolerance", help="How many changes may fail to be below it.")
]
QueryOption = Annotated[int, typer.Option("--query", help="Which picked test image, counted from 0.")]
RULE = DeltaInfluence()
More = Annotated[list[str] | None, typer.Argument(hidden=True)]  # `--set a=1 b=2` names two


@app.command()
def run(
    file: ExperimentFile,
    more: More = None,
    changes: Changes = None,
    store: StoreOption = None,
    place: DeviceOption = "auto",
    shared_by: ProcessesOption = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Try it even where it does not fit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute everything an experiment asks for, and print its figures."""
    p = planned(file, [*(changes or []), *(more or [])], store)
    with device.use(place), processes.use(shared_by), reporting(Bars()):
        computed = beforehand.begin(p, anyway=anyway) + runs.complete(p)
    console.say(
        f"computed {len(computed)} results" if computed else "everything was computed before; nothing to do"
    )
    figures = runs.summary(p)
    print(json.dumps(figures)) if as_json else console.figures(figures)


@app.command("plan")
def show_plan(
    file: ExperimentFile, changes: Changes = None, store: StoreOption = None, as_json: AsJson = False
) -> None:
    """Name every step with its key, whether it is done, and what it is expected to cost."""
    p = planned(file, changes, store)
    steps = cost.forecast(p)
    print(json.dumps([vars(s) for s in steps])) if as_json else console.steps(steps)


@app.command("list")
def show_list(
    what: Annotated[str, typer.Argument(help=f"{', '.join(FAMILIES)} or runs")], store: StoreOption = None
) -> None:
    """List methods of one kind with their settings, or the runs of the store."""
    if what == "runs":
        opened = runs.open_store(store)
        for found in runs.all_runs(opened):
            print(
                f"{found.id}  {runs.state(plan(found.experiment, opened)):9} {found.created}  {found.title}"
            )
        return
    if what not in FAMILIES:
        raise ValueError(f"unknown list '{what}'; choose from {[*FAMILIES, 'runs']}")
    for name, method in registry.members(what).items():
        print(f"{name:26} {method.title}")
        for setting, field in method.model_fields.items():
            print(
                f"    {setting} = {field.get_default(call_default_factory=True)!r}  {field.description or ''}"
            )


@app.command()
def detect(
    file: ExperimentFile,
    threshold: ThresholdOption = RULE.threshold,
    tolerance: ToleranceOption = RULE.tolerance,
    query: QueryOption = RULE.query,
    detector: Annotated[
        str | None, typer.Option(help="Another detector by name, for example contrast.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--with", help="A setting of it, name=value; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the flagged rows here (.npy).")] = None,
    changes: Changes = None,
    store: StoreOption = None,
    place: DeviceOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Flag training images by Delta-Influence with a given threshold and tolerance, or by any other detector."""
    p, rule = (
        planned(file, changes, store),
        DeltaInfluence(threshold=threshold, tolerance=tolerance, query=query),
    )
    with device.use(place), reporting(Bars()):
        found = detection.verdict(p, detector_of(detector, settings) if detector else rule)
    known = truth.of(p)
    figures = known.grade(found) if known else {"flagged": int(found.flagged.sum())}
    if out:
        out.write_bytes(export.npy(np.flatnonzero(found.flagged)))
        console.say(f"wrote {int(found.flagged.sum())} rows to {out}")
    print(json.dumps(figures)) if as_json else console.table([figures])


@app.command()
def grade(
    flagged: Annotated[Path, typer.Argument(help="Flagged training rows, .npy.")],
    truth: Annotated[Path, typer.Option(help="Truly poisoned training rows, .npy.")],
    train_size: Annotated[int, typer.Option(min=1, help="Number of training images.")],
    as_json: AsJson = False,
) -> None:
    """Grade any tool's flags against a known truth."""
    figures = metrics.grade_indices(sets.rows_of(flagged), sets.rows_of(truth), train_size)
    print(json.dumps(figures)) if as_json else console.table([figures])


@app.command("export")
def write_export(
    file: ExperimentFile,
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    threshold: ThresholdOption = RULE.threshold,
    tolerance: ToleranceOption = RULE.tolerance,
    query: QueryOption = RULE.query,
    changes: Changes = None,
    store: StoreOption = None,
    place: DeviceOption = "auto",
) -> None:
    """Write flags.csv, flags.json, flagged_indices.npy, keep_mask.npy, experiment.toml and scores.npz."""
    p = planned(file, changes, store)
    rule = DeltaInfluence(threshold=threshold, tolerance=tolerance, query=query)
    with device.use(place), reporting(Bars()):
        for path in export.export(p, rule, out):
            print(path)


@app.command()
def ship(file: ExperimentFile, changes: Changes = None, store: StoreOption = None) -> None:
    """Make a finished investigation part of the project: copy its results into assets/results."""
    for path in shipping.ship(planned(file, changes, store)):
        print(path)


@app.command("docs")
def write_docs() -> None:
    """Renew the generated parts of the README."""
    docs.write()


@app.command("doctor")
def show_doctor(as_json: AsJson = False) -> None:
    """Say what works on this machine, what would fail and how to mend it."""
    checks = doctor.examine()
    print(json.dumps([vars(c) for c in checks])) if as_json else console.checks(checks)
    raise typer.Exit(0 if all(c.level != "error" for c in checks) else 1)


app.add_typer(bench_commands.app, name="bench")
app.add_typer(case_commands.app)
app.add_typer(job_commands.app, name="jobs")
app.add_typer(model_commands.app)
app.command("verify-commitment")(challenge_commands.verify)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Errors that a user can act on are one message; anything else keeps its traceback."""
    try:
        yield
    except (ValueError, OSError, IndexError, RuntimeError, ArtifactDamaged, JobsUnavailable) as error:
        logging.getLogger(__name__).debug("failed", exc_info=True)
        console.say(f"error: {in_words(error) if isinstance(error, ValidationError) else error}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.say("cancelled; finished steps are kept, the same command goes on from there")
        sys.exit(130)


def main(*arguments: Any) -> None:
    """Entry point of `python -m core`."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    with _plain_errors():
        app(*arguments)


if __name__ == "__main__":
    main()
