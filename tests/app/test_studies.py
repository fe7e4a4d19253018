"""The papers' tables: every study opens in every state, ours beside the published figures, failures in words."""

import json
from collections.abc import Callable, Iterator

import pytest

from core import jobs, paper
from core.jobs.launch import jobs_dir, supervisor_lock

STUDIES = {study.name: study for study in paper.studies()}
FIGURES = {
    "precision": 0.6123,
    "precision_in_target_label": 0.8,
    "true_positive_rate": 0.99,
    "poison_success_rate": 0.02,
    "test_accuracy": 0.777,
    "flagged": 410,
    "seconds": 12.5,
}


@pytest.fixture
def write(store_root) -> Callable[..., None]:
    """Writes one record of a cell into the user's own results, through the real writer."""

    def written(cell: str, *, seed: int = 0, **told: object) -> None:
        study, setting, row = cell.split("/", 2)
        record = {"row": row, "seed": seed, "run": "0123456789ab", "date": "2026-11-22"}
        record |= {"hardware": "a machine", "threads": 1, "wall_seconds": 2.5}
        place = paper.place("cpu", study, setting, store_root / "paper")
        paper.write(place, record | (told or {"figures": FIGURES}))

    return written


@pytest.mark.parametrize("scale", ["cpu", "full"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_opens_with_nothing_measured(name, scale, visit, words):
    at = visit("studies", study=name, scale=scale)
    assert not at.exception and not at.error and not at.toast
    assert "Nothing of this study has been measured" in at.info[0].value
    assert f"--cells '{name}/*' --seeds 3 --scale {scale}" in at.code[0].value
    assert STUDIES[name].source in at.selectbox[0].options[list(STUDIES).index(name)]
    assert "0 of" in words(at)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_opens_with_some_cells_measured(name, visit, words, write):
    measured = paper.cells("cpu", f"{name}/digits-*")
    for cell in measured[::2]:
        write(cell.id)
        write(cell.id, seed=1)
    at = visit("studies", study=name)
    assert not at.exception and not at.error and not at.info
    assert f"{len(measured[::2])} of {len(paper.cells('cpu', f'{name}/*'))} cells measured" in words(at)
    assert "2 seeds" in words(at)
    assert len(at.get("plotly_chart")) >= 1


def test_the_published_figures_are_shown_before_anything_is_measured(visit, words):
    told = words(visit("studies", study="detectors", images="cifar10"))
    assert "17.6 %" in told and "99.1 %" in told


def test_our_mean_stands_above_the_published_figure_with_its_interval_and_n(visit, words, write):
    for seed, precision in enumerate((0.5, 0.6, 0.7)):
        write(
            "detectors/cifar10-badnet/delta_influence",
            seed=seed,
            figures=FIGURES | {"precision": precision},
        )
    told = words(visit("studies", study="detectors"))
    cell = next(part for part in told.split("<td") if "60.0 %" in part)
    assert "n 3" in cell and "(35–85)" in cell and "17.6 %" in cell


def test_precision_stands_beside_precision_in_the_target_label(visit, words, write):
    write("detectors/cifar10-badnet/delta_influence")
    told = words(visit("studies", study="detectors"))
    assert "61.2 %" in told and "80.0 %" in told and "in the target label" in told


def test_a_cell_that_was_not_judged_says_why(visit, words, write):
    reason = "not judged: poison success 0.30 is below 0.9, the attack did not work"
    write("detectors/cifar10-badnet/delta_influence", failed=reason)
    told = words(visit("studies", study="detectors"))
    assert "not judged<sup>1</sup>" in told and reason in told
    assert "1 tried without a figure" in told


def test_text_of_result_files_is_shown_as_it_is(visit, words, write):
    write("detectors/cifar10-badnet/delta_influence", failed="<img src=x onerror=alert(1)>")
    write("detectors/cifar10-badnet/scrub](http://x)", failed="no such row")
    told = words(visit("studies", study="detectors"))
    assert "<img src=x" not in told and "&lt;img src=x" in told
    assert "](http://x" not in told


def test_claims_are_told_in_words_and_with_a_mark(visit, write):
    write("detectors/cifar10-badnet/delta_influence")
    write("detectors/cifar10-badnet/influence_threshold", figures=FIGURES | {"precision": 0.9})
    told = [m.value for m in visit("studies", study="detectors").markdown if "·" in m.value]
    assert sum(":material/cancel: **does not hold**" in line for line in told) == 2


def test_differences_from_the_published_figures_are_counted(visit, write):
    write("detectors/cifar10-badnet/delta_influence")
    at = visit("studies", study="detectors")
    labels = [box.label for box in at.expander]
    assert "Where our figures differ from the published ones: 1 figure" in labels
    assert any(
        "precision 61.2 % (n 1) is above the published 17.6 %" in m.value.replace("\\", "")
        for m in at.markdown
    )


@pytest.mark.parametrize(
    "link", [{"study": "nosuch"}, {"scale": "<b>"}, {"images": "../.."}], ids=lambda link: next(iter(link))
)
def test_a_bad_link_opens_the_page_with_a_remark(link, visit):
    at = visit("studies", **link)
    assert not at.exception and not at.error
    assert "is not usable" in at.toast[0].value
    assert next(iter(link)) not in at.query_params


def test_what_is_picked_goes_into_the_address(visit, words):
    at = visit("studies")
    at = at.selectbox(key="studies-study").select("ablation").run()
    assert at.query_params["study"] == "ablation"
    assert "label only" in words(at)
    assert "takes a GPU" in words(visit("studies", study="ablation", scale="full"))


def test_a_damaged_result_file_is_named_and_nothing_breaks(visit, write, store_root):
    write("detectors/cifar10-badnet/delta_influence")
    paper.place("cpu", "detectors", "cifar10-badnet", store_root / "paper").write_text("[{")
    at = visit("studies", study="detectors")
    assert not at.exception
    assert "no result file" in at.error[0].value and "cifar10" in at.error[0].value


@pytest.fixture
def nobody_works(store_root) -> Iterator[None]:
    """Jobs are queued and stay so: the right to supervise this store is held here, so no process starts."""
    jobs_dir(store_root).mkdir(parents=True, exist_ok=True)
    with supervisor_lock(jobs_dir(store_root)) as mine:
        assert mine
        yield


def test_measuring_what_is_missing_says_how_much_it_is_and_queues_one_job(
    visit, words, write, store_root, nobody_works
):
    write("complement/digits-badnet/detected")
    every = len(paper.cells("cpu", "complement/*"))
    at = visit("studies", study="complement")
    assert f"This makes {every - 1} measurements" in words(at)
    for _ in range(2):
        at = visit("studies", study="complement")
        [button] = (b for b in at.button if b.label == "Measure what is missing")
        assert not button.click().run().exception
    [job] = jobs.table(store_root).list()
    asked = json.loads(job.spec)
    assert (job.kind, asked["cells"], asked["seeds"], asked["scale"]) == ("paper", "complement/*", [0], "cpu")


def test_all_studies_are_listed_with_what_is_known_of_them(visit, words, write):
    write("detectors/cifar10-badnet/delta_influence")
    at = visit("studies")
    at.session_state["overview"] = True
    told = words(at.run())
    assert all(f"?study={name}&scale=cpu" in told for name in STUDIES)
    assert f"1 of {len(paper.cells('cpu', 'detectors/*'))}" in told
