"""Pages without a browser, over stores in every state: finished, empty, unfinished, damaged."""

import json
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from app import results
from app.state import View
from core import cases, paper, paths, runs
from core.cases import Case
from core.experiment import Experiment
from core.pipeline import Plan

ROOT = Path(__file__).parents[2]
Visit = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def just_started(store_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server as it is right after its start: an empty store, nothing bundled, nothing loaded."""
    monkeypatch.setattr(paths, "SHIPPED", tmp_path / "nothing bundled")
    monkeypatch.setattr(paper, "FOLDER", tmp_path / "nothing bundled" / "paper")
    monkeypatch.setattr(results, "_store", None)
    for name in ("_cases", "_orders", "_attacks", "_truths"):
        monkeypatch.setattr(results, name, OrderedDict())


@pytest.fixture
def case_id(tiny: Plan, tiny_root: Path, store_root: Path) -> str:
    """The tiny investigation, finished and listed, in this test's own store."""
    shutil.copytree(tiny_root, store_root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    return runs.record(tiny.experiment, runs.open_store()).id


@pytest.fixture
def case(case_id: str) -> Case:
    """The same as a case, opened apart from the dashboard."""
    found = cases.find(case_id, runs.open_store())
    assert found is not None
    return found


@pytest.fixture
def unfinished_id(make_experiment: Callable[..., Experiment]) -> str:
    """A run that was started and has computed nothing yet."""
    return runs.record(make_experiment(title="only begun", attack={"seed": 5}), runs.open_store()).id


@pytest.fixture
def visit() -> Visit:
    """Opens a page with parts of the address: `visit("investigate", case=..., th="-0.02")`."""

    def opened(page: str = "cases", /, **address: str) -> AppTest:
        at = AppTest.from_file(ROOT / "app" / "dashboard.py", default_timeout=60)
        at.query_params = address
        return (at if page == "cases" else at.switch_page(f"views/{page}.py")).run()

    return opened


@pytest.fixture
def words() -> Callable[[AppTest], str]:
    """All that a page sends to the browser, as one text, without the name of its session."""

    def told(at: AppTest) -> str:
        text = "\n".join(str(element.proto) for element in elements(at))
        return (
            text.replace(at.session_state["_session"], "this session")
            if "_session" in at.session_state
            else text
        )

    return told


@pytest.fixture
def tell() -> Callable[[AppTest, str, Any], AppTest]:
    """What the browser does when the state of a component changes: the page after it."""

    def told(at: AppTest, key: str, state: Any) -> AppTest:
        name = next(c.proto.id for c in at.get("bidi_component") if c.proto.id.endswith(f"-{key}"))
        states = at._tree.get_widget_states()  # what AppTest sends itself, which knows no components
        states.widgets.append(WidgetState(id=name, json_value=json.dumps(state)))
        return at._run(states)

    return told


@pytest.fixture
def commit(tell: Callable[[AppTest, str, Any], AppTest]) -> Callable[[AppTest, str, Any], AppTest]:
    """What a component sends when a gesture ends."""

    def done(at: AppTest, key: str, value: Any) -> AppTest:
        said = {"value": value, "token": f"token of {value}", "session": at.session_state["_session"]}
        return tell(at, key, {"commit": said})

    return done


def elements(at: AppTest) -> Iterator[Any]:
    """Every element of the page and its sidebar, boxes left out."""
    waiting = [at.main, at.sidebar]
    while waiting:
        for child in waiting.pop().children.values():
            if hasattr(child, "children"):
                waiting.append(child)
            else:
                yield child


@pytest.fixture
def view_of() -> Callable[[AppTest], View]:
    """Where a page stands after it has run."""
    return lambda at: at.session_state["view"]
