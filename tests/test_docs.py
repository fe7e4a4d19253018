"""The README cannot lie: its tables are generated, its commands exist, and CI runs its test command."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.__main__ import app
from core.documents import docs
from core.presets import find_experiment

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python -m core (.+?)(?: +#.*)?$", README, re.M)


@pytest.mark.parametrize("document", docs.DOCUMENTS, ids=lambda path: path.name)
def test_the_generated_parts_are_up_to_date(document):
    text = document.read_text()
    assert docs.filled(text) == text, "run `python -m core docs`"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_exists_with_its_options(command):
    words = shlex.split(command)
    options = [word for word in words if word.startswith("--")]
    name = words[: 2 if words[0] == "bench" else 1]
    shown = CliRunner().invoke(
        app, [*name, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    )
    assert shown.exit_code == 0
    assert not [option for option in options if option not in shown.output]


def test_the_readme_has_commands_for_everything_it_promises():
    assert {c.split()[0] for c in COMMANDS} >= {"run", "plan", "list", "detect", "grade", "export", "doctor"}


def test_presets_named_in_the_readme_exist():
    for name in set(re.findall(r"\b(?:digits|cifar10|imagenette64)-badnet(?:-cpu)?\b", README)):
        assert find_experiment(name).is_file()


def test_ci_runs_the_readmes_test_command():
    block = README.split("## Tests")[1].split("```bash\n")[1].split("```")[0]
    script = (ROOT / ".ci" / "run").read_text()
    assert all(line in script for line in block.strip().splitlines())


def test_pictures_of_the_readme_exist():
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_every_requirement_is_pinned():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert all("==" in line or line == "-e ." for line in names)
    assert names[-1] == "-e ."
