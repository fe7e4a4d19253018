"""`python -m core bench`: measures, and writes the result files that the README and the Studies page quote."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from core import bench, device, findings, paper, paths, processes, runs
from core.bench_influence import case, measure
from core.bench_influence import table as influence_table
from core.commands import console, sweep_commands
from core.commands.command_options import ProcessesOption, StoreOption
from core.commands.console import Bars
from core.experiment import Experiment
from core.progress import reporting
from core.sweep import ADDRESS, Options, Sweep

app = typer.Typer(no_args_is_help=True, help="Measure, and write the result files that the README quotes.")
DeviceOption = Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to compute.")]
ScaleOption = Annotated[
    Literal["cpu", "full"], typer.Option(help="cpu: sized for two cores. full: as published, for a GPU.")
]
SeedsOption = Annotated[int, typer.Option(min=1, help="Seeds 0 to this, less one.")]


@app.command("investigation")
def investigation(
    preset: Annotated[str, typer.Argument(help="A preset's name, or an experiment file.")],
    seeds: SeedsOption = 3,
    out: Annotated[Path, typer.Option(help="Folder of result files.")] = bench.FOLDER,
    place: DeviceOption = "auto",
) -> None:
    """Run a preset from an empty store with several seeds; seeds that the file holds already are kept."""
    with device.use(place), reporting(Bars()):
        for record in bench.measure(preset, list(range(seeds)), out):
            console.say(f"seed {record['seed']}: {record['wall_seconds']} s")
            console.figures(record)


@app.command("table")
def table(out: Annotated[Path, typer.Option(help="Folder of result files.")] = bench.FOLDER) -> None:
    """Print the README's table of measured figures."""
    print("\n".join(bench.readme_rows(out)))


@app.command("influence")
def influence(
    size: Annotated[int, typer.Option(min=1000, max=50_000, help="Training images of CIFAR-10.")] = 12_000,
    place: DeviceOption = "auto",
    repeats: Annotated[int, typer.Option(min=1, help="How often each engine is measured.")] = 3,
    published: Annotated[int, typer.Option(min=0, help="Repeats of the published way; 0 leaves it out.")] = 1,
    passes: Annotated[
        int, typer.Option(min=3, help="Queries that the published way scores; the others are extrapolated.")
    ] = 5,
    bf16: Annotated[bool, typer.Option(help="Measure both in bf16 too, where the hardware has it.")] = True,
    shared_by: ProcessesOption = None,
    experiment: Annotated[str, typer.Option(help="Another victim: a preset's name, or a file.")] = "",
    store: StoreOption = None,
    out: Annotated[Path, typer.Option(help="Folder of result files.")] = influence_table.FOLDER,
) -> None:
    """Compare kronfluence, as published and at its best, with our influence engine; fails when they disagree."""
    os.environ[processes.VARIABLE] = str(shared_by or 1)  # for the processes that are measured
    with device.use(place), reporting(Bars()):
        kind = "cuda" if device.current().type == "cuda" else "cpu"
        x = Experiment.from_toml(experiment) if experiment else case.experiment(size, kind)
        root = (store or paths.store_root()).absolute()
        wanted = measure.Wanted(runs.resolved(x), root, repeats, published, passes, bf16)
        for job, told in measure.measure(wanted):
            console.say(
                f"{job.id}: {told['seconds']['all']:.1f} s, {told['peak_memory'] / 1e6:.0f} MB at most"
            )
        record = measure.finished(wanted)
    file = measure.write(record, out)
    print("\n".join(influence_table.lines(record)))
    console.say(f"wrote {file}")
    for name in record["broken"]:
        console.say(f"BROKEN: {name}")
    raise typer.Exit(1 if record["broken"] else 0)


@app.command("paper")
def run_paper(
    listing: Annotated[
        bool, typer.Option("--list", help="Name the cells and what is known of each.")
    ] = False,
    cells: Annotated[str, typer.Option(help="Which cells: a pattern such as detectors/cifar10-*/*.")] = "*",
    seeds: SeedsOption = 1,
    scale: ScaleOption = "cpu",
    store: StoreOption = None,
    out: Annotated[Path, typer.Option(help="Folder of result files.")] = paper.FOLDER,
    place: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    executor: Annotated[
        Literal["local", "ray"] | None,
        typer.Option(help="Spread the cells over workers: processes here, or a Ray cluster."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Workers at once; 0: as many as there is room for.")
    ] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads of each worker.")] = 1,
    address: Annotated[
        str, typer.Option(help="The Ray cluster, else RAY_API_SERVER_ADDRESS, else http://127.0.0.1:8265.")
    ] = "",
) -> None:
    """Measure the cells of the papers' tables and figures that are missing, or list them."""
    if listing:
        rows = [_known(cell, scale, out) for cell in paper.cells(scale, cells)]
        print(json.dumps(rows)) if as_json else _print_cells(rows)
    elif executor:
        os.environ.update({ADDRESS: address} if address else {})
        spread, shared = Options(executor, workers, threads, place), (store or paths.store_root()).absolute()
        _spread(Sweep(scale, cells, range(seeds), shared, out.absolute(), spread), as_json)
    else:
        with device.use(place), reporting(Bars()):
            _one_by_one(
                paper.measure(scale, cells, list(range(seeds)), store or paths.store_root(), out), as_json
            )


def _one_by_one(measured: Iterator[tuple[paper.Cell, dict[str, Any]]], as_json: bool) -> None:
    told = []
    for cell, record in measured:
        told.append({"cell": cell.id} | record)
        console.say(f"{cell.id} seed {record['seed']}: {_short(cell, record)}")
    print(json.dumps(told)) if as_json else console.say(f"measured {len(told)} cells")


def _spread(sweep: Sweep, as_json: bool) -> None:
    done = sweep_commands.run(sweep)
    found = sweep_commands.records(sweep)
    failed = sum("failed" in record for record in found)
    print(json.dumps(found)) if as_json else console.say(f"{len(found)} cells, {failed} without figures")
    raise typer.Exit(0 if done else 1)


def _known(cell: paper.Cell, scale: paper.Scale, out: Path) -> dict[str, Any]:
    records = [r for r in paper.read(scale, cell.study.name, cell.setting, out) if r["row"] == cell.row]
    published = cell.study.published.get(cell.setting, {}).get(cell.row, {})
    figure = cell.study.figures[0]
    values = [r["figures"][figure] for r in records if r.get("figures", {}).get(figure) is not None]
    return {
        "cell": cell.id,
        "source": cell.study.source,
        "seeds": len(values),
        "failed": sum("failed" in r for r in records),
        "figure": figure,
        "ours": findings.estimate(values).mean if values else None,
        "published": published.get(figure),
    }


def _print_cells(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        ours, published = console.number(row["ours"]), console.number(row["published"])
        state = f"{row['seeds']} seeds" + (f", {row['failed']} failed" if row["failed"] else "")
        print(f"{row['cell']:70} {state:20} {row['figure']} {ours} (published {published})")
    measured = sum(row["seeds"] > 0 for row in rows)
    print(f"{measured} of {len(rows)} cells measured")


def _short(cell: paper.Cell, record: dict[str, Any]) -> str:
    if "failed" in record:
        return record["failed"]
    shown = (f"{name} {console.number(record['figures'].get(name))}" for name in cell.study.figures)
    return f"{', '.join(shown)} ({record['wall_seconds']} s)"
