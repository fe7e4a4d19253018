"""torchvision, importable wherever torch is.

The torchvision wheel on PyPI is compiled against CUDA. Beside a CPU build of torch its compiled operators do
not load, and `import torchvision` ends with `RuntimeError: operator torchvision::nms does not exist`. The
project uses none of these operators, only transforms: naming the two that the import looks for cures it.
"""

import importlib
import sys
from types import ModuleType

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _import_torchvision() -> ModuleType:
    """torchvision as it is where that works, else with the schemas of its missing operators defined."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    _forget_half_imported()
    _define_missing_operators()
    return importlib.import_module("torchvision")


def _forget_half_imported() -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[name]


def _define_missing_operators() -> None:
    from torch import library

    for operator in ("nms", "qnms"):
        library.define(f"torchvision::{operator}", _SCHEMA)


torchvision = _import_torchvision()
functional = importlib.import_module("torchvision.transforms.v2.functional")
