"""What review makes of the flags: the set that is to be forgotten, how it came about, and how right it is."""

import numpy as np
import streamlit as st

from app import access, images, moved, results, state, words
from app.components.gallery import gallery
from app.panels.review.review_queue import Review
from app.shell import escaped
from core import sets
from core.artifacts import Detection
from core.review import agreement, final_set, review_queue
from core.review.final_set import POLICIES, FinalSet
from core.truth import Truth

POLICY = "review_policy"
MOST = 24


def final(of: Review) -> FinalSet:
    """The set under the policy that was chosen."""
    policy = st.session_state.get(POLICY, "mine")
    return final_set.final_set(of.found.flagged, final_set.merged(of.mine, list(of.others.values()), policy))


def the_set(of: Review) -> None:
    """Figures, what differs from the rule, and the way on to unlearning."""
    if of.others:
        _policy(of)
    made = final(of)
    _figures(made)
    st.markdown(_composition(made))
    _go_on(of, made)
    _habit(of)
    _exceptions(of, made)
    if truth := results.truth(of.case, of.view):
        _grades(truth, of.found, made)


def _policy(of: Review) -> None:
    chosen = st.session_state.get(POLICY, "mine")
    moved.placed(
        st.segmented_control,
        "Whose verdicts count",
        list(POLICIES),
        key="policy_now",
        value=chosen,
        on_move=lambda policy: st.session_state.update({POLICY: policy}),
        format_func=lambda name: POLICIES[name].capitalize(),
        required=True,
        wrap=True,
        help=f"Verdicts of {escaped(words.listed([of.who, *of.others], most=5))}.",
    )
    if chosen != "mine" and (open_ones := final_set.conflicts([of.mine, *of.others.values()])):
        st.caption(f"{words.counted(len(open_ones), 'image')} called poison by one and keep by another.")


def _figures(made: FinalSet) -> None:
    cells = {
        "In the set": (int(made.flagged.sum()), "What is to be forgotten."),
        "By the rule": (made.by_rule, "What the rule flags as it is set on Investigate."),
        "Rescued": (len(made.rescued), "Called poison though the rule does not flag them."),
        "Kept": (len(made.kept), "Called keep though the rule flags them."),
        "Confirmed": (made.confirmed, "Verdicts that the rule agrees with."),
        "Unsure": (len(made.unsure), "Left to the rule by somebody who could not tell."),
    }
    with st.container(horizontal=True, gap="large"):
        for label, (n, hint) in cells.items():
            st.metric(label, f"{n:,}", help=hint, width="content")


def _composition(made: FinalSet) -> str:
    """How the set came about, as a sum in words."""
    total = words.counted(int(made.flagged.sum()), "image")
    rescued, kept = len(made.rescued), len(made.kept)
    parts = f"{made.by_rule:,} by the rule + {rescued:,} rescued − {kept:,} kept = **{total}**."
    if made.overrides:
        differ = (
            f"{made.disagreeing:,} of {words.counted(made.overrides, 'verdict')} disagree with the rule now"
        )
        parts += f" {differ}; verdicts stay when the cut-off moves."
    if len(made.unsure):
        parts += f" {made.unsure_flagged:,} of the {len(made.unsure):,} unsure are in it, by the rule."
    return parts


def _go_on(of: Review, made: FinalSet) -> None:
    rows = of.case.real_rows(np.flatnonzero(made.flagged))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Unlearn this set of {len(rows):,}",
            icon=":material/healing:",
            disabled=not len(rows) or not access.allowed("write verdicts"),
        ):
            access.require("write verdicts")
            state.update(flags=f"set-{sets.keep(rows, of.case.salt)}")
            st.switch_page("views/unlearn.py")
        if not of.case.sealed:  # a digest of few rows gives them away
            st.caption(f"Its name is the digest of its rows: `{sets.digest_of(rows)[:12]}`.")


def _habit(of: Review) -> None:
    """How often the reviewer says poison where nothing points to it."""
    if found := agreement.called_poison(of.mine, review_queue.controls(of.seen).tolist()):
        st.caption(
            f"Your base rate: of {words.counted(found.whole, 'control image')} far from flagged you called {found.part} "
            f"poison ({found.part / found.whole:.0%}, 95 % interval {found.low:.0%} to {found.high:.0%})."
        )
    elif of.queue.images.size:
        st.caption(
            "Your base rate is not known: judge some “Controls” to see how often you say "
            "poison where nothing points to it."
        )


def _exceptions(of: Review, made: FinalSet) -> None:
    """The images about which people and the rule differ."""
    names, labels = of.case.plan.poisoned.value.class_names, of.seen.labels
    for title, chosen in (("Rescued", made.rescued), ("Kept", made.kept)):
        if not len(chosen):
            continue
        more = f", the first {MOST} of {len(chosen):,}" if len(chosen) > MOST else ""
        st.markdown(f"**{title}**{more}")
        items = [
            {
                "id": int(i),
                "src": images.address(of.case.id, "train", int(i)),
                "title": names[labels[i]],
                "lines": [f"image {i}"],
                "alt": f"training image {i}, {title.lower()} by review",
            }
            for i in chosen[:MOST]
        ]
        picked = gallery(items, key=f"gallery-{title}-{of.case.id}", label=f"{title} images", selected=[])
        if picked is not None:
            state.update(image=int(picked))
            st.switch_page("views/image.py")


def _grades(truth: Truth, found: Detection, made: FinalSet) -> None:
    """What review did to the figures that only someone who knows the truth can tell."""
    before, after = truth.grade(found), truth.grade(final_set.reviewed(found, made))
    cells = {
        "True positive rate": "true_positive_rate",
        "Precision": "precision",
        "Precision in the target label": "precision_in_target_label",
        "F1": "f1",
    }
    st.markdown("**Against the truth**: the set after review, and its change from the rule's flags")
    with st.container(horizontal=True, gap="large"):
        for label, name in cells.items():
            old, new = before[name], after[name]
            known = old is not None and new is not None
            change = f"{100 * (new - old):+.1f} points" if known and round(new - old, 4) else None
            st.metric(label, "–" if new is None else f"{new:.1%}", change, width="content")
