"""Does every method get a complete form from its own file, and do untouched widgets mean the defaults?"""

from functools import cache

import pytest
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from app import forms
from core import registry
from core.experiment import (
    Experiment,
    FactorSettings,
    QuerySettings,
    ScoreSettings,
    Training,
    TransformSettings,
)

FAMILIES = ("datasets", "attacks", "models", "detectors", "unlearners", "transforms")
METHODS = [(f, name) for f in FAMILIES for name in registry.members(f)]
SECTIONS = [Training, FactorSettings, QuerySettings, TransformSettings, ScoreSettings]
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


def test_a_class_is_chosen_by_its_name(visit):
    at = visit("set_up")
    at.selectbox(key="preset").select("cifar10-badnet").run()
    [victim] = [box for box in at.selectbox if box.label == "Victim class"]
    assert len(victim.options) == 10
    assert victim.value == 8
    assert "ship" in victim.options[8]


@pytest.mark.parametrize("preset", ["digits-badnet", "cifar10-badnet", "imagenette64-badnet-cpu"])
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
