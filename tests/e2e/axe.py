"""What axe-core finds that keeps people out, on a page as it is drawn now."""

from importlib.resources import files
from typing import Any

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SCRIPT = files("axe_playwright_python").joinpath("axe.min.js")
STREAMLITS = {"list": "[data-testid=stSidebarNav]", "listitem": "[data-testid=stSidebarNav]"}
"""Where Streamlit 1.67 breaks a rule in what no page can change: its list of pages puts a box between list and items."""

RUN = """
async ([tags, others]) => {
  const found = await axe.run(document, {
    runOnly: { type: "tag", values: tags }, resultTypes: ["violations"], elementRef: true,
  })
  const ours = (rule) => (node) => !(rule.id in others && node.element.closest(others[rule.id]))
  return found.violations.flatMap((rule) =>
    rule.nodes.filter(ours(rule)).map((node) => ({
      rule: rule.id, element: node.html.slice(0, 200), target: String(node.target), advice: node.failureSummary,
    })))
}
"""


AT_REST = """
() => document.getAnimations().every((a) => a.playState !== "running" || a.effect?.getTiming().iterations === Infinity)
"""
"""Nothing fades in any more: colours that are half there would be judged."""
LOOKS = 3


def violations(page: Any) -> list[dict[str, str]]:
    """Every finding outside of Streamlit's own: rule, element, where, and advice.

    Streamlit pales what a run is about to replace, so a finding counts when it is there on every look.
    """
    page.evaluate(SCRIPT.read_text())  # not as a script tag: a policy may forbid those
    found = _look(page)
    for _ in range(LOOKS - 1):
        if not found:
            return []
        page.wait_for_timeout(1000)
        again = _look(page)
        found = [finding for finding in found if finding in again]
    return found


def _look(page: Any) -> list[dict[str, str]]:
    page.wait_for_function(AT_REST)
    found: list[dict[str, str]] = page.evaluate(RUN, [TAGS, STREAMLITS])
    return found
