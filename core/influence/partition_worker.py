"""The process that does tasks of a pass for another one: `python -m core.influence.partition_worker FOLDER`.

Tasks come on standard input, one JSON object a line, and answers go back the same way; results are left in the folder.
It ends when nobody sends tasks any more.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from core import device
from core.influence import curvature, pairwise, parcel, partitions
from core.influence.eigenbasis import Eigenbasis
from core.influence.parcel import Opened
from core.influence.together import Tick

Lane = Callable[[np.ndarray, Tick], list[Tensor]]


def lane(work: Opened) -> Lane:
    """The one lane of this process."""
    if work.kind == "ScorePass":
        halves = [work.tensors[f"half{n}"] for n in range(work.plain["layers"])]
        return pairwise.ScorePass(work.network, work.dataset, halves).lane(work.batch)
    rows, draws = (work.tensors[name].cpu().numpy() for name in ("rows", "draws"))
    sample, precision = curvature.Sample(work.dataset, rows, draws), work.plain["precision"]
    if work.kind == "CovariancePass":
        adders = curvature.CovariancePass(work.network, sample, precision).adders()
        return partitions.Lane(adders[0], work.batch)
    sides = [
        [work.tensors[f"{side}{n}"] for side in ("inputs", "outputs")] for n in range(work.plain["bases"])
    ]
    bases = [Eigenbasis(inputs, outputs, None) for inputs, outputs in sides]
    return partitions.Lane(
        curvature.EigenvaluePass(work.network, sample, precision, bases).adders()[0], work.batch
    )


def serve(folder: Path, tasks: Iterator[str], answers: TextIO) -> None:
    """Do one task after the other."""

    def tell(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    mine = lane(parcel.opened(folder))
    with torch.no_grad(), device.fast_products():
        for line in tasks:
            task = json.loads(line)
            try:
                found = mine(np.array(task["rows"]), lambda images: tell(images=images))
            except BrokenPipeError:
                return
            except Exception as error:  # the other side raises it again
                tell(failed=f"{type(error).__name__}: {error}")
                raise SystemExit(1) from error
            tensors = {f"{n:05d}": t.cpu().contiguous() for n, t in enumerate(found)}
            save_file(tensors, folder / task["result"])
            tell(done=task["result"])


def main() -> None:
    """Serve until nobody asks any more; whatever libraries print goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the one who asks decides
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    try:
        serve(folder, iter(sys.stdin), answers)
    except (BrokenPipeError, FileNotFoundError) as error:
        if isinstance(error, FileNotFoundError) and folder.exists():
            raise  # else another one of us has cleared up already
    shutil.rmtree(folder, ignore_errors=True)  # whoever asked is gone, or would have ended us before
    os._exit(0)  # what is still to be flushed has no reader


if __name__ == "__main__":
    main()
