"""Does every method get a complete form from its own file, and do untouched widgets mean the defaults?"""

import sys
import tomllib
from functools import cache
from types import ModuleType
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field
from streamlit.testing.v1 import AppTest

from app import forms
from core import registry
from core.experiment import (
    ControlSettings,
    Experiment,
    FactorSettings,
    FrequencySettings,
    QuerySettings,
    ScoreSettings,
    Training,
    TransformSettings,
)
from core.registry import Settings

FAMILIES = ("datasets", "attacks", "models", "detectors", "unlearners", "transforms")
METHODS = [(f, name) for f in FAMILIES for name in registry.members(f)]
SECTIONS = [Training, FactorSettings, QuerySettings, TransformSettings, ControlSettings]
SECTIONS += [ScoreSettings, FrequencySettings]
INPUTS = ("selectbox", "toggle", "number_input", "pills", "text_input")


def page(kind, given):
    import streamlit as st

    from app import forms

    st.session_state["chosen"] = forms.fields(kind, "form", given)


@cache
def form_of(kind: type[BaseModel]) -> AppTest:
    """The form of one class of settings on a page of its own, untouched."""
    return AppTest.from_function(page, kwargs={"kind": kind, "given": {}}).run()


def widgets(at: AppTest) -> list:
    return [widget for kind in INPUTS for widget in at.get(kind)]


def shown(kind: type[BaseModel]) -> dict:
    return {name: field for name, field in kind.model_fields.items() if name not in forms.HIDDEN}


ALL = [registry.members(family)[name] for family, name in METHODS] + SECTIONS


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_field_has_a_widget_with_its_help(kind):
    at, fields = form_of(kind), shown(kind)
    assert not at.exception
    assert len(widgets(at)) == len(fields)
    assert sorted(w.help for w in widgets(at)) == sorted(field.description for field in fields.values())


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_untouched_widgets_give_the_defaults_back(kind):
    chosen = form_of(kind).session_state["chosen"]
    assert kind(**chosen) == kind()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_bounds_of_a_number_are_those_of_the_settings(kind):
    for name, field in shown(kind).items():
        for widget in form_of(kind).get("number_input"):
            if widget.help == field.description and widget.min is not None and widget.proto.has_min:
                kind(**{name: type(field.default)(widget.min)})


def test_given_values_replace_the_defaults():
    given = {"epochs": 3, "flip": False, "schedule": "one_cycle"}
    at = AppTest.from_function(page, kwargs={"kind": Training, "given": given}).run()
    assert not at.exception
    assert Training(**at.session_state["chosen"]) == Training(**given)


class Odd(Settings):
    """Every kind of field that a plugin may have."""

    alphas: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.1, 1, 1e6), title="Strengths")
    layers: tuple[int, ...] = Field(default=(3, 5))
    modes: tuple[Literal["fast", "slow"], ...] = ("fast",)
    order: Literal[1, 2, 3] = Field(default=2)
    cap: int | None = Field(default=None, ge=1)
    rate: Annotated[float, Field(ge=0, le=1)] | None = None
    mode: Literal["a", "b"] | None = None
    note: str | None = None
    count: int = Field(default=3, gt=1, lt=9)
    target_class: int | None = None
    source_classes: tuple[int, ...] = (1,)


def odd_page(given, classes=()):
    import streamlit as st
    from tests_app_odd import Odd

    from app import forms

    st.session_state["chosen"] = forms.fields(Odd, "form", given, classes)


@pytest.fixture
def odd(monkeypatch):
    """The form of the odd settings: a page is a text of its own, so it gets the class from a module."""
    module = ModuleType("tests_app_odd")
    module.Odd = Odd
    monkeypatch.setitem(sys.modules, "tests_app_odd", module)

    def opened(**given):
        classes = given.pop("classes", ())
        return AppTest.from_function(odd_page, kwargs={"given": given, "classes": classes}).run()

    return opened


def widget(at: AppTest, label: str):
    [found] = [w for w in [*widgets(at), *at.multiselect] if w.label == label]
    return found


def test_every_kind_of_field_gives_its_default_back(odd):
    for classes in ((), ("cat", "dog", "ship")):
        at = odd(classes=classes)
        assert not at.exception
        assert Odd(**at.session_state["chosen"]) == Odd()


def test_several_numbers_are_typed_with_commas(odd):
    at = widget(odd(), "Strengths").set_value(" 0.5,2 ; 1e3,").run()
    assert at.session_state["chosen"]["alphas"] == [0.5, 2.0, 1000.0]
    assert Odd(**at.session_state["chosen"]).alphas == (0.5, 2, 1000)


@pytest.mark.parametrize("typed", ["0.1, many", "nan", "1 2", "inf"])
def test_what_is_no_number_is_named_with_its_field(typed, odd):
    at = widget(odd(), "Strengths").set_value(typed).run()
    assert "Strengths" in at.error[0].value
    assert typed.split(", ")[-1] in at.error[0].value
    with pytest.raises(ValueError, match="alphas"):
        Odd(**at.session_state["chosen"])


def test_whole_numbers_refuse_fractions(odd):
    at = widget(odd(), "Layers").set_value("3, 5.5").run()
    assert "whole numbers" in at.error[0].value


def test_an_empty_field_is_none_until_it_is_filled(odd):
    at = odd(note="x", classes=("cat", "dog"))
    empty = Odd(**at.session_state["chosen"])
    assert (empty.cap, empty.rate, empty.mode, empty.target_class) == (None, None, None, None)
    for label, value in (("Cap", 7), ("Rate", 0.5), ("Mode", "b"), ("Note", ""), ("Target class", 1)):
        at = widget(at, label).set_value(value).run()
    filled = Odd(**at.session_state["chosen"])
    assert (filled.cap, filled.rate, filled.mode, filled.target_class) == (7, 0.5, "b", 1)
    assert (empty.note, filled.note) == ("x", None)


def test_open_bounds_of_whole_numbers_are_kept_by_the_widget(odd):
    count = widget(odd(), "Count")
    assert (count.min, count.max) == (2, 8)


def test_several_classes_are_chosen_by_their_names(odd):
    at = odd(classes=("cat", "dog", "ship"))
    box = widget(at, "Source classes")
    assert box.options == ["cat (0)", "dog (1)", "ship (2)"]
    at = box.set_value([0, 2]).run()
    assert Odd(**at.session_state["chosen"]).source_classes == (0, 2)


def test_a_class_is_chosen_by_its_name(visit):
    at = visit("set_up")
    at.selectbox(key="preset").select("cifar10-badnet").run()
    [victim] = [box for box in at.selectbox if box.label == "Victim class"]
    assert len(victim.options) == 10
    assert victim.value == 8
    assert "ship" in victim.options[8]


PRESETS = ["digits-badnet", "cifar10-badnet", "imagenette64-badnet-cpu"]
PRESETS += ["paper/cpu/digits-interclass_confusion", "paper/full/cifar100-witches_brew"]


@pytest.mark.parametrize("preset", PRESETS)
def test_an_untouched_preset_is_downloaded_as_it_is(preset, visit, monkeypatch):
    import streamlit as st

    files = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, content, *_, **__: files.update({label: content})
    )
    at = visit("set_up")
    at.selectbox(key="preset").select(preset).run()
    assert not at.exception
    assert not at.error
    made = files["experiment.toml"]
    assert Experiment.from_toml(preset).to_toml() == made


@pytest.fixture
def made(visit, monkeypatch):
    """The page of a new investigation, and the experiment that it makes."""
    import streamlit as st

    files = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, content, *_, **__: files.update({label: content})
    )

    def experiment():
        return Experiment.checked(tomllib.loads(files["experiment.toml"]))

    return visit("set_up"), experiment


def test_every_method_can_be_chosen_and_gets_its_own_settings(made):
    at, experiment = made
    for family in ("detectors", "unlearners"):
        pills = next(p for p in at.pills if p.label == family.capitalize())
        at = pills.set_value(list(registry.members(family))).run()
        assert not at.exception
        assert not at.error
        assert {m.name for m in getattr(experiment(), family)} == set(registry.members(family))


def test_a_setting_of_one_unlearner_reaches_the_experiment(made):
    at, experiment = made
    box = next(n for n in at.number_input if "catastrophic_forgetting" in n.key and "epochs" in n.key)
    box.set_value(3).run()
    assert {u.name: u for u in experiment().unlearners}["catastrophic_forgetting"].epochs == 3


def test_flags_of_several_detectors_can_be_unlearned(made):
    at, experiment = made
    pills = next(p for p in at.pills if p.label == "Unlearn what these flag")
    at = pills.set_value(["influence_threshold", "delta_influence"]).run()
    assert experiment().unlearn_after == ("delta_influence", "influence_threshold")
    detectors = next(p for p in at.pills if p.label == "Detectors")
    detectors.set_value(["influence_threshold"]).run()
    assert set(experiment().unlearn_after) <= {"influence_threshold"}


@pytest.mark.parametrize("family", ["attacks", "models"])
def test_every_attack_and_model_makes_an_experiment(family, made):
    at, experiment = made
    label = {"attacks": "Attack", "models": "Architecture"}[family]
    for name in (n for n, method in registry.members(family).items() if getattr(method, "known", True)):
        box = next(b for b in at.selectbox if b.label == label)
        at = box.select(name).run()
        assert not at.exception
        assert not at.error, name
        assert getattr(experiment(), family[:-1]).name == name


def test_settings_that_do_not_fit_together_are_explained(visit):
    at = visit("set_up")
    [detectors] = [box for box in at.pills if box.label == "Detectors"]
    detectors.set_value([]).run()
    assert not at.exception
    assert "do not fit together" in at.error[0].value
    assert "Start" not in [b.label for b in at.button]


def test_missing_images_are_explained_and_nothing_can_be_started(visit, tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path / "no images here"))
    at = visit("set_up")
    at.selectbox(key="preset").select("cifar10-badnet").run()
    assert not at.exception
    assert at.warning
    assert [b.disabled for b in at.button if b.label == "Start"] == [True]
