"""What changed → which values are stale → recompute → store with history.

Everything happens in the caller's transaction: either all values fit together, or nothing changed.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.metrics import INDICATORS
from app.metrics.calendar import Clock, last_of_month, local_day, next_month
from app.metrics.collected import collected_through, sources_of
from app.metrics.daily import DailyValues
from app.metrics.daily_store import store_days
from app.metrics.derive_considered import derive_considered
from app.metrics.derive_facts import claim, derive_facts
from app.metrics.derive_organisation import derive_attribution, derive_members, derive_ownership
from app.metrics.durations import FIRST_ENGAGEMENT_TIME
from app.metrics.indicator import Cadence, Computed, Indicator, Input, Restated
from app.metrics.organisation_fingerprint import fingerprint
from app.metrics.periods import computed_periods
from app.metrics.shares import Bounds, Computing, Here, Share, shares
from app.metrics.stale import Stale, StalePeriods
from app.metrics.stale_work import mark_answered
from app.metrics.stretches import Stretch, joined
from app.metrics.value_store import (
    Recording,
    Written,
    open_staging,
    stage_values,
    store_coverage,
    store_staged,
)
from app.metrics.workset import Workset, load
from app.settings import Settings
from app.store.engine import lock_key
from app.store.tables import RefreshState
from app.store.tables.organisation import ROOT_TEAM

MANY = 10_000
"""Rows written by one refresh that change what the planner has to know."""
GROWING = (
    "merge_request_facts",
    "attribution_spans",
    "team_member_spans",
    "daily_values",
    "indicator_values",
)


@dataclass(slots=True)
class RefreshReport:
    """What a refresh found and wrote.

    facts_changed: merge requests whose facts differ. stale_since: first stale day, None if nothing
    was. not_computed: title of each indicator with the source that was never collected.
    """

    facts_changed: int = 0
    stale_since: date | None = None
    written: Written = field(default_factory=Written)
    not_computed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """An indicator of which some values have to be computed again, measured at its own data_through."""

    indicator: Indicator
    clock: Clock
    stale: StalePeriods

    @property
    def daily(self) -> bool:
        """Whether its periods are days; else months."""
        return self.indicator.cadence is Cadence.DAILY

    @property
    def stretches(self) -> Iterator[Stretch]:
        """The days that its periods consist of."""
        for period in self.stale.periods:
            yield Stretch(period, period if self.daily else last_of_month(period))


def deciding_settings(settings: Settings) -> dict[str, object]:
    """The settings that decide values: a change of any of them makes all history stale."""
    return {
        "timezone": settings.reporting.timezone,
        "history_start": settings.reporting.history_start.isoformat(),
        "product_scope": list(settings.gitlab.product_scope),
        "community_label": settings.gitlab.community_label,
        "bots": list(settings.gitlab.bots),
        "exclude_drafts": settings.gitlab.exclude_drafts,
        "handbook": [[each.project, list(each.paths)] for each in settings.gitlab.handbook],
        "fiscal_year_start_month": settings.reporting.fiscal_year_start_month,
        "holidays": sorted(day.isoformat() for day in settings.reporting.holidays),
        "response_business_days": settings.community.response_business_days,
        "diversity": settings.diversity.model_dump(),
    }


def _data_through(
    session: Session, settings: Settings, report: RefreshReport
) -> dict[str, datetime]:
    """The instant up to which each indicator can be computed: the earliest of its sources."""
    collected = collected_through(session)
    through: dict[str, datetime] = {}
    for indicator in INDICATORS:
        sources = sources_of(indicator, settings)
        missing = [source for source in sources if source not in collected]
        if not sources or ("gitlab" in indicator.sources and "gitlab" not in sources):
            missing = [indicator.sources[0]]
        if missing:
            report.not_computed[indicator.key] = missing[0]
        else:
            through[indicator.key] = min(collected[source] for source in sources)
    return through


def refresh(
    session: Session,
    settings: Settings,
    now: datetime,
    *,
    everything: bool = False,
    computing: Computing = Here(),  # noqa: B008 - it never changes
) -> RefreshReport:
    """Recomputes the stale values (or, with `everything`, all of them) and writes what differs.

    now: recorded_at of what is written; where the clock was set back since the last refresh, the moment
        after that one: nothing is superseded before it was recorded.
    computing: does what is computed from merge requests.
    The caller commits. Two refreshes of one database wait for each other.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("refresh transaction")}
    )
    report = RefreshReport()
    state = session.get(RefreshState, 1)
    if state is not None and now < state.refreshed_at:
        now = state.refreshed_at + timedelta(microseconds=1)
    history_start = settings.reporting.history_start
    through = _data_through(session, settings, report)
    clocks = {key: Clock(settings.reporting.zone, at) for key, at in through.items()}
    stale = _nothing_stale(session, settings, clocks.values())
    configuration = deciding_settings(settings)
    whole = everything or state is None or state.configuration != configuration
    if state is not None and state.configuration != configuration:
        stale.add(Restated.CONFIGURATION, history_start)
    elif whole:
        stale.add(Restated.LATE_DATA, history_start)

    organisation = fingerprint(session)
    if whole or state is None or state.organisation != organisation:
        derive_members(session, stale)
        derive_attribution(session, settings, stale)
        derive_considered(session, settings, stale)
        stale.add(Restated.MEMBERSHIP, history_start, teams=_teams_without_values(session))
    derive_ownership(session, settings, stale)
    report.facts_changed = derive_facts(session, settings, claim(session), stale, everything=whole)
    _mark_answered(session, settings, state, through, stale)

    due = [
        item
        for indicator in INDICATORS
        if (clock := clocks.get(indicator.key)) is not None
        and (item := _due(session, indicator, clock, stale, state, settings)).stale.periods
    ]
    report.stale_since = min((item.stale.periods[0] for item in due), default=None)
    if due:
        open_staging(session)
    for clock in {item.clock for item in due}:
        together = [item for item in due if item.clock == clock]
        of_work = {i.indicator.key: i for i in together if Input.ATTRIBUTION in i.indicator.reads}
        outcomes = computing(_shares(session, settings, of_work.values(), computing.bounds))
        others = [item for item in together if item.indicator.key not in of_work]
        if others:
            workset = _workset(session, settings, others)
            for item in others:
                computed = item.indicator.compute(workset, item.stale)
                report.written += _store(session, item, computed, now)
        for key, computed in outcomes:
            report.written += _store(session, of_work[key], computed, now)
    if due:
        report.written += store_staged(session, now)

    if max(report.facts_changed, report.written.total) >= MANY:
        # The planner would go on to take the tables for small until somebody else looks at them.
        session.execute(text(f"ANALYZE {', '.join(GROWING)}"))
    _remember(session, configuration, organisation, through, now)
    return report


def _mark_answered(
    session: Session,
    settings: Settings,
    state: RefreshState | None,
    through: dict[str, datetime],
    stale: Stale,
) -> None:
    """Makes stale what an answer changes that was stored before the data had come so far."""
    key = FIRST_ENGAGEMENT_TIME.key
    before = state.data_through.get(key) if state is not None else None
    if before is not None and key in through:
        reached = datetime.fromisoformat(before)
        mark_answered(session, stale, settings.reporting.zone, reached, through[key])


def _nothing_stale(session: Session, settings: Settings, clocks: Iterable[Clock]) -> Stale:
    """The days and teams of which values can be stale, none of which is."""
    history_start = settings.reporting.history_start
    teams = session.execute(
        text("SELECT id, slug FROM teams WHERE removed_at IS NULL ORDER BY id")
    ).all()
    return Stale(
        team_ids=[team.id for team in teams],
        root_id=next(team.id for team in teams if team.slug == ROOT_TEAM),
        first_day=history_start,
        last_day=max((clock.today for clock in clocks), default=history_start - timedelta(days=1)),
    )


def _due(
    session: Session,
    indicator: Indicator,
    clock: Clock,
    stale: Stale,
    state: RefreshState | None,
    settings: Settings,
) -> Due:
    """What is stale of one indicator: what changed, its own definition, and the time that passed."""
    own = stale.of(indicator.reads)
    history_start = settings.reporting.history_start
    before = state.data_through.get(indicator.key) if state is not None else None
    if before is None:
        own.add(Restated.LATE_DATA, history_start)
    elif (reached := datetime.fromisoformat(before)) != clock.data_through:
        # The day that was running then is over, or runs on. What does not read merge requests counts
        # in whole days: for it nothing passes before the next one.
        day = local_day(min(reached, clock.data_through), settings.reporting.zone)
        if (
            Input.WORK in indicator.reads
            or local_day(reached, settings.reporting.zone) != clock.today
        ):
            own.add(Restated.LATE_DATA, day)
        if indicator.unsettled is not None:
            for month in _unsettled(session, indicator, stale.root_id):
                own.add(Restated.TIME_PASSED, month, end=next_month(month))
    if state is not None and state.definitions.get(indicator.key) != indicator.version:
        own.add(Restated.DEFINITION, history_start)
    periods = computed_periods(indicator, clock, history_start)
    return Due(indicator, clock, own.of_periods(periods, together=indicator.together))


def _unsettled(session: Session, indicator: Indicator, root_id: int) -> list[date]:
    """The months whose value may change because time passes: what is unsettled of a team is so of the
    organisation, whose few values are looked through in place of everybody's."""
    return list(
        session.scalars(
            text(
                "SELECT period FROM indicator_values"
                " WHERE indicator = :indicator AND variant = '' AND team_id = :root"
                " AND superseded_at IS NULL AND (beside ->> :unsettled)::bigint > 0"
            ),
            {"indicator": indicator.key, "root": root_id, "unsettled": indicator.unsettled},
        )
    )


def _workset(session: Session, settings: Settings, items: Collection[Due]) -> Workset:
    """What some indicators of one clock, at least one, are computed from: of each input that one of
    them reads the days for which it is."""
    needed = {
        read: joined(
            each for item in items if read in item.indicator.reads for each in item.stretches
        )
        for read in frozenset[Input]().union(*(item.indicator.reads for item in items))
    }
    return load(session, next(iter(items)).clock, settings, needed)


def _shares(
    session: Session, settings: Settings, items: Collection[Due], bounds: Bounds
) -> Iterator[Share]:
    """What is computed from merge requests; they are read when the first share is asked for."""
    if items:
        workset = _workset(session, settings, items)
        yield from shares(workset, {item.indicator.key: item.stale for item in items}, bounds)


def _store(session: Session, item: Due, computed: Computed, now: datetime) -> Written:
    """Stores what was computed of one indicator, for all teams or some; months are staged."""
    recording = Recording(
        at=now,
        is_partial=item.clock.is_partial_day if item.daily else item.clock.is_partial_month,
        cause=item.stale.reasons(),
    )
    written = Written()
    for variant, values in computed.values.items():
        if isinstance(values, DailyValues):
            written += store_days(session, item.indicator, variant, values, recording)
        else:
            stage_values(session, item.indicator, variant, values, recording)
    return written + store_coverage(session, item.indicator, computed.coverage, recording)


def _teams_without_values(session: Session) -> list[int]:
    """The teams that no refresh has computed yet, or not since they were away.

    Every refresh leaves a value of the running period for each team, null as it may be.
    """
    return list(
        session.scalars(
            text(
                """
                SELECT t.id FROM teams t WHERE t.removed_at IS NULL AND NOT EXISTS (
                    SELECT 1 FROM indicator_values v
                    WHERE v.team_id = t.id AND v.partial AND v.superseded_at IS NULL
                      AND v.period = (SELECT max(period) FROM indicator_values
                                      WHERE partial AND superseded_at IS NULL))
                """
            )
        )
    )


def _remember(
    session: Session,
    configuration: dict[str, object],
    organisation: str,
    through: dict[str, datetime],
    now: datetime,
) -> None:
    """Notes what the stored values were computed with.

    An indicator that could not be computed is left out: its next computation is a whole one.
    """
    kept = {
        "configuration": configuration,
        "organisation": organisation,
        "definitions": {indicator.key: indicator.version for indicator in INDICATORS},
        "data_through": {key: at.isoformat() for key, at in through.items()},
        "refreshed_at": now,
    }
    session.execute(
        insert(RefreshState)
        .values(id=1, **kept)
        .on_conflict_do_update(index_elements=[RefreshState.id], set_=kept)
    )
    session.expire_all()
