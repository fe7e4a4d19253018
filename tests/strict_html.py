"""Reads HTML strictly, and says whether a file loads or runs anything."""

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}
LOADS = ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background", "formaction")


class Strict(HTMLParser):
    """Collects elements and complains about what is not closed."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(content: bytes) -> Strict:
    parser = Strict()
    parser.feed(content.decode())
    parser.close()
    assert parser.open == []
    return parser


def assert_self_contained(content: bytes) -> Strict:
    found = parsed(content)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video"}
    for tag, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in LOADS:
            value = attributes.get(name) or ""
            assert not value or value.startswith(("data:image/", "#source-")), (tag, value[:60])
    styles = re.findall(r"<style>(.*?)</style>", content.decode(), re.S)
    assert not re.search(r"url\(|@import|expression", "".join(styles))
    return found
