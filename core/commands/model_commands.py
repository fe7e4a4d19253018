"""Commands for one's own model: convert a PyTorch file, check weights and images, write a cleaned model."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from safetensors.numpy import save_file

from core import device, registry, runs, weights
from core.commands import console
from core.commands.command_options import AsJson, Changes, DeviceOption, ExperimentFile, StoreOption, planned
from core.commands.console import Bars
from core.presets import assign
from core.progress import reporting
from core.unlearned import outcome_files

app = typer.Typer()


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A .pth or .pt file: state dict, checkpoint or network.")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")] = Path("weights.safetensors"),
    trusted: Annotated[
        bool, typer.Option("--i-trust-this-file", help="Open it even where that may run code inside it.")
    ] = False,
) -> None:
    """Turn PyTorch weights into a safetensors file, which can hold no code."""
    from core import brought

    found = brought.state_of(file, trusted=trusted)
    save_file(found, out)
    console.say(f"wrote {len(found)} tensors to {out}")


@app.command("weights")
def check_weights(
    file: Annotated[Path, typer.Argument(help="A safetensors file.")],
    model: Annotated[str, typer.Option(help="Architecture, for example resnet9.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Its settings: model.width=16.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=2, help="Number of classes; else as the last layer has.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a file of weights fits an architecture, and name what does not."""
    from core import brought

    tree: dict[str, Any] = {"model": {"name": model}}
    for change in changes or []:
        assign(tree, change)
    network, found = registry.create("models", **tree["model"]), weights.header(file)
    n = classes or brought.classes_of(network, found.shapes)
    brought.fitted(weights.read_file(file), network, n)
    told = {"architecture": brought.described(network), "classes": n, "tensors": len(found.entries)}
    told |= {"parameters": found.parameters, "fits": True}
    print_json(told) if as_json else console.table([told])


@app.command("check")
def check_case(
    file: ExperimentFile,
    changes: Changes = None,
    store: StoreOption = None,
    place: DeviceOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Put brought weights and images to the test before an investigation: classes, accuracy, the picked image."""
    from core import brought

    p = planned(file, changes, store)
    with device.use(place), reporting(Bars()):
        told = brought.check(p)
    if as_json:
        print_json(told)
        return
    console.table(told["classes"], "classes")
    console.table([{name: told[name] for name in brought.MEASURED}], "victim")
    console.table([told["picked_image"]], "picked image")
    for remark in told["remarks"]:
        console.say(remark)


@app.command("model")
def write_model(
    file: ExperimentFile,
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    after: Annotated[
        str, typer.Option(help="DETECTOR/UNLEARNER, for example contrast/exact; none: the victim.")
    ] = "",
    changes: Changes = None,
    store: StoreOption = None,
    place: DeviceOption = "auto",
) -> None:
    """Write a model as safetensors: the victim, or one from which the flagged images were removed."""
    p = planned(file, changes, store)
    models = {"": p.victim, **p.cleaned}
    if after not in models:
        raise ValueError(
            f"--after {after}: the experiment makes {list(p.cleaned)}; add it there, or choose one"
        )
    with device.use(place), reporting(Bars()):
        runs.record(p.experiment, p.dataset.store)
        out.write_bytes(outcome_files.weights(models[after]))
    console.say(f"wrote {out}")


def print_json(told: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(told))
