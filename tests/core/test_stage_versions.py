"""A stage whose code changed needs a new version, or the word of a person that its results stay the same.

After a change: raise `version` in core/stages.py when stored results would come out different. Then, in both
cases, run this file once with ACCEPT_STAGES=1 in the environment and commit the digests with the change.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import stages
from core.store import Stage

CORE = Path(stages.__file__).parent
ACCEPTED = Path(__file__).with_name("stage_digests.json")
STAGES = {name: item for name, item in vars(stages).items() if isinstance(item, Stage)}
METHODS = {
    "load_dataset": ("datasets/**/*.py", "safeload.py"),
    "choose_poisons": ("attacks/**/*.py",),
    "train": ("models/*.py", "networks.py", "randomness.py", "course.py"),
    "brought_victim": ("weights.py", "models/*.py", "networks.py"),
    "fit_factors": ("influence/*.py",),
    "picked_queries": ("picks.py", "safeload.py"),
    "transform_queries": ("transforms/*.py", "randomness.py"),
    "score_pairs": ("influence/*.py",),
    "train_frequency_classifier": ("synthetic_attacks.py", "course.py"),
    "detect": ("detectors/*.py", "collapse.py", "calibration.py", "frequency.py"),
    "unlearn": ("unlearners/**/*.py", "training.py", "course.py"),
}
"""Files beside the stage's own module that decide about its result."""


def sources(stage: Stage) -> list[Path]:
    own = CORE.parent / f"{stage.source.partition(':')[0].replace('.', '/')}.py"
    own = own if own.exists() else own.with_suffix("") / "__init__.py"
    return sorted({own, *(p for pattern in METHODS.get(stage.name, ()) for p in CORE.glob(pattern))})


def meaning(code: str) -> Iterator[str]:
    """The syntax tree node by node; comments, layout and docstrings are not part of it."""
    for node in ast.walk(tree := ast.parse(code)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    for node in ast.walk(tree):
        yield type(node).__name__
        yield from (
            repr(value) for _, value in ast.iter_fields(node) if not isinstance(value, ast.AST | list)
        )


def digest(stage: Stage) -> str:
    parts = [
        f"{path.relative_to(CORE)}\n" + "\n".join(meaning(path.read_text("utf-8"))) for path in sources(stage)
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


if os.environ.get("ACCEPT_STAGES"):
    now = {name: {"version": stage.version, "digest": digest(stage)} for name, stage in STAGES.items()}
    ACCEPTED.write_text(json.dumps(now, indent=1) + "\n")


@pytest.mark.parametrize("name", STAGES)
def test_a_changed_stage_has_a_new_version_or_was_accepted(name):
    stage, accepted = STAGES[name], json.loads(ACCEPTED.read_text())
    assert accepted.get(name) == {"version": stage.version, "digest": digest(stage)}, (
        f"the code of stage '{name}' changed: raise its version in core/stages.py if stored results would come "
        "out different, then run this test once with ACCEPT_STAGES=1"
    )


def test_no_accepted_digest_is_of_a_stage_that_is_gone():
    assert set(json.loads(ACCEPTED.read_text())) == set(STAGES)


def test_only_the_meaning_of_code_enters_its_digest():
    plain = list(meaning('def f(x):\n    """One."""\n    return x + 1\n'))
    assert plain == list(meaning("def f(x):  # comment\n    return (x\n            + 1)\n"))
    assert plain != list(meaning("def f(x):\n    return x + 2\n"))
    assert plain != list(meaning("def f(x):\n    return x - 1\n"))


def test_no_stage_hides_behind_another_name():
    assert all(stage.name == name for name, stage in STAGES.items())
