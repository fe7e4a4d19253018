"""Does the guide name only what is there?"""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from app import results
from core import paths
from core.blind import challenges

GUIDES = sorted((paths.ASSETS / "guide").glob("*.md"))
PAGES = (
    "cases",
    "investigate",
    "review",
    "unlearn",
    "report",
    "attack",
    "guided",
    "sandbox",
    "challenge",
    "studies",
)
TABS = ("images", "surface", "transforms", "composite")


@pytest.fixture(scope="module")
def commands() -> set[str]:
    """What the command line knows."""
    from core.__main__ import app

    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    return set(re.findall(r"│ (\w[\w-]*) ", told))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_command_of_a_guide_exists(guide, commands):
    lines = re.findall(r"^python -m core (.+)$", guide.read_text(), re.MULTILINE)
    assert {shlex.split(line)[0] for line in lines} <= commands


@pytest.fixture
def shown(visit, case_id) -> str:
    """Everything that the pages say, in lower case and without Markdown; names of boxes too."""
    made = challenges.make(results.store().root, results.case(case_id), challenges.Wanted("Exercise"))
    opened = [visit(page, case=case_id) for page in PAGES] + [visit("challenge", case=made.id)]
    opened += [visit("investigate", case=case_id, tab=tab) for tab in TABS]
    return re.sub(r"[*`\\]", "", "\n".join(said for at in opened for said in everything(at.main))).lower()


def everything(block: Any) -> Iterator[str]:
    """What a box and all that is in it send to the browser."""
    yield str(block.proto)
    for child in getattr(block, "children", {}).values():
        yield from everything(child)


@pytest.mark.parametrize("name", ["analyst", "teacher", "researcher"])
def test_every_label_that_a_guide_prints_bold_is_on_a_page(name, shown):
    labels = set(re.findall(r"\*\*(.+?)\*\*", (paths.ASSETS / "guide" / f"{name}.md").read_text(), re.DOTALL))
    assert {label for label in labels if " ".join(label.lower().split()) not in shown} == set()


@pytest.mark.parametrize("name", ["analyst", "teacher", "researcher", "own_model", "server"])
def test_the_dashboard_shows_every_guide(visit, words, name):
    at = visit("guide", tab=name)
    assert not at.exception
    first = (paths.ASSETS / "guide" / f"{name}.md").read_text().splitlines()[0].lstrip("# ")
    assert first in words(at)
