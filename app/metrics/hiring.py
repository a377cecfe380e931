"""Headcount against the plan, with what moved it: hires, transfers, leavers, openings and offers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from statistics import median
from typing import TypeVar

from sqlalchemy.orm import Session

from app.metrics.calendar import first_of_month, fiscal_year_start, last_of_month
from app.metrics.indicator import (
    Better,
    BuiltInTarget,
    Cadence,
    Computed,
    EvidenceQuery,
    Indicator,
    Input,
    Occurrence,
    Reason,
    Unit,
    Value,
)
from app.metrics.people import LASTING, People, leavers, load_people_of
from app.metrics.plan import Plan
from app.metrics.planning import Offer, Opening, load_planning
from app.metrics.stale import StalePeriods
from app.metrics.stretches import Stretch
from app.metrics.workset import Workset

OfTeams = TypeVar("OfTeams", Opening, Offer)


def is_open(opening: Opening, day: int) -> bool:
    """Whether an opening is open at the end of a day; on the day of its closing it no longer is."""
    return opening.opened <= day and (opening.closed is None or opening.closed > day)


def is_awaited(offer: Offer, day: int) -> bool:
    """Whether an offer is accepted and has not started at the end of a day."""
    return offer.accepted <= day and (offer.starts is None or offer.starts > day)


def _by_team(items: Iterable[OfTeams]) -> Mapping[int, Sequence[OfTeams]]:
    grouped: dict[int, list[OfTeams]] = defaultdict(list)
    for item in items:
        for team_id in item.team_ids:
            grouped[team_id].append(item)
    return grouped


def _compute(workset: Workset, stale: StalePeriods) -> Computed:
    today = workset.clock.today
    start_month = workset.settings.reporting.fiscal_year_start_month
    plan = Plan(workset.plan, workset.tree.children(), start_month)
    openings, offers = _by_team(workset.openings), _by_team(workset.offers)

    people = workset.people
    assert people is not None, "it is read for who reads employment"

    def values() -> Iterator[Value]:
        for month in stale.periods:
            day = min(last_of_month(month), today).toordinal()
            year = fiscal_year_start(month, start_month).toordinal()
            counts = [
                people.headcounts(day),
                *(people.count(each, year, day) for each in (people.hires, people.transfers)),
                people.count(people.leavers, year, day),
            ]
            for team_id, (headcount, hires, transfers, left) in zip(
                workset.team_ids, zip(*(each.tolist() for each in counts), strict=True), strict=True
            ):
                ages = [day - o.opened for o in openings.get(team_id, ()) if is_open(o, day)]
                planned_hires = plan.planned_hires(team_id, month)
                yield _value(
                    team_id,
                    month,
                    headcount,
                    plan.planned(team_id, month),
                    {
                        "hires": hires,
                        "planned_hires": planned_hires,
                        "hires_vs_planned": 100 * hires / planned_hires if planned_hires else None,
                        "transfers_in": transfers,
                        "leavers": left,
                        "open_openings": len(ages),
                        "open_openings_median_age": float(median(ages)) if ages else None,
                        "offers_accepted_not_started": sum(
                            is_awaited(offer, day) for offer in offers.get(team_id, ())
                        ),
                    },
                )

    return Computed(values={"": values()}, coverage=())


def _value(
    team_id: int,
    month: date,
    headcount: int,
    planned: int | None,
    beside: Mapping[str, int | float | None],
) -> Value:
    reason = None
    if planned is None:
        reason = Reason.NO_DATA
    elif planned == 0:
        reason = Reason.NOT_MEANINGFUL
    return Value(
        team_id=team_id,
        period=month,
        value=100 * headcount / planned if planned else None,
        n=headcount,
        numerator=float(headcount),
        denominator=None if planned is None else float(planned),
        reason=reason,
        beside=beside,
    )


def _evidence(session: Session, query: EvidenceQuery) -> list[Occurrence]:
    """The members at the end of the month, and what stands beside their number."""
    settings = query.settings
    zone = settings.reporting.zone
    last_day = min(query.last_day, query.data_through.astimezone(zone).date())
    start_month = settings.reporting.fiscal_year_start_month
    month, day = first_of_month(query.first_day), last_day.toordinal()
    year = fiscal_year_start(month, start_month).toordinal()
    planning = load_planning(session, settings, [Stretch(month, last_day)])
    people, team = load_people_of(session, query.team_id)
    plan = Plan(planning.plan, planning.tree.children(), start_month)
    return [
        *_members(people, team, day),
        *_persons("hire", people.latest(people.hires, team, year, day)),
        *_persons("transfer_in", people.latest(people.transfers, team, year, day)),
        *leavers(people, team, year, day),
        *_openings(planning.openings, query.team_id, day),
        *_offers(planning.offers, query.team_id, day),
        *(
            Occurrence(
                kind="plan", team=planning.slugs[team_id], first_day=row, value=float(planned)
            )
            for team_id, row, planned in plan.rows_behind(query.team_id, month)
        ),
    ]


def _members(people: People, team: int, day: int) -> Iterator[Occurrence]:
    for person_id, first, end in people.members(team, day):
        yield Occurrence(
            kind="member",
            person_id=person_id,
            first_day=date.fromordinal(first),
            last_day=None if end == LASTING else date.fromordinal(end - 1),
        )


def _persons(kind: str, found: Mapping[str, int]) -> Iterator[Occurrence]:
    for person_id, day in found.items():
        yield Occurrence(kind=kind, person_id=person_id, first_day=date.fromordinal(day))


def _openings(openings: Iterable[Opening], team_id: int, day: int) -> Iterator[Occurrence]:
    for opening in openings:
        if team_id in opening.team_ids and is_open(opening, day):
            yield Occurrence(
                kind="opening",
                reference=opening.reference,
                team=opening.team,
                first_day=date.fromordinal(opening.opened),
                value=float(day - opening.opened),
            )


def _offers(offers: Iterable[Offer], team_id: int, day: int) -> Iterator[Occurrence]:
    for offer in offers:
        if team_id in offer.team_ids and is_awaited(offer, day):
            yield Occurrence(
                kind="offer",
                reference=offer.reference,
                team=offer.team,
                first_day=date.fromordinal(offer.accepted),
                last_day=None if offer.starts is None else date.fromordinal(offer.starts - 1),
            )


HIRING_VS_PLAN = Indicator(
    key="hiring_vs_plan",
    title="Hiring Actual vs Plan",
    short_title="Hiring vs plan",
    definition=(
        "Members of the team at the end of the month, in percent of the headcount that was planned "
        "for it. A hire counts on the start date."
    ),
    formula="headcount at the end of the month ÷ planned headcount × 100",
    unit=Unit.PERCENT,
    cadence=Cadence.MONTHLY,
    better=Better.HIGHER,
    target=BuiltInTarget(value=100.0, source="ours, attention from 95"),
    tolerance=0.05,
    sources=("files", "bamboohr", "greenhouse"),
    reads=frozenset({Input.MEMBERS, Input.EMPLOYMENT, Input.PLAN, Input.HIRING}),
    attribution=(
        "The team and those below it. A month without a row of the plan takes the last earlier one of "
        "the same fiscal year; a team without any takes the sum of the plans below it, if every team "
        "there has one."
    ),
    counts=(
        "Everybody with a membership on the month’s last day, the manager included, each once. "
        "Beside it, for the fiscal year to date: persons whose employment began while they were "
        "members (hires), against the sum of the plan’s rises from month to month (planned hires), "
        "members who came from another team (transfers), and leavers as retention counts them; at "
        "the end of the month: open openings, their median age in days, and offers that are accepted "
        "and have not started."
    ),
    noun="people",
    ours=(
        "GitLab’s target is confidential: on target from 100, attention from 95. A target of the "
        "targets file takes the place of the 100, attention then begins 5 % below it; the "
        "configured tolerance does not apply here. A hire counts on the start date, not when the "
        "offer is accepted. A plan of 0 gives no value: not meaningful."
    ),
    decimals=0,
    has_limits=False,
    evidence_kinds=("member", "hire", "transfer_in", "leaver", "opening", "offer", "plan"),
    evidence_note=(
        "Names, teams and days of membership and employment are what a manager sees in the HR system "
        "anyway. Candidates are not named, and nobody’s way of leaving is told."
    ),
    says="[{part}] planned people {at_the_end}",
    nothing=("no plan", "There is no plan for this team {when}."),
    compute=_compute,
    evidence=_evidence,
)
