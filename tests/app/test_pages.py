"""Does every page open on every state of the store, with the right message and never with a traceback?"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import disks

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "app" / "views").glob("*.py") if path.stem != "__init__")
OF_A_CASE = ("investigate", "review", "attack", "unlearn", "report", "image")


def alter(pattern: str, root: Path) -> Path:
    """Change the last byte of a stored file."""
    [file] = root.glob(pattern)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return file


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_on_a_finished_case(page, visit, case_id):
    at = visit(page, case=case_id)
    assert not at.exception
    assert not at.error
    assert at.title


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_on_an_empty_store(page, visit):
    at = visit(page)
    assert not at.exception
    assert not at.error


def test_an_empty_store_says_where_to_begin(visit, words):
    home, jobs = visit("cases"), visit("jobs")
    assert "No investigation yet" in home.info[0].value
    assert "set_up" in words(home)
    assert "No job yet" in jobs.info[0].value


@pytest.mark.parametrize("page", OF_A_CASE)
def test_without_a_case_the_page_asks_to_choose_one(page, visit):
    at = visit(page)
    assert "Choose an investigation first" in at.info[0].value
    assert not at.metric


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_on_a_case_that_has_computed_nothing(page, visit, unfinished_id):
    at = visit(page, case=unfinished_id)
    assert not at.exception
    assert not at.error


def test_an_unfinished_case_says_so_and_offers_to_go_on(visit, words, unfinished_id):
    home = visit("cases")
    assert "not finished" in words(home)
    assert "still to be computed" in words(home)
    for page in OF_A_CASE:
        at = visit(page, case=unfinished_id)
        assert "not finished" in at.info[0].value
        assert [b.label for b in at.main.button] == ["Go on computing"]
        assert not at.metric


def test_looking_at_an_unfinished_case_computes_nothing(visit, unfinished_id, store_root):
    for page in PAGES:
        visit(page, case=unfinished_id)
    assert {path.name for path in store_root.iterdir()} <= {"runs", "jobs"}


@pytest.mark.parametrize(
    ("page", "result"),
    [
        ("investigate", "score_pairs/*/values.npy"),
        ("unlearn", "score_pairs/*/values.npy"),
        ("attack", "choose_poisons/*/images.npy"),
    ],
)
def test_an_altered_result_is_named_and_not_shown(page, result, visit, case_id, store_root):
    file = alter(result, store_root)
    at = visit(page, case=case_id)
    assert not at.exception
    assert "changed after it was computed" in at.error[0].value
    assert file.parent.name in at.error[0].value.replace("\\", "")
    assert not at.metric
    assert not at.get("download_button")


def test_an_altered_result_is_left_as_it_is_for_the_user_to_judge(visit, case_id, store_root):
    file = alter("score_pairs/*/values.npy", store_root)
    before = sorted(store_root.rglob("*.npy"))
    visit("investigate", case=case_id)
    assert file.exists()
    assert sorted(store_root.rglob("*.npy")) == before


def test_one_altered_case_does_not_hide_the_others(visit, case_id, unfinished_id, store_root):
    alter("affected_queries/*/images.npy", store_root)
    at = visit("cases")
    assert not at.exception
    assert "changed after it was computed" in at.error[0].value
    assert f"open-{unfinished_id}" in {b.key for b in at.button}
    assert f"open-{case_id}" not in {b.key for b in at.button}


def test_a_run_file_that_cannot_be_read_is_named_and_the_others_are_listed(visit, case_id, store_root):
    (store_root / "runs" / "0123456789ab.json").write_text("{ this is no JSON")
    (store_root / "runs" / "ba9876543210.json").write_text('{"created": "x", "experiment": {"dataset": 1}}')
    at = visit("cases")
    assert not at.exception
    said = at.warning[0].value.replace("\\", "")
    assert "2 investigations cannot be read" in said
    assert "0123456789ab.json" in said
    assert f"open-{case_id}" in {b.key for b in at.button}
    assert not visit("investigate", case="0123456789ab").exception


def test_a_job_table_that_cannot_be_used_is_explained_on_every_page(visit, case_id, store_root):
    (store_root / "jobs").mkdir(exist_ok=True)
    (store_root / "jobs" / "jobs.sqlite3").write_bytes(b"this is no database, whatever its name says" * 9)
    for page in PAGES:
        at = visit(page, case=case_id)
        assert not at.exception, page
        assert any("job table" in said.value for said in (*at.warning, *at.error)), page


@pytest.mark.parametrize("page", OF_A_CASE)
@pytest.mark.parametrize(
    "name", ["000000000000", "../../etc/passwd", "<b>x</b>", "![x](http://evil.example/a)"]
)
def test_an_unknown_case_is_told_apart_from_a_broken_one(page, name, visit, case_id, words):
    at = visit(page, case=name)
    assert not at.exception
    assert "There is no investigation" in at.info[0].value
    assert "![x](http" not in words(at)


@pytest.mark.parametrize(
    "link",
    [
        {"th": "nan"},
        {"th": "1e39"},
        {"tol": "999"},
        {"tol": "-3"},
        {"q": "99"},
        {"q": "-5"},
        {"i": "-5"},
        {"i": "9" * 60},
        {"page": "-4"},
        {"page": "9" * 60},
        {"v": "99"},
        {"tab": "bogus"},
        {"show": "bogus"},
        {"truth": "zzz"},
        {"p": "-3", "t": "-3"},
        {"p": "9" * 60, "t": "999"},
        {"look": "zzz", "factor": "3"},
        {"flags": "bogus"},
        {"flags": "![x](http://evil.example/a)"},
        {"tab": "surface", "tol": "999", "q": "1"},
    ],
    ids=lambda link: " ".join(f"{k}={v[:5]}" for k, v in link.items()),
)
def test_a_bad_link_opens_the_case(link, visit, case_id, view_of):
    for page in OF_A_CASE:
        at = visit(page, case=case_id, **link)
        assert not at.exception
        assert not [e.value for e in at.error if "no image of" not in e.value]  # a set that empties a class
        assert ("Training image" if page == "image" else "tiny") in at.title[0].value
        view = view_of(at)
        assert view.query in (0, 1)
        assert 0 <= view.tolerance < 8
        assert -1 <= view.image < 300


def test_a_part_of_a_link_that_is_no_number_is_remarked_on(visit, case_id):
    at = visit("investigate", case=case_id, th="nan", tol="1.5")
    assert len(at.toast) == 2
    assert "'nan'" in at.toast[0].value


def test_a_gesture_after_a_bad_link_works(visit, case_id, commit, view_of):
    at = visit("investigate", case=case_id, tol="999", q="99")
    at = commit(at, f"threshold-{case_id}-0", -1.5)
    assert not at.exception
    assert view_of(at).threshold == -1.5


VISIT_ALL = """
import sys
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app/dashboard.py", default_timeout=60).run()
for page in sys.argv[2:]:
    at.query_params = {"case": sys.argv[1]}
    at.switch_page(f"views/{page}.py").run()
    assert not at.exception and not at.error, page
    for tab in ("copies", "matrix", "transforms", "surface", "classes", "training"):
        if page == "investigate":
            at.query_params = {"case": sys.argv[1], "tab": tab}
            assert not at.run().exception, tab
heavy = ("torch", "torchvision", "kronfluence", "sklearn", "scipy")
print([name for name in heavy if name in sys.modules])
"""


def test_no_page_imports_what_only_computing_needs(case_id, store_root):
    done = subprocess.run(
        [sys.executable, "-c", VISIT_ALL, case_id, *PAGES],
        cwd=ROOT,
        env=os.environ | {"INFLUENCE_STORE": str(store_root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


def test_settings_say_that_the_store_lies_on_a_network_disk(visit, words, store_root, tmp_path, monkeypatch):
    assert "network file system" not in words(visit("settings"))
    (tmp_path / "mounted").write_text(f"40 27 0:40 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(disks, "MOUNTS", tmp_path / "mounted")
    said = words(visit("settings"))
    assert "network file system" in said and "nfs4" in said and "local disk" in said


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_a_bare_expression_of_its_own_code(page):
    """Streamlit writes them on the page, explanations of constants too."""
    told = ast.parse((ROOT / "app" / "views" / f"{page}.py").read_text()).body[1:]
    assert not [line for line in told if isinstance(line, ast.Expr) and not isinstance(line.value, ast.Call)]
