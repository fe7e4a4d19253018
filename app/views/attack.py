"""What the attack did, seen from the attacker's side. With the truth hidden the page says nothing of it."""

import streamlit as st

from app import charts, panels, results, shell, state
from app.panels import attack, story, unknown_attack
from app.panels.challenge import blind
from app.shell import escaped
from app.words import label, share, value
from core import truth as truths
from core.cases import Case

view, case = shell.opened_case(state.current())
panels.head(case, view, f"Attack · {escaped(case.run.title)}")


def hidden() -> None:
    """Why there is nothing to see, and the way to see it."""
    if case.sealed:
        blind.nothing_to_see(case)
        return
    st.info(
        "This page shows what the attacker did: which training images were altered, and how. The ground truth is "
        "hidden in this view, so that you can investigate as someone who does not know it.",
        icon=":material/visibility_off:",
    )
    st.button("Show the truth", icon=":material/visibility:", on_click=lambda: state.update(truth="show"))
    st.page_link("views/investigate.py", label="Go on investigating", icon=":material/search:")


def told(case: Case) -> None:
    """The story in sentences, the figures, and the settings."""
    data, truth, report = case.plan.dataset.value, case.plan.poisoning.value, case.plan.before.value
    seen, names = results.attack(case), data.class_names
    sentences = [
        story.labels(seen.poisons, names, len(data.train)),
        story.pixels(seen.poisons),
        story.aim(seen.targets, truth, names),
        story.success(seen.targets, report.poison_success_rate),
    ]
    st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
    for note in truth.notes:
        st.caption(escaped(note))
    figures(case)
    with st.expander("Settings of the attack", icon=":material/tune:"):
        settings(case)


def figures(case: Case) -> None:
    """The attack in numbers."""
    n, report, seen = len(case.plan.dataset.value.train), case.plan.before.value, results.attack(case).poisons
    cells = [
        ("Poisons", f"{seen.n:,}", f"{share(seen.n, n)} of {n:,} training images"),
        ("Relabelled", f"{seen.relabelled:,}", "poisons whose label is not their own class"),
        ("Pixels changed", f"{seen.pixels:,}", f"of {seen.size:,}, in the typical altered image"),
        ("Largest change", f"{seen.largest} / 255", "of any pixel of any poison"),
        (
            "Poison success rate",
            f"{report.poison_success_rate:.1%}",
            "share of the attacked test images, not of that class anyway, that the victim reads as wanted",
        ),
    ]
    with st.container(horizontal=True, gap="medium"):
        for name, figure, hint in cells:
            st.metric(name, figure, help=hint, width="content")


def settings(case: Case) -> None:
    """Every setting of the attack with its meaning; classes by name."""
    method, names = case.run.experiment.attack, case.plan.dataset.value.class_names
    rows = [{"setting": "Attack", "value": type(method).title, "meaning": ""}]
    for name, field in type(method).model_fields.items():
        shown = getattr(method, name)
        if name.endswith("_class") and isinstance(shown, int) and shown < len(names):
            shown = names[shown] if names[shown] == str(shown) else f"{names[shown]} ({shown})"
        meaning = field.description or ""
        rows.append({"setting": label(type(method), name), "value": value(shown), "meaning": meaning})
    st.table([{key: escaped(text) for key, text in row.items()} for row in rows])


def frequencies(case: Case) -> None:
    """Mean spectra of the originals, of the poisons and of what was added."""
    spectra = results.attack(case).spectra
    if spectra is None:
        st.info("The images are untouched, so there is nothing to see in their frequencies.")
        return
    st.caption(
        f"Mean over {spectra.n} poisons and their originals: the strength of each pair of frequencies, low ones top "
        "left (log₁₀ of 1 + the cosine transform's amplitude in grey levels; one scale for all three). Natural images "
        "fade towards the high frequencies; what an attacker adds often does not."
    )
    parts = {"Originals": spectra.before, "Poisons": spectra.after, "The difference alone": spectra.change}
    for column, (name, values) in zip(st.columns(3), parts.items(), strict=True):
        with column:
            st.markdown(f"**{name}**")
            figure = charts.spectrum(values, spectra.most)
            charts.show(figure, key=f"spectrum-{name}", alt=f"mean spectrum: {name.lower()}", height=300)


if not truths.known(case.plan):
    unknown_attack.nobody_knows(case, view)
    st.stop()
if results.truth(case, view) is None:
    hidden()
    st.stop()
st.header("1 · What was done")
told(case)
st.header("2 · The poisons")
poisons, targets = attack.poisons(case), attack.targets(case)
if poisons.altered.repainted or targets.altered.repainted:
    attack.looks(view)
attack.pictures(case, view, poisons)
st.header("3 · The attacked test image" + ("s" if len(targets.pair) != 1 else ""))
report = case.plan.before.value
if len(targets.pair) > 1:
    st.caption(
        f"The victim reads {report.poison_success_rate:.1%} of them as the attacker wants, and "
        f"{report.clean_label_accuracy:.1%} as what they are."
    )
attack.pictures(case, view, targets)
st.header("4 · In frequencies")
frequencies(case)
