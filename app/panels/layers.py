"""Which layers carry the influence of one training image, asked of the engine when somebody wants to know."""

import numpy as np
import streamlit as st

from app import answers, charts
from app.shell import escaped
from app.state import View
from core.artifacts import LayerScores
from core.cases import Case
from core.engine import questions

LOOK_SECONDS = 0.4


def layers(case: Case, view: View, row: int) -> None:
    """A panel that opens on demand."""
    with (
        panel := st.expander(
            "Which layers, and self-influence",
            icon=":material/layers:",
            key=f"layers-{case.id}",
            on_change="rerun",
        )
    ):
        if not panel.open:
            return
        row = int(case.real_rows([row])[0])
        found = questions.layers(case.plan, (view.query, row))
        if found.done:
            _show(found.value)
        else:
            _ask(case, view, row)


def _show(found: LayerScores) -> None:
    changes = found.values[:, 1:] - found.values[:, :1]
    figure = charts.by_layer(list(found.layers), found.values[:, 0], changes.mean(1))
    charts.show(
        figure,
        key="by-layer",
        alt="influence and its mean change by layer",
        height=90 + 28 * len(found.layers),
    )
    most = found.layers[int(np.abs(changes.mean(1)).argmax())]
    st.caption(
        f"Layer {most} carries most of the change. Self-influence {found.self_influence:.4g}: what the image does to its "
        "own loss, large where nothing else teaches what it shows. A first layer that carries nearly everything hints at "
        "too little damping."
    )


def _ask(case: Case, view: View, row: int) -> None:
    question = questions.about_layers(case.plan, view.query, row)
    answer = answers.to(question)
    answer.wait(LOOK_SECONDS)

    def look() -> None:
        if answer.state == "done":
            st.rerun()
        elif answer.state == "asking":
            st.caption(":material/hourglass: asking the engine …")
        else:
            st.error(f"The engine could not answer. {escaped(answer.error)}", icon=":material/error:")
            if st.button("Ask again", icon=":material/replay:", key="layers-again"):
                answers.again(question)
                st.rerun()

    st.fragment(look, run_every=LOOK_SECONDS if answer.state == "asking" else None)()
