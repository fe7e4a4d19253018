"""Does the image route serve exactly the pixels of a case, and nothing else?"""

import asyncio
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from app import main
from app.images import address, png
from core.attack_view import amplified, poisons, targets


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(path: str, host: str = "127.0.0.1") -> Answer:
    """The answer of the dashboard's own routes behind its own host check; no server, no socket."""
    served = Starlette(routes=main.app._user_routes, middleware=main.app._user_middleware)
    sent: list[dict[str, Any]] = []
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "query_string": b""}
    scope |= {"path": path, "raw_path": path.encode(), "headers": [(b"host", host.encode())]}
    scope |= {"server": ("127.0.0.1", 8501), "client": ("127.0.0.1", 50000)}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(served(scope, receive, send))
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))


def pixels(answer: Answer) -> np.ndarray:
    """What a browser would draw, [c h w]."""
    with Image.open(BytesIO(answer.body), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def test_a_poisoned_training_image_is_served_with_its_patch(case):
    poisoning = case.plan.poisoning.value
    for position in (0, 1):
        shown = pixels(ask(address(case.id, "train", int(poisoning.indices[position]))))
        assert np.array_equal(shown, poisoning.images[position])


def test_every_kind_of_image_is_the_row_it_is_named_after(case):
    stored = {
        "train": case.plan.poisoned.value.train.images,
        "test": case.plan.dataset.value.test.images,
        "query": case.plan.queries.value.images,
        "copy": case.plan.changed.value.images,
        "clean": case.plan.dataset.value.train.images,
        "poison": case.plan.poisoning.value.images,
        "trigger": case.plan.poisoning.value.triggered.images,
    }
    for kind, images in stored.items():
        row = len(images) - 1
        expected = images[row] if images.dtype == np.uint8 else np.rint(np.clip(images[row], 0, 1) * 255)
        assert np.array_equal(pixels(ask(address(case.id, kind, row))), expected), kind


def test_differences_are_served_as_they_are_drawn(case):
    data, truth = case.plan.dataset.value, case.plan.poisoning.value
    for name, pair in (("poison", poisons(data, truth)), ("trigger", targets(data, truth))):
        for factor in (1, 64):
            shown = pixels(ask(address(case.id, f"{name}-change-{factor}", 3)))
            assert np.array_equal(shown, amplified(pair.change(3, 4)[0], factor)), name


def test_browsers_may_keep_an_image_for_ever_and_may_not_guess_its_type(case):
    answer = ask(address(case.id, "train", 0))
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["content-security-policy"] == "default-src 'none'"


@pytest.mark.parametrize(
    "path",
    [
        "/picture/{id}/train/300.png",
        "/picture/{id}/train/-1.png",
        "/picture/{id}/train/99999999999999999999999.png",
        "/picture/{id}/train/zero.png",
        "/picture/{id}/train/0.jpg",
        "/picture/{id}/truth/0.png",
        "/picture/{id}/poison/25.png",
        "/picture/{id}/poison-change-1/25.png",
        "/picture/{id}/poison-change-3/0.png",
        "/picture/{id}/__class__/0.png",
        "/picture/000000000000/train/0.png",
        "/picture/../train/0.png",
        "/picture/..%2f..%2fetc/train/0.png",
        "/picture/{id}/../../etc/passwd",
    ],
)
def test_whatever_is_no_image_of_a_case_is_not_found(case_id, path):
    assert ask(path.format(id=case_id)).status == 404


def test_images_of_a_case_that_is_not_finished_are_not_found(unfinished_id):
    assert ask(address(unfinished_id, "query", 0)).status == 404


def test_images_that_were_altered_on_disk_are_not_found(case, store_root):
    file = store_root / "affected_queries" / case.plan.queries.stored_as / "images.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert ask(address(case.id, "query", 0)).status == 404
    assert ask(address(case.id, "train", 0)).status == 200


def test_another_host_name_gets_no_image(case_id):
    path = address(case_id, "train", 0)
    for host in ("evil.example", "evil.example:8501", "127.0.0.1.evil.example", ""):
        assert ask(path, host=host).status == 400, host
    for host in ("localhost", "localhost:8501", "127.0.0.1:8501"):
        assert ask(path, host=host).status == 200, host


def test_values_outside_the_range_of_a_picture_are_clipped():
    wild = np.array([-1.0, 0.0, 0.5, 2.0], np.float32).reshape(1, 2, 2).repeat(3, 0)
    with Image.open(BytesIO(png(wild))) as picture:
        assert np.asarray(picture)[..., 0].ravel().tolist() == [0, 0, 128, 255]
