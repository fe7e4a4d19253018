"""Parts of the README and the guide that are generated: the measured figures and the list of methods.

`python -m core docs` writes them between their markers; a test fails when they are not up to date.
"""

from core import bench, paths, registry
from core.documents import docs_dashboard, docs_influence, docs_reliability, docs_studies

README = paths.ASSETS.parent / "README.md"
GUIDE = paths.ASSETS / "guide"
DOCUMENTS = (README, GUIDE / "figures.md", GUIDE / "reliability.md")
FAMILIES = ("datasets", "attacks", "models", "transforms", "detectors", "unlearners")


def figures() -> list[str]:
    """The measured table, and what it was measured on."""
    records = [r for path in sorted(bench.FOLDER.glob("*.json")) for r in bench.read(path)]
    if not records:
        return ["Nothing has been measured yet."]
    hardware = " and ".join(sorted({name for r in records for name in r["hardware"]}))
    threads = " or ".join(str(n) for n in sorted({r["threads"] for r in records}))
    dates = sorted({r["date"] for r in records})
    versions = records[-1]["versions"]
    about = f"{hardware}, {threads} threads, {' to '.join(dict.fromkeys((dates[0], dates[-1])))}, "
    about += f"torch {versions['torch']}, kronfluence {versions['kronfluence']}."
    where = "Files: `assets/results/bench/investigation`."
    return [*bench.readme_rows(), "", f"Measured on {about} {where}"]


def methods() -> list[str]:
    """Every built-in method by family."""
    lines = ["| family | methods |", "|---|---|"]
    for family in FAMILIES:
        names = ", ".join(f"`{name}`" for name in registry.members(family))
        lines.append(f"| {family} | {names} |")
    return lines


def filled(text: str) -> str:
    """A document with its generated parts renewed."""
    parts = {
        "figures": figures,
        "influence": docs_influence.influence,
        "studies": docs_studies.studies,
        "dashboard": docs_dashboard.dashboard,
        "reliability": lambda: docs_reliability.summary(docs_reliability.records()),
        "faults": lambda: docs_reliability.details(docs_reliability.records()),
        "methods": methods,
    }
    for name, lines in parts.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        if start:
            _, end, after = rest.partition(f"<!-- /{name} -->")
            text = f"{before}{start}" + "\n".join(lines()) + f"\n{end}{after}"
    return text


def write() -> None:
    """Renew the documents."""
    for path in DOCUMENTS:
        path.write_text(filled(path.read_text()))
