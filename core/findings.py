"""What the measured cells say: means with confidence intervals, beside the published figures, and which claims hold.

Reads result files only; the README, the command line and the Studies page show what this module says.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core import paper
from core.paper import Scale
from core.studies.base import Figures, Study

T_975 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
"""Student's t, 97.5 % quantile, for 1 to 10 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A figure over seeds: mean and its 95 % confidence interval (Student's t); no interval from one seed."""

    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """Number of seeds."""
        return len(self.values)


@dataclass(frozen=True)
class Row:
    """One row of a study for one setting."""

    name: str
    ours: dict[str, Estimate]
    published: Figures
    failures: tuple[str, ...]
    """Why a seed has no figures, each reason once."""


@dataclass(frozen=True)
class Verdict:
    """Whether a claim of a paper holds in our figures for one setting; None where it cannot be told."""

    claim: str
    setting: str
    holds: bool | None


@dataclass(frozen=True)
class Findings:
    """Everything measured for one study at one scale."""

    study: Study
    scale: Scale
    settings: dict[str, tuple[Row, ...]]
    verdicts: tuple[Verdict, ...]
    hardware: tuple[str, ...]
    dates: tuple[str, ...]
    records: dict[str, list[dict[str, Any]]]
    """As they were measured, by setting."""


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and confidence interval of one figure over seeds."""
    mean, n = statistics.fmean(values), len(values)
    if n < 2:
        return Estimate(mean, None, None, tuple(values))
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = quantile(n - 1) * deviation / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, tuple(values))


def quantile(freedom: int) -> float:
    """97.5 % quantile of Student's t: tabulated, then Cornish and Fisher's expansion, good to 0.0002.

    SciPy has it too, but the pages that show these figures load nothing that heavy.
    """
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def records(study: Study, scale: Scale, folder: Path | None = None) -> dict[str, list[dict[str, Any]]]:
    """Records by setting: those of a folder, or the user's own before the shipped ones of the same row and seed.

    Raises ValueError for a file that is no result file.
    """
    layers = paper.layers(folder or paper.own_folder())
    files = {path.stem for layer in layers for path in (layer / scale / study.name).glob("*.json")}
    return {
        setting: paper.merged(scale, study.name, setting, layers)
        for setting in sorted(files)
        if paper.attack_of(setting) in study.attacks
    }


def findings(study: Study, scale: Scale, folder: Path | None = None) -> Findings:
    """What has been measured for a study, setting by setting; without a folder, by the user or shipped."""
    measured = records(study, scale, folder)
    rows = {setting: _rows(study, setting, records) for setting, records in measured.items()}
    known = [record for found in measured.values() for record in found]
    return Findings(
        study=study,
        scale=scale,
        settings=rows,
        verdicts=tuple(verdict for setting in rows for verdict in _verdicts(study, setting, rows[setting])),
        hardware=tuple(sorted({_machine(r) for r in known})),
        dates=tuple(sorted({r["date"] for r in known})),
        records=measured,
    )


def _machine(record: dict[str, Any]) -> str:
    threads = record["threads"]
    return f"{record['hardware']}, {threads} thread{'s' if threads != 1 else ''}"


def _rows(study: Study, setting: str, records: list[dict[str, Any]]) -> tuple[Row, ...]:
    by_row: dict[str, list[dict[str, Any]]] = {name: [] for name in study.rows()}
    for record in records:
        by_row.setdefault(record["row"], []).append(record)
    published = study.published.get(setting, {})
    return tuple(
        _row(name, found, published.get(name, {}))
        for name, found in by_row.items()
        if found or name in published
    )


def _row(name: str, records: list[dict[str, Any]], published: Figures) -> Row:
    told = [r["figures"] for r in sorted(records, key=lambda r: r["seed"]) if "figures" in r]
    names = dict.fromkeys(figure for figures in told for figure in figures)
    values = {figure: _values(figure, told) for figure in names}
    return Row(
        name=name,
        ours={figure: estimate(v) for figure, v in values.items() if v},
        published=published,
        failures=tuple(dict.fromkeys(r["failed"] for r in records if "failed" in r)),
    )


def _values(figure: str, told: list[dict[str, Any]]) -> list[float]:
    """A figure by seed. A precision of nothing flagged counts as 0 beside others; of nothing at all there is none."""
    known = [f[figure] for f in told if f.get(figure) is not None]
    if not known or not figure.startswith("precision"):
        return known
    return [f[figure] if f[figure] is not None else 0.0 for f in told if figure in f]


def _verdicts(study: Study, setting: str, rows: tuple[Row, ...]) -> list[Verdict]:
    means = {row.name: {name: e.mean for name, e in row.ours.items()} for row in rows if row.ours}
    return [Verdict(claim.text, setting, claim.holds(means)) for claim in study.claims]


@dataclass(frozen=True)
class Told:
    """A claim with the settings in which it holds in our figures, and those in which it does not."""

    claim: str
    yes: tuple[str, ...]
    no: tuple[str, ...]

    @property
    def state(self) -> Literal["holds", "partly", "fails", "unknown"]:
        """In one word; unknown where nothing that it needs has been measured."""
        if not self.yes:
            return "fails" if self.no else "unknown"
        return "partly" if self.no else "holds"

    def sentence(self, name: Callable[[str], str] = str) -> str:
        """What holds where; `name` says what a setting is called."""
        claim, n = self.claim[0].upper() + self.claim[1:], len(self.yes) + len(self.no)
        if not n:
            return f"{claim}: not measured yet."
        if not self.yes:
            return f"{claim}: holds in none of {n} settings."
        but = f", not in {', '.join(map(name, self.no))}" if self.no else ""
        return f"{claim}: holds in {len(self.yes)} of {n} settings ({', '.join(map(name, self.yes))}){but}."


def claims(found: Findings) -> list[Told]:
    """Every claim of the study, in its order."""
    told = {claim.text: {True: [], False: [], None: []} for claim in found.study.claims}
    for verdict in found.verdicts:
        told[verdict.claim][verdict.holds].append(verdict.setting)
    return [Told(claim, tuple(where[True]), tuple(where[False])) for claim, where in told.items()]


def in_words(found: Findings) -> list[str]:
    """One sentence per claim: where it holds in our figures and where it does not."""
    return [told.sentence() for told in claims(found) if told.state != "unknown"]


@dataclass(frozen=True)
class Difference:
    """A figure of ours that is far from the published one."""

    setting: str
    row: str
    figure: str
    ours: Estimate
    published: float


def differences(found: Findings, least: float = 0.1) -> list[Difference]:
    """Where our mean is further than `least` from the published figure, the furthest first."""
    far = [
        Difference(setting, row.name, figure, row.ours[figure], published)
        for setting, rows in found.settings.items()
        for row in rows
        for figure, published in row.published.items()
        if published is not None and figure in row.ours
    ]
    chosen = [d for d in far if abs(d.ours.mean - d.published) > least]
    return sorted(chosen, key=lambda d: -abs(d.ours.mean - d.published))
