"""Settings: what is written reads back equal, and what is wrong is named with its choices."""

import pytest

from core import paths
from core.experiment import Experiment
from core.presets import find_experiment

PRESETS = sorted(path.stem for path in paths.EXPERIMENTS.glob("*.toml"))


@pytest.fixture
def file(make_experiment, tmp_path):
    """The tiny experiment as a TOML file."""
    path = tmp_path / "tiny.toml"
    path.write_text(make_experiment().to_toml(), "utf-8")
    return path


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_reads_back_equal_from_its_own_toml(name, tmp_path):
    preset = Experiment.from_toml(name)
    (tmp_path / "copy.toml").write_text(preset.to_toml(), "utf-8")
    assert Experiment.from_toml(tmp_path / "copy.toml") == preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_what_it_is(name):
    preset = Experiment.from_toml(name)
    assert preset.title != "Untitled investigation" and len(preset.description) > 40


def test_json_reads_back_equal(make_experiment):
    experiment = make_experiment()
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_a_preset_is_found_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = paths.EXPERIMENTS / "digits-badnet.toml"
    assert find_experiment("digits-badnet") == find_experiment("digits-badnet.toml") == expected


def test_a_missing_file_lists_the_presets():
    with pytest.raises(
        FileNotFoundError, match=r"nosuch.toml: no such file.*'cifar10-badnet'.*'digits-badnet'"
    ):
        Experiment.from_toml("nosuch.toml")


def test_a_file_that_is_not_toml_is_named(tmp_path):
    bad = tmp_path / "bad.toml"
    for content in (b"title = ", b"\xff\xfe\x00"):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match=r"bad.toml: not a TOML file"):
            Experiment.from_toml(bad)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["training.epochs=7"], ("training", "epochs", 7)),
        (["training.learning_rate=0.5"], ("training", "learning_rate", 0.5)),
        (["training.flip=true"], ("training", "flip", True)),
        (["scores.damping=heuristic"], ("scores", "damping", "heuristic")),
        (["scores.damping=1e-3"], ("scores", "damping", 1e-3)),
        (["factors.strategy=kfac"], ("factors", "strategy", "kfac")),
        (['transforms.names=["flip", "inverter"]'], ("transforms", "names", ("flip", "inverter"))),
        (["attack.n_poisons=3", "attack.n_poisons=5"], ("attack", "n_poisons", 5)),
        ([" queries.count = 9 "], ("queries", "count", 9)),
    ],
)
def test_a_setting_can_be_overridden(file, changes, expected):
    group, field, value = expected
    assert getattr(getattr(Experiment.from_toml(file, changes), group), field) == value


def test_a_member_of_a_list_is_overridden_by_its_number(file):
    changed = Experiment.from_toml(file, ["detectors.0.threshold=-2.5", "title=a = b"])
    assert changed.detectors[0].threshold == -2.5 and changed.title == "a = b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epochs", r"--set training.epochs: expected key=value"),
        ("training.epochs=0", r"^training.epochs=0: expected greater than or equal to 1$"),
        ("training.epochs=many", r"^training.epochs='many': expected a valid integer"),
        ("training.epoch=5", r"^training.epoch=5: no such setting; correct its name"),
        ("trainings.epochs=5", r"^trainings: no such setting"),
        ("training.epochs.more=5", r"training.epochs.more"),
        ("detectors.7.threshold=1", r"detectors.7.threshold"),
        ("detectors.first.threshold=1", r"detectors.first.threshold"),
        ("detectors.0.name=spectral", r"unknown detector 'spectral'; choose from \['activation_clustering'"),
        ("attack.name=worm", r"unknown attack 'worm'; choose from \['badnet'"),
        ("dataset.name=mnist", r"unknown dataset 'mnist'; choose from \['cifar10'"),
        ("model.width=0", r"width"),
        ("scores.damping=-1", r"scores.damping"),
        (
            'unlearn_after=["spectral"]',
            r"unlearn_after=\['spectral'\]: not among the detectors \['delta_influence'",
        ),
        ("detectors.1.name=delta_influence", r"detectors=.*each may be listed once"),
        ('unlearners=["exact", "exact"]', r"unlearners=.*each may be listed once"),
        ("detectors=[]", r"detectors: .*at least 1"),
        (
            "training.learning_rate=nan",
            r"^training: learning_rate=nan: expected a number of at most .*; correct it$",
        ),
        (
            "detectors.0.threshold=nan",
            r"^detectors.0: threshold=nan: expected a number of at most .*; correct it$",
        ),
        ("detectors.0.threshold=low", r"^detectors.0.threshold='low': expected a valid number, [^\n]*$"),
    ],
)
def test_a_wrong_setting_is_named(file, change, message):
    with pytest.raises(ValueError, match=message):
        Experiment.from_toml(file, [change])


def test_a_table_without_a_name_lists_the_choices(make_experiment):
    with pytest.raises(
        ValueError, match=r"expected a table with a name; choose from \['resnet18', 'resnet9', 'resnet9_goel'"
    ):
        Experiment.checked(make_experiment().model_dump(mode="json") | {"model": {"width": 3}})


def test_every_wrong_field_has_its_own_line(file):
    with pytest.raises(ValueError) as caught:
        Experiment.from_toml(file, ["training.epochs=0", "queries.count=0"])
    assert len(str(caught.value).splitlines()) == 2


def test_settings_cannot_be_altered(make_experiment):
    with pytest.raises(ValueError, match="frozen"):
        make_experiment().title = "another"


def test_a_changed_copy_is_checked_again(make_experiment):
    assert make_experiment().changed(title="x").title == "x"
    with pytest.raises(ValueError, match="detectors"):
        make_experiment().changed(detectors=[])


def test_every_setting_is_described():
    for group in ("training", "factors", "queries", "transforms", "scores"):
        for name, field in type(getattr(Experiment.from_toml("digits-badnet"), group)).model_fields.items():
            assert field.description, f"{group}.{name}"
