"""The report on screen: what its author adds and leaves out, the report itself, and every file to take along."""

import time
from io import BytesIO

import streamlit as st

from app.panels.reporting.report_set import Subject
from core import export
from core.reporting import contact_sheet, report_html
from core.reporting.contact_sheet import PER_SHEET
from core.reporting.report import Signature, signed
from core.reporting.report_parts import Document

CONTROLS = "report-controls"
PRINT = f"""
<style>
@media print {{
  html, body, #root, .stApp, [data-testid=stAppViewContainer], [data-testid=stMain] {{
    position: static !important; display: block !important; height: auto !important; overflow: visible !important;
    background: #fff !important; color: #000 !important;
  }}
  .stMainBlockContainer {{ padding: 0 !important; max-width: none !important; }}
  [data-testid=stSidebar], [data-testid=stHeader], [data-testid=stToolbar], [data-testid=stExpandSidebarButton],
  [data-testid=stStatusWidget], [data-testid=stToastContainer], [class*=st-key-{CONTROLS}] {{
    display: none !important;
  }}
}}
</style>
"""
"""Leaves everything but the report itself out on paper."""
MIME = {
    "csv": "text/csv",
    "json": "application/json",
    "toml": "application/toml",
    "png": "image/png",
    "zip": "application/zip",
    "html": "text/html",
}


def compose(of: Subject, written: Document) -> Document:
    """What the author adds and leaves out; returns the report as it is then."""
    key = of.case.id
    with st.expander("Title, author, notes and sections", icon=":material/edit:"):
        left, right = st.columns([2, 1])
        title = left.text_input("Title", key=f"report-title-{key}", max_chars=120, placeholder=written.title)
        author = right.text_input("Author", key="report-author", max_chars=80)
        notes = st.text_area("Notes", key=f"report-notes-{key}", max_chars=4000, height=90)
        names = {section.name: section.title for section in written.sections}
        kept = st.pills(
            "Sections",
            list(names),
            default=list(names),
            selection_mode="multi",
            format_func=names.get,
            key=f"report-sections-{key}-{len(names)}",
        )
        st.caption("Part of the printed page and of the HTML file. They stay in this tab.")
    made = time.strftime("%Y-%m-%d")
    return signed(written, Signature(made, title, author, notes, frozenset(names) - frozenset(kept)))


def files(of: Subject, document: Document) -> None:
    """Buttons; each file is made when it is asked for."""
    rule, case = of.rule, of.case
    with st.container(horizontal=True):
        download("Report as one HTML file", f"report-{_stem(of)}.html", lambda: report_html.page(document))
        several = int(of.found.flagged.sum()) > PER_SHEET
        sheet = "contact-sheets.zip" if several else "contact-sheet.png"
        download("Contact sheets" if several else "Contact sheet", sheet, lambda: _sheets(of))
        for name, content in export.bundle(case.plan, rule, of.looking).items():
            download(name, name, content)
    st.caption(
        "The HTML file needs no network and runs no script. To print this page, or to save it as PDF, use your "
        "browser's print command (Ctrl+P): controls are left out."
    )


def _stem(of: Subject) -> str:
    return "".join(c if c.isalnum() or c == "-" else "-" for c in of.case.id)[:60]


def download(label: str, name: str, content: object) -> None:
    """A button that hands out a file, made when it is asked for."""
    st.download_button(
        label,
        content,  # type: ignore[arg-type]
        file_name=name,
        mime=MIME.get(name.rpartition(".")[2], "application/octet-stream"),
        key=f"download-{name}",
        icon=":material/download:",
        on_click="ignore",
    )


def _sheets(of: Subject) -> bytes:
    target = BytesIO()
    contact_sheet.write(of.flagged, of.case.run.title if not of.hidden else "Flagged images", target)
    return target.getvalue()


def show(document: Document) -> None:
    """The report itself, drawn by the same code as the file."""
    dark = st.context.theme.type == "dark"
    st.html(f"<style>{report_html.style()}</style>")
    st.html(PRINT)
    st.html(report_html.body(document, report_html.as_images(dark), level=2))
