"""One direction of imports: the engine does not know the dashboard, nor a stage what comes after it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "core").rglob("*.py"))
METHODS = ("attacks", "transforms", "detectors", "unlearners", "models")


def imported(path: Path, *, top_level: bool = False) -> set[str]:
    """Names of the modules that a file imports, anywhere in it or at its top level only."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def packages(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_the_contracts_of_pyproject_hold():
    # In a process of its own: import-linter switches off every logger that exists.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def called(path: Path) -> set[str]:
    """Names of the functions that a file calls."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return {function.id for function in calls if isinstance(function, ast.Name)}


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_engine_neither_draws_nor_prints(path):
    assert not packages(imported(path)) & {"streamlit", "plotly", "app", "matplotlib"}
    assert "print" not in called(path) or path.parent.name == "commands" or path.name == "__main__.py"


def test_pickle_is_known_only_to_the_reader_of_published_batches():
    users = {path.name for path in CORE if packages(imported(path)) & {"pickle", "dill", "joblib", "shelve"}}
    assert users == {"batches.py"}


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_influence_package_knows_kronfluence(path):
    if path.parent.name != "influence":
        assert "kronfluence" not in packages(imported(path))


@pytest.mark.parametrize("family", METHODS)
def test_a_methods_file_imports_nothing_heavy_before_it_works(family):
    for path in (ROOT / "core" / family).glob("*.py"):
        heavy = {"torch", "torchvision", "sklearn", "scipy", "kronfluence"}
        assert not packages(imported(path, top_level=True)) & heavy, path


@pytest.mark.parametrize("family", METHODS)
def test_methods_do_not_import_each_other(family):
    others = {f"core.{name}" for name in METHODS} - {f"core.{family}"}
    for path in (ROOT / "core" / family).glob("*.py"):
        found = {name.rpartition(".")[0] for name in imported(path)} & others
        assert found <= {"core.models"}, path  # an unlearner names the type of the architecture
