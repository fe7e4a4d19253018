"""One process that does tasks of a pass for us: started when first needed, and again when it ends too early."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from core import device, processes
from core.influence.together import Tick

log = logging.getLogger(__name__)
STARTS = 3
"""How often a process is started for one task."""
SOURCE_ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 5.0


class PartitionFailed(RuntimeError):
    """Another process could not do its part; the message says why and what to do."""


class _Ended(Exception):
    """The process is gone; holds its exit status."""


class Remote:
    """A lane whose work is done by another process."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, rows: np.ndarray, tick: Tick) -> list[Tensor]:
        """The result of a task, however often its process has to be started."""
        told = 0

        def count(images: int) -> None:
            nonlocal told
            told += images
            tick(images)

        for start in range(1, STARTS + 1):
            try:
                return self._done(rows, count)
            except _Ended as ended:
                log.warning(
                    "process %d of this pass ended with status %s, start %d of %d: its partition is done again",
                    self.number + 1,
                    ended,
                    start,
                    STARTS,
                )
                self.end()
                tick(-told)
                told = 0
            except BaseException:
                self.end()
                raise
        raise PartitionFailed(
            f"process {self.number + 1} of this pass ended {STARTS} times: often memory ran out; take fewer with "
            "--processes. What was added so far is kept, the same again goes on from there"
        )

    def end(self) -> None:
        """End the process, whatever it does."""
        if (process := self.process) is None:
            return
        self.process = None
        process.kill()
        process.wait(END_SECONDS)
        for pipe in (process.stdin, process.stdout):
            try:
                assert pipe is not None
                pipe.close()
            except BrokenPipeError:
                continue  # it was gone before it had read everything

    def _done(self, rows: np.ndarray, tick: Tick) -> list[Tensor]:
        for message in self._answers({"rows": rows.tolist(), "result": f"result-{self.number}.safetensors"}):
            if error := message.get("failed"):
                raise PartitionFailed(error)
            tick(message.get("images", 0))
            if file := message.get("done"):
                found = load_file(self.folder / file)
                (self.folder / file).unlink()
                return [found[name] for name in sorted(found)]
        raise _Ended(self.process.wait() if self.process else None)

    def _answers(self, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        self.process = process = self.process or self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return
        for line in process.stdout:
            if line.endswith("\n"):  # else it ended in the middle of a word
                yield json.loads(line)

    def _started(self) -> subprocess.Popen[str]:
        path = os.pathsep.join(filter(None, [str(SOURCE_ROOT), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "core.influence.partition_worker", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | self._seen(),
        )

    def _seen(self) -> dict[str, str]:
        """Which GPU the process may use, if any."""
        names = processes.gpus() if device.current().type == "cuda" else []
        return {"CUDA_VISIBLE_DEVICES": names[self.number % len(names)] if names else ""}
