"""What a comparison can't tell, in words."""

from __future__ import annotations

from collections.abc import Sequence

from optgen.comparison.contest import Contest, Entry, Terms
from optgen.missing_packages import listed


def notes(contests: Sequence[Contest], terms: Terms) -> tuple[str, ...]:
    """Limits of all comparisons, then those of this one."""
    found = [
        "These tasks are small: which rule is the best here says little about large models.",
        "Only the learning rate was searched for; other hyperparameters are the rules' defaults or "
        "as given.",
        f"Of two equal rules, one would be placed before the other in {terms.chance:.1%} of tasks, "
        f"by chance, with {terms.seeds} seeds.",
    ]
    for contest in contests:
        found += _of_contest(contest)
    return tuple(found)


def _of_contest(contest: Contest) -> list[str]:
    name, found = contest.task.name, []
    if contest.tied and contest.entries[0].median < float("inf"):
        tied = listed([entry.title for entry in contest.tied])
        first = contest.entries[0].title
        found.append(f"{name}: a tie, as ranges overlap: {first} with {tied}.")
    at_edge = [_with_rate(entry) for entry in contest.entries if entry.at_edge and _ended(entry)]
    if at_edge:
        rates = "rates are" if len(at_edge) > 1 else "rate is"
        found.append(
            f"{name}: the best {rates} at an end of what was tried for {listed(at_edge)}; "
            "beyond may be better ones (--rates LOW:HIGH)."
        )
    without = [entry.title for entry in contest.entries if entry.rate is None]
    if without:
        found.append(f"{name}: there was no learning rate to search for in {listed(without)}.")
    for entry in contest.entries:
        lost = sum(final == float("inf") for final in entry.finals)
        if lost:
            found.append(f"{name}: {entry.title} diverged in {lost} of {len(entry.runs)} runs.")
    return found


def _with_rate(entry: Entry) -> str:
    return f"{entry.title} ({entry.rate:.2g})"


def _ended(entry: Entry) -> bool:
    return entry.median < float("inf")
