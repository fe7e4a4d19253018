"""What the Attack page says where nobody knows the attack: what was found instead, and what the model makes of it."""

import streamlit as st

from app import words
from app.shell import escaped
from app.state import View, parameters_of
from core import metrics, runs
from core.cases import Case


def nobody_knows(case: Case, view: View) -> None:
    """That there is no truth to show, what each detector flags, and what each model makes of the picked image."""
    st.info(
        "Nobody knows what was done to these training images, or whether anything was: they are somebody's own. There "
        "is no truth to show or to grade against. What was found instead:",
        icon=":material/help:",
    )
    st.header("Flagged training images")
    found(case)
    st.page_link(
        "views/investigate.py",
        label="Look at the evidence",
        icon=":material/search:",
        query_params=parameters_of(view),
    )
    st.header("The picked image")
    st.caption(
        "What each model reads it as, and how sure it is of the victim's answer. A cure takes that answer away and "
        "leaves the test accuracy where it was."
    )
    st.table(
        [
            {
                "model": "victim" if name == "victim" else titled(case, name),
                "read as": escaped(said["read_as"]),
                "sure": f"{said['sure']:.1%}",
                "victim's answer": f"{said['first_answer']:.1%}",
                "test accuracy": f"{said['test_accuracy']:.1%}",
            }
            for name, said in runs.opinions(case.plan).items()
        ]
    )
    st.page_link(
        "views/unlearn.py",
        label="Remove flagged images and compare",
        icon=":material/healing:",
        query_params=parameters_of(view),
    )


def titled(case: Case, name: str) -> str:
    """A model by the titles of the detector and the unlearner that made it."""
    detector, unlearner = name.split("/")
    x = case.run.experiment
    removed = next(type(d).title for d in x.detectors if d.name == detector)
    return f"{next(type(u).title for u in x.unlearners if u.name == unlearner)} after {removed}"


def found(case: Case) -> None:
    """One sentence for each detector that has been asked."""
    data = case.plan.poisoned.value
    for method in case.run.experiment.detectors:
        artifact = case.plan.detections[method.name]
        if not artifact.done:
            continue
        flagged = artifact.value.flagged
        labels = metrics.labels_of(flagged, data)
        carried = words.listed(f"{n:,} labelled {words.quoted(name)}" for name, n in labels)
        share = words.share(int(flagged.sum()), len(data.train))
        told = f": {carried}" if labels else ""
        images = words.counted(int(flagged.sum()), "image")
        st.markdown(f"- **{type(method).title}** flags {images} ({share}){told}")
