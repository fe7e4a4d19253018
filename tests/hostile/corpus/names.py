"""Names and words of strangers: cleaned, quoted in Markdown, and kept from spreadsheets' formulas."""

import unicodedata
from collections.abc import Iterator

from hostile.corpus import Hostile

WORDS = {
    "a script": "<script>window.__pwned=1</script>",
    "an image that fails": "<img src=x onerror='window.__pwned=1'>",
    "a Markdown image": "![x](https://evil.example/p.png)",
    "a Markdown link": "[click](javascript:alert(1))",
    "an entity": "&lt;script&gt;&#x3c;b&#62;",
    "an autolink": "<https://evil.example>",
    "a bare address": "https://evil.example/p.png",
    "a reference": "[x]: https://evil.example",
    "a formula in mathematics": "$\\href{https://evil.example}{x}$",
    "an icon of Streamlit": ":material/delete: :red[x] :smile:",
    "code": "`a` ~~b~~ **c** __d__",
    "a table": "|a|b|\n|-|-|",
    "right to left": "abc\u202etxt.exe",
    "isolates": "\u2066abc\u2069",
    "Arabic": "\u0642\u0637\u0629",
    "zero width": "c\u200ba\u200dt\ufeff",
    "tags": "cat" + "".join(chr(0xE0000 + ord(c)) for c in "hidden"),
    "variation selectors": "cat" + "".join(chr(0xE0100 + n) for n in range(40)),
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "Braille blanks": "\u2800\u2800",
    "a tower of marks": "Z" + "\u0301\u0323" * 500,
    "marks in the wrong order": ("\u0301\u0323" * 20_000),
    "flags": "\U0001f1e9\U0001f1ea \U0001f1eb\U0001f1f7",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "escapes": "\x1b[31mred\x1b[0m\x07",
    "NUL": "a\0b",
    "C1": "a\x9bb\x85c",
    "half a surrogate": "a\ud800b",
    "private use": "\ue000\uf8ff",
    "unassigned": "\u0378\U000e0fff",
    "line separators": "a\u2028b\u2029c",
    "10,000 characters": "x" * 10_000,
    "ten million characters": "x" * 10_000_000,
    "nothing": "",
    "blanks": " \t\r\n\u00a0\u3000",
    "another normal form": "cafe\u0301",
    "a form across what is hidden": "e\u200b\u0301",
    "Jamo across what is hidden": "\u1100\u200b\u1161",
    "look-alikes": "\u0441\u0430t",
    "ligatures": "\ufb01",
    "what grows": "\ufdfa" * 100,
    "quotes": "'\"`\u2019\u201d",
    "a path": "../../etc/passwd",
    "SQL": "'); DROP TABLE verdicts; --",
    "a template": "{{7*7}} ${7*7} %s {0.__class__}",
}
CELLS = {
    "a sum": "=1+1",
    "a command": "=cmd|' /C calc'!A0",
    "plus": "+1",
    "minus": "-1",
    "at": "@SUM(1)",
    "a tab": "\t=1",
    "a return": "\r=1",
    "a line": "\n=1",
    "a blank": " =1",
    "a no-break blank": "\u00a0=1",
    "a byte order mark": "\ufeff=1",
    "zero width": "\u200b=1",
    "full width": "\uff1d1+1",
    "full-width plus": "\uff0b1",
    "full-width minus": "\uff0d1",
    "full-width at": "\uff20SUM(1)",
    "a minus sign": "\u22121",
    "a second cell by semicolon": "cat;=1+1",
    "a second cell by comma": "cat,=1+1",
    "a second cell by tab": "cat\t=1+1",
    "a second line": "cat\n=1+1",
    "a second cell in quotes": 'cat";"=1+1',
    "a quote first": '"=1+1',
    "a link": '=HYPERLINK("https://evil.example","x")',
    "DDE": "=DDE('cmd';'/C calc';'x')",
    "a bar": "|calc",
    "a percent": "%0A=1",
}


def inputs() -> Iterator[Hostile]:
    """All of them."""
    for what, text in WORDS.items():
        yield Hostile(f"a class called {what}", "name", text, is_clean)
        yield Hostile(f"a reviewer called {what}", "reviewer", text, is_line)
        yield Hostile(
            f"Markdown with {what}",
            "markdown",
            text[:20_000],
            lambda shown, text=text[:20_000]: is_quoted(shown, text),
        )
    for what, text in CELLS.items():
        yield Hostile(f"a cell with {what}", "cell", text, is_no_formula)


def is_clean(name: str) -> bool:
    """One visible line that stays as it is."""
    from core.safeload import clean_name

    kinds = {unicodedata.category(c) for c in name}
    marks = max(
        (
            len(run)
            for run in "".join("M" if unicodedata.category(c)[0] == "M" else " " for c in name).split()
        ),
        default=0,
    )
    plain = not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and marks <= 4
    return plain and 0 < len(name) <= 80 and name == name.strip() and clean_name(name) == name


def is_line(name: str) -> bool:
    """One printable line of at most 40 characters with something to see."""
    from core.review.verdict_rows import checked_name

    return 0 < len(name) <= 40 and name.isprintable() and checked_name(name) == name


def is_quoted(shown: str, text: str) -> bool:
    """Nothing that Markdown acts on stands without a backslash."""
    rest = shown.replace("\\\\", "")
    free = [c for at, c in enumerate(rest) if c in "`*_{}[]()#<>~$|!:&" and (at == 0 or rest[at - 1] != "\\")]
    return not free and len(shown) <= 2 * len(text)


def is_no_formula(cell: str) -> bool:
    """No cell that a spreadsheet could see in it begins like a formula, however it parts them."""
    import re

    starts = "=+-@\uff1d\uff0b\uff0d\uff20\u2212"
    parts = [part.lstrip(' \t\r\n"\u00a0\ufeff\u200b') for part in re.split(r"[;,\t\r\n]", cell)]
    return not any(part[:1] and part[0] in starts for part in parts)
