"""All studies in one table: how much of each is measured, and how many of its claims hold."""

from collections import Counter
from html import escape

import streamlit as st

from core import findings, paper, tables
from core.findings import Findings
from core.paper import Scale


def overview(scale: Scale) -> None:
    """Folded away, and read from the files only when it is opened."""
    box = st.expander("All studies in one table", icon=":material/list:", key="overview", on_change="rerun")
    if not box.open:
        return
    rows = "".join(_line(findings.findings(study, scale)) for study in paper.studies())
    titles = "".join(f'<th scope="col">{name}</th>' for name in ("Study", "Published", "Cells", "Claims"))
    box.html(f'<div class="study"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>')


def _line(found: Findings) -> str:
    study, known = found.study, tables.coverage(found)
    link = f'<a href="?study={study.name}&scale={found.scale}" target="_self">{escape(study.title)}</a>'
    cells = f"{known.measured} of {known.cells}"
    told = (f"<td>{text}</td>" for text in (escape(study.source), cells, escape(verdicts(found))))
    return f'<tr><th scope="row">{link}</th>{"".join(told)}</tr>'


def verdicts(found: Findings) -> str:
    """How many claims hold, in words."""
    counts = Counter(claim.state for claim in findings.claims(found))
    if not counts:
        return "none"
    known = counts.total() - counts["unknown"]
    told = [f"{counts['holds']} of {known} hold"] if known else []
    told += [f"{counts['partly']} in part"] if counts["partly"] else []
    told += [f"{counts['unknown']} not measured yet"] if counts["unknown"] else []
    return ", ".join(told)
