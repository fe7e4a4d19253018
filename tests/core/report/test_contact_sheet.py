"""Is every flagged image on a sheet, once, whatever its size and however many there are?"""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.reporting import contact_sheet
from core.reporting.report_flags import Flagged


def test_contact_sheets_show_every_flagged_image_once(case):
    rule = DeltaInfluence(threshold=3e38)
    flagged = Flagged(case, rule, verdict(case.plan, rule))
    target = io.BytesIO()
    assert contact_sheet.write(flagged, "t", target) == "contact-sheets.zip"
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["contact-sheet-01.png", "contact-sheet-02.png"]
        sizes = [Image.open(io.BytesIO(archive.read(n))).size for n in archive.namelist()]
    assert sizes[0][1] > sizes[1][1]
    shown = [contact_sheet.entries(flagged, a, b) for a, b in ((0, 200), (200, 400))]
    assert sorted(int(e.lines[0][1:]) for part in shown for e in part) == list(range(300))


def test_few_flagged_images_are_one_sheet_and_none_a_sheet_that_says_so(case):
    for rule, name in ((Contrast(), "contact-sheet.png"), (Contrast(margin=1e6), "contact-sheet.png")):
        target = io.BytesIO()
        assert contact_sheet.write(Flagged(case, rule, verdict(case.plan, rule)), "t" * 300, target) == name
        assert Image.open(target).format == "PNG"


@pytest.mark.parametrize("size", [1, 28, 96, 97, 400])
def test_pictures_fit_their_cells(size):
    drawn = contact_sheet.fitted(np.zeros((3, size, size), np.uint8))
    assert max(drawn.size) <= contact_sheet.PICTURE
