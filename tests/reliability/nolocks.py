"""Two machines on one store whose locks do not reach each other, as on a network disk mounted without them.

Each process has a root of its own, so locks of its own, but the folders of results are the same ones by links.
"""

import subprocess
import sys
from pathlib import Path

STAGES = [
    "load_dataset",
    "choose_poisons",
    "train",
    "extract_features",
    "train_frequency_classifier",
    "fit_factors",
    "affected_queries",
    "control_queries",
    "transform_queries",
    "score_pairs",
    "detect",
    "unlearn",
    "evaluate",
]
WORK = """
import sys
from pathlib import Path
from core import runs
from core.experiment import Experiment
from core.pipeline import plan
from core.store import Store
runs.complete(plan(Experiment.from_toml(sys.argv[1]), Store(Path(sys.argv[2]))))
"""


def mounted(store: Path, machines: int) -> list[Path]:
    """Roots that share every folder of results and no lock."""
    roots = [store / f"machine {n}" for n in range(machines)]
    for root in roots:
        root.mkdir(parents=True)
        for stage in STAGES:
            (store / "disk" / stage).mkdir(parents=True, exist_ok=True)
            (root / stage).symlink_to(store / "disk" / stage)
    return roots


def at_once(experiment: Path, roots: list[Path]) -> list[str]:
    """Compute the same investigation in every root at the same time; what each printed if it failed, else nothing."""
    command = [sys.executable, "-c", WORK, str(experiment)]
    started = [
        subprocess.Popen([*command, str(root)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for root in roots
    ]
    told = [process.communicate()[1] for process in started]
    return ["" if process.returncode == 0 else text for process, text in zip(started, told, strict=True)]
