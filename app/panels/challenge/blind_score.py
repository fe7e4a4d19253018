"""A challenge after its reveal: what the committed sets were worth, who was best, and what was missed."""

import json
from typing import Any

import streamlit as st

from app import blind_charts, charts, images, results
from app.components.gallery import Item, gallery
from app.panels.challenge.blind import clock
from app.shell import escaped
from app.state import View
from app.words import counted
from core.blind import challenge_scores, commitments
from core.blind.challenges import Challenge
from core.blind.commitments import Commitment
from core.cases import Case
from core.truth import Truth

MOST = 24
"""Images of each kind of mistake."""
FIGURES = {
    "flagged": ("flagged", "Training images in the set."),
    "true_positive_rate": ("true positive rate", "Share of the poisons that are in the set."),
    "precision": ("precision", "Share of the set that are poisons."),
    "f1": ("F1", "Harmonic mean of the two before: high only where both are."),
    "precision_in_target_label": (
        "precision in label",
        "The same among images with a label that poisons carry.",
    ),
}


def score(case: Case, view: View, found: Challenge) -> None:
    """Everything about a revealed challenge."""
    truth = results.truth(case, view)
    if truth is None:
        st.info("Revealed. Show the ground truth to see the score.", icon=":material/visibility_off:")
        return
    counting = commitments.counting(commitments.of_challenge(results.store().root, found.id))
    poisons = counted(len(truth), "poison")
    st.markdown(
        f"Revealed {clock(found.revealed or 0)}: there are **{poisons}** among {found.images:,} images."
    )
    if not counting:
        st.info("Nobody committed a set before the reveal.", icon=":material/info:")
    board = challenge_scores.scoreboard(case, truth, counting)
    mine = _whose(board, counting) if counting else None
    query = min(view.query, case.plan.scores.value.n_originals - 1)
    ordered = results.changes(case, query).ordered
    _compared(challenge_scores.comparison(case, truth, ordered, mine))
    if mine:
        st.subheader("Scoreboard")
        _scoreboard(board)
        if mine.sound:
            _mistakes(case, truth, mine)
        _proof(found, mine)


def _whose(board: list[dict[str, Any]], counting: list[Commitment]) -> Commitment:
    """Whose set is looked at: one's own where it is known, else the best."""
    by_name, names = {c.analyst: c for c in counting}, [row["analyst"] for row in board]
    own = st.session_state.get("analyst", "")
    if len(names) == 1:
        return by_name[names[0]]
    start = names.index(own) if own in names else 0
    return by_name[st.selectbox("Whose set", names, index=start, key="whose-set", width=320)]


def _compared(rows: list[dict[str, Any]]) -> None:
    """The set beside the detectors and the best setting, as bars and as a table."""
    named = [row | {"name": _name(row)} for row in rows]
    spoken = ", ".join(f"{row['name']} {row['f1'] or 0:.2f}" for row in named)
    st.subheader("The set beside the detectors")
    charts.show(blind_charts.ranking(named), key="ranking", alt=f"F1: {spoken}", height=80 + 34 * len(named))
    st.dataframe([{"set": row["name"]} | _told(row) for row in named], hide_index=True, column_config=COLUMNS)
    best = next(row for row in rows if row["kind"] == "oracle")
    st.caption(
        "Every detector at its own setting. \\* The paper's rule with threshold "
        f"{best['threshold']:.4g} and tolerance {best['tolerance']}, of all settings the one with the highest F1: "
        "finding it takes the truth, which no analyst has."
    )


def _name(row: dict[str, Any]) -> str:
    """What a row is called; people may be called like a detector."""
    if row["kind"] == "oracle":
        return "Delta-Influence at its best*"
    return f"{row['who']} (committed)" if row["kind"] == "committed" else row["who"]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {words: row[name] for name, (words, _) in FIGURES.items()}


COLUMNS = {
    words: st.column_config.NumberColumn(format="localized" if name == "flagged" else "percent", help=hint)
    for name, (words, hint) in FIGURES.items()
}


def _scoreboard(board: list[dict[str, Any]]) -> None:
    """Everybody's last set."""
    st.dataframe(
        [
            {
                "place": place if row["sound"] else None,
                "analyst": row["analyst"],
                "committed": clock(row["at"]),
            }
            | _told(row)
            | {"fingerprint": row["digest"] + ("" if row["sound"] else " (altered!)")}
            for place, row in enumerate(board, 1)
        ],
        hide_index=True,
        column_config=COLUMNS,
        key="scoreboard",
    )
    if altered := [row["analyst"] for row in board if not row["sound"]]:
        names = ", ".join(escaped(name) for name in altered)
        st.error(
            f"What {names} committed was altered afterwards: set and fingerprint do not fit, so it is not scored.",
            icon=":material/gpp_bad:",
        )


def _mistakes(case: Case, truth: Truth, mine: Commitment) -> None:
    """Poisons that the set misses, and clean images in it."""
    flagged = challenge_scores.mask_of(case, mine.rows)
    missed, false = challenge_scores.mistakes(truth, flagged)
    st.subheader("What was missed, and what was accused in vain")
    for title, places, none in (
        ("missed poison", missed, "No poison was missed."),
        ("false flag", false, "Not one clean image was flagged."),
    ):
        st.markdown(f"**{counted(len(places), title)}**")
        if not len(places):
            st.caption(none)
            continue
        if len(places) > MOST:
            st.caption(f"The first {MOST} of them, by number.")
        gallery(
            [_item(case, int(place), title) for place in places[:MOST]],
            key=f"{title}s-{mine.digest}",
            label=f"{title}s",
            selected=[],
        )
    st.page_link("views/attack.py", label="See what the attack did", icon=":material/bug_report:")


def _item(case: Case, place: int, what: str) -> Item:
    data = case.plan.poisoned.value
    name = data.class_names[data.train.labels[place]]
    return {
        "id": place,
        "src": images.address(case.id, "train", place),
        "title": name,
        "lines": [f"image {place:,}"],
        "alt": f"{what}: training image {place}, label {name}",
    }


def _proof(found: Challenge, mine: Commitment) -> None:
    """That the set is the one that was committed, and how to check it elsewhere."""
    with st.expander("Check the commitment", icon=":material/verified_user:"):
        if mine.sound:
            st.badge("unaltered", icon=":material/verified:", color="green")
        st.markdown(
            "The fingerprint is the sha256 of three lines: the salt, the flagged rows of the training set as a JSON list, "
            "the rule as JSON. The file holds them; the command recomputes the fingerprint and compares it with the one "
            "that you noted."
        )
        st.code(mine.digest, language=None, wrap_lines=True)
        name = f"commitment-{mine.short}.json"
        st.download_button(
            name,
            json.dumps(commitments.record(mine, found), indent=1),
            file_name=name,
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.code(
            f"python -m core verify-commitment {name} --digest {mine.short}", language="bash", wrap_lines=True
        )
