"""The process that does one job: `python -m core.bench_influence.worker FOLDER`, told by FOLDER/job.json.

Its memory is its own, so its peak is the job's. It writes FOLDER/result.json last.
"""

import json
import signal
import sys
from pathlib import Path

import torch

from core import device
from core.bench_influence.case import Case
from core.bench_influence.jobs import Job
from core.bench_influence.watch import Stopwatch, counting, memory, peak_memory
from core.bench_influence.work import WORK, Work, warm_up
from core.experiment import Experiment
from core.influence import team
from core.pipeline import plan
from core.progress import reporting
from core.store import Store


def main(folder: Path) -> None:
    """Do the job and write what was measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # tidies up on its way out
    told = json.loads((folder / "job.json").read_text())
    with device.use(told["device"]):
        x = Experiment.checked(told["experiment"])
        case, job = Case(plan(x, Store(Path(told["store"])))), Job(**told["job"])
        case.prepare()
        started = device.clock()
        warm_up(case.network(), case)
        warm = device.clock() - started
        held = memory()
        watch = Stopwatch()
        with team.sharing(x.model), reporting(watch), counting(case.dataset.train.images.shape[1]) as images:
            found = WORK[job.group](Work(job, case, folder, watch, images))
            result = found | {"seconds": watch.seconds(), "images": images()}
        result |= {"warm_up_seconds": warm, "peak_memory": peak_memory(), "memory_at_start": held}
        result |= {"threads": torch.get_num_threads()}
    part = folder / "result.part"
    part.write_text(json.dumps(result, indent=1))
    part.rename(folder / "result.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
