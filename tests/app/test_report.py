"""Does the report page tell what the file tells, keep secrets, and hand cases over and take them in?"""

import asyncio
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import bundles, results, state
from core import cases, export, runs
from core.blind import challenges
from core.bundles import bundle
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.review.verdicts import Verdicts
from core.store import Store
from core.unlearned import outcomes

EVIL = "<script>alert(1)</script>![x](http://evil.example/a)"


def article(at: AppTest) -> str:
    """The report as the page sends it."""
    return next(e.proto.body for e in at.get("html") if '<article class="report">' in e.proto.body)


def labels(at: AppTest) -> list[str]:
    return [button.proto.label for button in at.get("download_button")]


def test_the_page_shows_the_set_of_the_address(visit, case_id, case):
    for address, rule in (
        ({}, Contrast()),
        ({"rule": "delta", "th": "-0.5"}, DeltaInfluence(threshold=-0.5)),
    ):
        told = article(visit("report", case=case_id, **address))
        assert f"{int(verdict(case.plan, rule).flagged.sum())} of 300 training images" in told
        assert rule.title in told


def test_another_detectors_flags_and_a_kept_set_can_be_reported(visit, case_id, case):
    flagged = case.plan.detections["influence_threshold"].value.flagged
    told = article(visit("report", case=case_id, flags="influence_threshold"))
    assert f"{int(flagged.sum())} of 300" in told
    kept = outcomes.kept_set([3, 17, 20])
    at = visit("report", case=case_id, flags=f"set-{kept.digest}")
    assert "3 of 300" in article(at) and "3, 17, 20" in article(at)
    assert "--detector reviewed" in article(at)


@pytest.mark.parametrize("flags", ["set-zzz", "set-" + "0" * 32, "bogus", EVIL])
def test_a_set_that_is_not_here_gives_the_rule_of_investigate(flags, visit, case_id, words):
    at = visit("report", case=case_id, flags=flags)
    assert not at.exception and not at.error
    assert "Contrast with controls" in article(at)
    assert "evil.example" not in words(at)


def test_the_author_writes_and_leaves_out_and_markup_stays_text(visit, case_id):
    at = visit("report", case=case_id)
    at.text_input(key=f"report-title-{case_id}").set_value(EVIL)
    at.text_input(key="report-author").set_value("Ann")
    at.text_area(key=f"report-notes-{case_id}").set_value("first\n\nsecond").run()
    pills = next(w for w in at.get("button_group") if w.key.startswith("report-sections"))
    pills.set_value([o for o in pills.value if o != "limits"]).run()
    told = article(at)
    assert "<script" not in told and "&lt;script&gt;" in told
    assert "Ann ·" in told and "<p>second</p>" in told
    assert "What this does not prove" not in told and "The rule" in told


def test_everything_can_be_taken_along(visit, case_id):
    at = visit("report", case=case_id)
    assert labels(at)[:2] == ["Report as one HTML file", "Contact sheet"]
    assert set(labels(at)) >= {
        "flags.csv",
        "flags.json",
        "flagged_indices.npy",
        "keep_mask.npy",
        "experiment.toml",
    }


def test_hidden_truth_is_in_nothing_that_is_sent(visit, case_id, case, words):
    at = visit("report", case=case_id, truth="hide")
    told, p = words(at), case.plan
    assert not [
        w
        for w in ("BadNet", "badnet", "oison success", "core detect", p.poisoning.key, p.scores.key)
        if w in told
    ]
    assert "experiment.toml" not in labels(at)
    assert "Make the bundle" not in told


def test_a_sealed_case_is_reported_by_its_own_numbers(visit, case_id, case, store_root, words):
    made = challenges.make(store_root, case, challenges.Wanted(title="Exercise"))
    blind = results.case(made.id)
    at = visit("report", case=made.id)
    assert not at.exception and not at.error
    flagged = np.flatnonzero(verdict(blind.plan, Contrast()).flagged)
    shown = re.search(r"<pre>([\d, ]+)</pre>", article(at))[1]
    assert sorted(map(int, shown.split(", "))) == flagged.tolist()
    assert sorted(blind.real_rows(flagged)) == np.flatnonzero(verdict(case.plan, Contrast()).flagged).tolist()
    secrets = ("BadNet", "badnet", "core detect", case.id, *(a.key for a in runs.kept(case.plan)))
    assert not [w for w in secrets if w in words(at)]
    with pytest.raises(bundle.BundleRefused):
        bundle.contents(blind)


def test_verdicts_are_in_the_report_and_in_the_csv(visit, case_id, case, store_root):
    found = verdict(case.plan, Contrast())
    first = int(np.flatnonzero(found.flagged)[0])
    Verdicts(store_root, case_id, 300).judge("ann", [first], "keep", reason="=looks fine")
    told = article(visit("report", case=case_id))
    assert "What reviewers said" in told and "Reviewed by" in told
    assert f">{int(found.flagged.sum()) - 1}<" in told


def test_the_short_row_on_investigate_leads_to_the_report(visit, case_id):
    at = visit("investigate", case=case_id)
    assert [x for x in labels(at) if x.startswith("flag")] == ["flags.csv", "flagged_indices.npy"]
    assert "Report and all files" in [e.proto.label for e in at.get("page_link")]


def test_a_bundle_is_made_on_the_page_and_handed_out_by_its_name(visit, case_id, case, store_root):
    at = visit("report", case=case_id)
    at.button(key="make-bundle").click().run()
    assert not at.exception
    [file] = (store_root / "bundles").iterdir()
    assert bundles.NAME.fullmatch(file.name)
    answer = asyncio.run(bundles.download(SimpleNamespace(path_params={"name": file.name}, scope={})))
    assert answer.status_code == 200 and str(answer.path) == str(file)
    assert "Download the bundle" in str([e.proto for e in at.get("link_button")])


@pytest.mark.parametrize(
    "name", ["..", "../casebook.sqlite3", "a.zip", "0" * 12 + "-" + "0" * 32 + ".zip", ""]
)
def test_no_other_file_is_handed_out(name, case_id):
    assert (
        asyncio.run(bundles.download(SimpleNamespace(path_params={"name": name}, scope={}))).status_code
        == 404
    )


def importing() -> None:
    from app.panels.import_case import import_panel

    import_panel()


@pytest.fixture
def arrived(case, tmp_path, monkeypatch):
    """A bundle in the data folder of a dashboard whose store is empty."""
    data = tmp_path / "data"
    bundle.make(bundle.contents(case), data / "inside" / "case.zip")
    (tmp_path / "outside.zip").write_bytes((data / "inside" / "case.zip").read_bytes())
    monkeypatch.setenv("INFLUENCE_DATA", str(data))
    monkeypatch.setenv("INFLUENCE_STORE", str(tmp_path / "empty"))
    monkeypatch.setattr(results, "_store", None)
    results._cases.clear()
    return tmp_path / "empty"


def opened_by(place: str) -> AppTest:
    at = AppTest.from_function(importing, default_timeout=60).run()
    at.text_input(key="bundle-path").set_value(place).run()
    return at.button(key="open-bundle").click().run()


def test_a_bundle_from_the_data_folder_opens_and_investigate_computes_nothing(arrived, visit, case, tiny):
    at = opened_by("inside/case.zip")
    assert "is open" in at.success[0].value and not at.error
    page = visit("investigate", case=case.id)
    assert not page.exception and not page.error
    flagged = int(verdict(tiny, Contrast()).flagged.sum())
    assert f"{flagged:,}" in [m.value for m in page.metric]
    there = cases.find(case.id, Store(arrived, computes=False))
    assert export.flags_csv(
        export.flag_rows(there.plan, Contrast(), verdict(there.plan, Contrast()))
    ) == export.flags_csv(export.flag_rows(tiny, Contrast(), verdict(tiny, Contrast())))


@pytest.mark.parametrize(
    "place", ["../outside.zip", "/etc/passwd", "inside", "missing.zip", "a\0b", "~/x.zip"]
)
def test_a_path_outside_the_data_folder_is_not_opened(place, arrived):
    at = opened_by(place)
    assert not at.exception and "Not opened" in at.error[0].value
    assert not list(arrived.rglob("*.json"))


def test_a_damaged_bundle_says_so_and_leaves_nothing(arrived, tmp_path):
    file = tmp_path / "data" / "inside" / "case.zip"
    file.write_bytes(file.read_bytes()[:-9])
    at = opened_by("inside/case.zip")
    assert "nothing of it was kept" in at.error[0].value
    assert not [p for p in arrived.rglob("*") if p.is_file()]


def test_exports_know_the_whole_view(visit, case_id, view_of, case):
    at = visit("report", case=case_id, m="-0.5")
    view = view_of(at)
    looking = export.Looking(case_id, False, state.parameters_of(view) | {"v": state.VERSION})
    told = json.loads(export.bundle(case.plan, Contrast(margin=-0.5), looking)["flags.json"]())
    assert state.parse(told["view"])[0] == view
