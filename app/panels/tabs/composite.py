"""What the flagged images share: their mean against others with the same labels, and whether chance explains it."""

import streamlit as st

from app import charts, closeup_charts, closeups, state
from app.address_rules import CHOICES
from app.panels.inspector import picture
from app.shell import escaped
from app.state import View
from app.words import counted
from core.artifacts import Detection
from core.cases import Case
from core.composite import Chance, Composite, drawn

SCALES = {"linear": "as it is", "log": "faint ones raised"}
NOTHING = (
    "**There is nothing to see.** The flagged images share no fixed pattern that the mean would show. A patch at a random "
    "place, or a perturbation that differs from image to image, averages out."
)


def composite(case: Case, view: View, found: Detection) -> None:
    """The composite, its pictures and its test."""
    made = closeups.composite(case, found.flagged)
    if isinstance(made, str):
        st.info(f"Nothing to compare. {escaped(made)}.", icon=":material/info:")
        return
    st.markdown(finding(made))
    st.caption(_compared(made))
    left, right = st.columns([2, 1], gap="large")
    with left:
        _pictures(made, view)
    with right:
        _looks(view)
    left, right = st.columns(2, gap="medium")
    with left:
        _agreement(made)
    with right:
        _spectrum(made)


def finding(made: Composite) -> str:
    """What the test says, in words."""
    largest, least = made.pixels.largest, made.frequencies
    pixels = f"The means differ by up to {largest:.0f} of 255 at a pixel, and {_drawn(made.pixels)}."
    waves = f"The mean spectra differ by up to {least.largest:.2f} decades, and {_drawn(least)}."
    if made.pixels.rare:
        return f"**They share something.** {pixels} {waves}"
    if least.rare:
        return f"**They share frequencies, and no fixed pixels.** {pixels} {waves}"
    return f"{NOTHING} {pixels} {waves}"


def _drawn(chance: Chance) -> str:
    how = "a random set of this size and these labels differs as much in"
    return f"{how} **{chance.reached} of {chance.draws}** draws"


def _compared(made: Composite) -> str:
    told = (
        f"{counted(made.flagged, 'flagged image')} against {counted(made.others, 'other')} with the same labels, in the "
        "same shares. Shared need not mean planted: images that look alike are also flagged together."
    )
    if made.left_out:
        told += f" {made.left_out:,} flagged images are left out: all of their label are flagged, or there are too many."
    return told


def _looks(view: View) -> None:
    """How the difference is drawn."""
    state.bound(
        st.select_slider,
        "Amplify the difference",
        "factor",
        view.factor,
        options=list(CHOICES["factor"]),
        format_func=lambda f: "auto" if f == "auto" else f"× {f}",
        help="Grey is no difference, brighter is more, darker is less. auto: as far as nothing is cut off.",
    )
    state.bound(
        st.segmented_control,
        "Differences",
        "scale",
        view.scale,
        options=list(SCALES),
        format_func=SCALES.get,
        required=True,
        width="content",
        help="“faint ones raised” draws logarithms, which show what is faint beside what is strong.",
    )


def _pictures(made: Composite, view: View) -> None:
    """The means and their difference."""
    factor = None if view.factor == "auto" else float(view.factor)
    change, used = drawn(made.deviation, factor, logarithmic=view.scale == "log")
    with st.container(horizontal=True, key="side-by-side-composite"):
        for pixels, words in (
            (made.mean_flagged / 255, "mean of the flagged images"),
            (made.mean_others / 255, "mean of the others"),
            (change, f"difference × {used:.3g}"),
        ):
            picture(pixels, words, words)


def _agreement(made: Composite) -> None:
    """Where the flagged images differ to the same side."""
    most = float(made.agreement.max())
    usual = float(made.usual.flat[made.agreement.argmax()])
    st.markdown("**Flagged images that differ to the same side**")
    st.caption(
        f"Pixel by pixel, the share that is clearly brighter, or clearly darker, than the others' mean. At the strongest "
        f"pixel {most:.0%} of the flagged images, and {usual:.0%} of the others."
    )
    alt = f"share of flagged images that differ to the same side by pixel, at most {most:.0%}"
    charts.show(closeup_charts.agreement(made.agreement), key="composite-agreement", alt=alt, height=330)


def _spectrum(made: Composite) -> None:
    """At which frequencies they differ."""
    st.markdown("**Difference of their spectra**")
    st.caption(
        "Mean of the flagged images less mean of the others, in decades of amplitude; low frequencies top left. Orange: "
        "the flagged have more. A single bright spot is a wave that photographs lack."
    )
    figure = closeup_charts.spectrum_difference(made.spectrum)
    alt = f"difference of mean log spectra, at most {abs(made.spectrum).max():.2f} decades"
    charts.show(figure, key="composite-spectrum", alt=alt, height=330)
