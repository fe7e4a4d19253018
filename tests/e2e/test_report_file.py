"""Is the report's file readable where scripts are off, harmless whoever named its classes, and does it print?"""

import re
from pathlib import Path

import pytest
from e2e.driving import PHONE, settled, sync_api

from core import runs, truth
from core.cases import Case
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.reporting import report, report_html
from core.reporting.report import Signature, signed

expect = sync_api.expect
pytestmark = pytest.mark.browser

EVIL = "</title></style><script>document.title='owned'</script><img src=//evil.example/x onerror=alert(1)>"


@pytest.fixture(scope="module")
def file(tiny, tmp_path_factory) -> Path:
    """The report on the tiny case by somebody hostile."""
    run = runs.Run(runs.identifier(tiny.experiment), tiny.experiment, "2026-01-01T00:00:00Z", False)
    case, rule = Case(run, tiny, (run,)), Contrast()
    document = report.write(case, rule, found=verdict(tiny, rule), known=truth.of(tiny))
    target = tmp_path_factory.mktemp("report") / "report.html"
    target.write_bytes(report_html.page(signed(document, Signature("2026-01-02", EVIL, EVIL, EVIL))))
    return target


@pytest.mark.parametrize("scripts", [False, True], ids=["scripts off", "scripts on"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_file_needs_nothing_and_runs_nothing(chromium, file, scripts, scheme):
    context = chromium.new_context(java_script_enabled=scripts, color_scheme=scheme, viewport=PHONE)
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: said.append(m.text))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
    expect(page.get_by_role("heading", name="What this does not prove")).to_be_visible()
    assert page.get_by_role("img", name=re.compile("beyond the cut-off")).count() == 1
    assert page.title().startswith("</title>")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == [] and said == []
    if scripts:
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(14, 17, 23)")
    context.close()


def test_the_file_prints_on_white_paper_in_several_pages(chromium, file):
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_prints_the_report_and_no_control(open_page, listed, scheme):
    page = open_page(f"/report?case={listed.id}", scheme=scheme)
    expect(page.get_by_role("heading", name="What was asked")).to_be_visible()
    expect(page.get_by_role("button", name="Report as one HTML file")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="What was asked")).to_be_visible()
    for hidden in ("stSidebar", "stHeader"):
        expect(page.get_by_test_id(hidden)).to_be_hidden()
    expect(page.get_by_role("button", name="Report as one HTML file")).to_be_hidden()
    expect(page.get_by_role("button", name="Make the bundle")).to_be_hidden()
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) >= 2


def test_a_bundle_is_made_and_downloaded(open_page, listed, tmp_path):
    page = open_page(f"/report?case={listed.id}")
    page.get_by_role("button", name="Make the bundle").click()
    link = page.get_by_role("link", name="Download the bundle")
    expect(link).to_be_visible(timeout=30_000)
    settled(page)
    with page.expect_download() as waiting:
        link.evaluate("link => { link.target = '_self'; link.click() }")
    waiting.value.save_as(tmp_path / "case.zip")
    assert (tmp_path / "case.zip").read_bytes()[:4] == b"PK\x03\x04"
    assert waiting.value.suggested_filename == f"case-{listed.id}.zip"
