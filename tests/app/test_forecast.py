"""The forecast says what does not fit, and which setting does."""

from streamlit.testing.v1 import AppTest

from app.panels import forecast


def page(fits: bool, remark: str) -> None:
    from app.panels import forecast

    forecast.remark({"stage": "score_pairs", "fits": fits, "remark": remark})


def shown(**step: object) -> AppTest:
    return AppTest.from_function(page, kwargs=step).run()


def test_what_does_not_fit_is_an_error_that_names_the_setting():
    at = shown(fits=False, remark="queries.count=9: need 3.0 GB; queries.count=4 fits")
    assert at.error[0].value.replace("\\", "").startswith("Scoring influence: queries.count=9")
    assert "queries.count=4 fits" in at.error[0].value.replace("\\", "")


def test_advice_is_a_remark_and_nothing_is_said_where_there_is_none():
    assert len(shown(fits=True, remark="factors.max_examples=9 takes half as long").caption) == 1
    at = shown(fits=True, remark="")
    assert not at.caption and not at.error and not at.exception


def test_the_table_is_in_words_and_knows_of_no_key():
    step = {
        "stage": "train",
        "key": "0f",
        "done": False,
        "seconds": 200.0,
        "memory_mb": 1500.0,
        "disk_mb": None,
    }
    assert forecast.row(step) == {
        "Step": "training a classifier",
        "Computed already": "no",
        "Time": "3 min",
        "Memory": "1.5 GB",
        "Disk": "–",
    }
