"""Shares of the members by a declared attribute, as far as nobody can be found in them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np
from sqlalchemy.orm import Session

from app.metrics.calendar import fiscal_year_start, last_of_month
from app.metrics.indicator import (
    Cadence,
    Computed,
    Contribution,
    EvidenceQuery,
    Indicator,
    Input,
    Reason,
    Unit,
    Value,
)
from app.metrics.people import Stays
from app.metrics.stale import StalePeriods
from app.metrics.suppression import NOT_DECLARED, OTHER, Alike, Organisation, shown_categories
from app.metrics.workset import Workset


def is_published(workset: Workset, month: date) -> bool:
    """Whether a month's shares are published: every month, or the ends of fiscal quarters that are over."""
    if workset.settings.diversity.every == "month":
        return True
    start = fiscal_year_start(month, workset.settings.reporting.fiscal_year_start_month)
    ends_quarter = (month.month - start.month) % 3 == 2
    return ends_quarter and not workset.clock.is_partial_month(month)


def people_on(
    stays: Stays, team_ids: Sequence[int], declared: Sequence[str], days: Sequence[int]
) -> Iterator[dict[Alike, int]]:
    """How many people are in the same teams and declared the same, on each of some days.

    declared: by person. days: ordinals. Nothing is done in Python for each person of a day.
    """
    number = {name: place for place, name in enumerate(dict.fromkeys(declared))}
    code = np.array([number[name] for name in declared], np.int64)
    for day in days:
        now = np.flatnonzero(stays.on(day))
        person, team = stays.person[now], stays.team[now]
        first = np.flatnonzero(np.diff(person, prepend=-1))
        teams = np.diff(first, append=len(person))
        people: dict[Alike, int] = {}
        for count in np.unique(teams).tolist():
            begin = first[teams == count]
            # Who is alike has one number: by what they declared, and one of their teams after the other.
            alike = code[person[begin]]
            for place in range(count):
                of_team = team[begin + place]
                alike = np.unique(alike * len(team_ids) + of_team, return_inverse=True)[1]
            _, one, numbers = np.unique(alike, return_index=True, return_counts=True)
            for at, found in zip(begin[one].tolist(), numbers.tolist(), strict=True):
                own = frozenset(team_ids[place] for place in team[at : at + count].tolist())
                people[own, declared[person[at]]] = found
        yield people


def _compute(workset: Workset, stale: StalePeriods) -> Computed:
    children = workset.tree.children()
    periods = stale.periods
    days = [min(last_of_month(month), workset.clock.today).toordinal() for month in periods]
    assert workset.people is not None, "it is read for who reads attributes"
    stays = workset.people.stays
    declared = [workset.attributes.get(person_id, NOT_DECLARED) for person_id in stays.names]

    def values() -> Iterator[Value]:
        each_day = people_on(stays, workset.team_ids, declared, days)
        for month, people in zip(periods, each_day, strict=True):
            organisation = Organisation(
                root=workset.root_id, children=children, slugs=workset.slugs, people=people
            )
            headcount = {team: sum(own.values()) for team, own in organisation.counts().items()}
            shown: Mapping[int, Mapping[str, int]] = {}
            if is_published(workset, month):
                shown = shown_categories(organisation, workset.settings.diversity.minimum)
            for team_id in workset.team_ids:
                yield _value(team_id, month, headcount.get(team_id, 0), shown.get(team_id))

    return Computed(values={"": values()}, coverage=())


def _value(
    team_id: int, month: date, headcount: int, categories: Mapping[str, int] | None
) -> Value:
    reason = None
    if categories is None:
        reason = Reason.SUPPRESSED if headcount else Reason.NO_DATA
    return Value(
        team_id=team_id,
        period=month,
        value=None,
        n=headcount,
        reason=reason,
        beside={
            "categories": [
                {"category": name, "share": 100 * count / headcount}
                for name, count in sorted((categories or {}).items(), key=_order)
            ],
            "suppressed": categories is None,
        },
    )


def _order(category: tuple[str, int]) -> tuple[bool, bool, int, str]:
    """The largest first; what is not declared and what is folded come last."""
    name, count = category
    return (name == OTHER, name == NOT_DECLARED, -count, name)


def _evidence(session: Session, query: EvidenceQuery) -> list[Contribution]:
    """Nobody, whoever asks."""
    return []


DIVERSITY = Indicator(
    key="diversity",
    title="Diversity",
    short_title="Diversity",
    definition=(
        "Share of the team’s members at the end of the month in each category of one declared "
        "attribute, gender unless the configuration says otherwise. Where few people could be found "
        "in the shares, they are hidden."
    ),
    formula="members of the category ÷ members × 100",
    unit=Unit.PERCENT,
    cadence=Cadence.MONTHLY,
    better=None,
    target=None,
    sources=("files", "bamboohr"),
    reads=frozenset({Input.MEMBERS, Input.ATTRIBUTES}),
    together=True,
    attribution="The team and those below it.",
    counts=(
        "Everybody with a membership on the month’s last day, each once. Who declared nothing is in a "
        "category of its own, not_declared; categories are written as they were declared. Nothing is "
        "shown of fewer than five members. A category of fewer than five people is folded into "
        "other; while other has one to four people, the next smallest is folded in too. So that "
        "nobody is found by subtraction within a month, the people of a team who are in none of its "
        "shown children, and those whom two of them share, number none or at least five in each "
        "category as declared; until that holds, the smallest shown child is hidden as well. Below a "
        "hidden team everything is hidden. The configuration can raise the five, never lower it."
    ),
    noun="people",
    ours=(
        "No target and no colour, ever: GitLab forbids quotas. A child in which a category is folded "
        "does not show its people of that category: they count among those left over, so that its "
        "siblings cannot be subtracted from the parent. Comparing months can still reveal a single "
        "joiner; with quarters in place of months there is less to compare. What was shown before a "
        "correction is not shown again, for the difference would be a person."
    ),
    decimals=0,
    possible=(0.0, 100.0),
    has_limits=False,
    categorical=True,
    evidence_kinds=(),
    evidence_note=(
        "No person is listed behind these shares, for any role: a list would undo the rule that hides "
        "small groups."
    ),
    nothing=("no people", "Nobody was a member of this team {when}."),
    compute=_compute,
    evidence=_evidence,
)
