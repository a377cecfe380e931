"""What changed → which values are stale → recompute → store with history.

Everything happens in the caller's transaction: either all values fit together, or nothing changed.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.metrics import INDICATORS
from app.metrics.calendar import Clock, first_of_month, last_of_month, local_day
from app.metrics.collected import collected_through, sources_of
from app.metrics.daily import DailyValues
from app.metrics.daily_store import store_days
from app.metrics.derive_considered import derive_considered
from app.metrics.derive_facts import claim, derive_facts
from app.metrics.derive_organisation import derive_attribution, derive_members, derive_ownership
from app.metrics.indicator import Cadence, Indicator, Restated
from app.metrics.stale import Stale
from app.metrics.value_store import Recording, Written, store_coverage, store_values
from app.metrics.workset import Workset, load
from app.settings import Settings
from app.store.engine import lock_key
from app.store.tables import RefreshState


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
    """An indicator that has to be computed again, measured at its own data_through."""

    indicator: Indicator
    clock: Clock
    stale: Stale

    @property
    def daily(self) -> bool:
        """Whether its periods are days; else months."""
        return self.indicator.cadence is Cadence.DAILY

    def first_day(self, history_start: date) -> date:
        """The first day of the first stale period."""
        assert self.stale.first_day is not None
        day = max(self.stale.first_day, history_start)
        return day if self.daily else first_of_month(day)

    def cause(self, period: date) -> Restated:
        """Why a value of a period changed."""
        return self.stale.reason_of(period if self.daily else last_of_month(period))


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
    session: Session, settings: Settings, now: datetime, *, everything: bool = False
) -> RefreshReport:
    """Recomputes the stale values (or, with `everything`, all of them) and writes what differs.

    now: recorded_at of what is written. The caller commits. Two refreshes of one database wait for
    each other.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("refresh transaction")}
    )
    report = RefreshReport()
    state = session.get(RefreshState, 1)
    history_start = settings.reporting.history_start
    configuration = deciding_settings(settings)
    stale = Stale()
    whole = everything or state is None or state.configuration != configuration
    if state is not None and state.configuration != configuration:
        stale.add(Restated.CONFIGURATION, history_start)
    elif whole:
        stale.add(Restated.LATE_DATA, history_start)

    derive_members(session, stale)
    derive_attribution(session, settings, stale)
    derive_ownership(session, settings, stale)
    report.facts_changed = derive_facts(session, settings, claim(session), stale, everything=whole)
    derive_considered(session, settings, stale)
    if _has_team_without_values(session):
        stale.add(Restated.MEMBERSHIP, history_start)

    through = _data_through(session, settings, report)
    due = [
        Due(indicator, Clock(settings.reporting.zone, through[indicator.key]), own)
        for indicator in INDICATORS
        if indicator.key in through
        and (
            own := _own_stale(session, indicator, stale, state, through[indicator.key], settings)
        ).since
    ]
    report.stale_since = min((item.first_day(history_start) for item in due), default=None)
    for clock in {item.clock for item in due}:
        together = [item for item in due if item.clock == clock]
        first_day = min(item.first_day(history_start) for item in together)
        if first_day > clock.today:
            continue
        workset = load(session, clock, settings, first_day)
        for item in together:
            report.written += _compute(session, item, workset, now)

    _remember(session, configuration, through, now)
    return report


def _own_stale(
    session: Session,
    indicator: Indicator,
    stale: Stale,
    state: RefreshState | None,
    data_through: datetime,
    settings: Settings,
) -> Stale:
    """What is stale of one indicator: what changed, its own definition, and the time that passed."""
    own = stale.of(indicator.reads)
    history_start = settings.reporting.history_start
    before = state.data_through.get(indicator.key) if state is not None else None
    if before is None:
        own.add(Restated.LATE_DATA, history_start)
    elif (reached := datetime.fromisoformat(before)) != data_through:
        # The day that was running then is over, or runs on.
        day = local_day(min(reached, data_through), settings.reporting.zone)
        own.add(Restated.LATE_DATA, day)
        if indicator.unsettled is not None:
            own.add(Restated.TIME_PASSED, _first_unsettled(session, indicator))
    if state is not None and state.definitions.get(indicator.key) != indicator.version:
        own.add(Restated.DEFINITION, history_start)
    return own


def _first_unsettled(session: Session, indicator: Indicator) -> date | None:
    """The first period whose value may change because time passes."""
    first: date | None = session.scalar(
        text(
            "SELECT min(period) FROM indicator_values WHERE indicator = :indicator"
            " AND superseded_at IS NULL AND (beside ->> :unsettled)::bigint > 0"
        ),
        {"indicator": indicator.key, "unsettled": indicator.unsettled},
    )
    return first


def _compute(session: Session, item: Due, workset: Workset, now: datetime) -> Written:
    """Computes and stores one indicator from its first stale period on."""
    first_day = item.first_day(workset.history_start)
    if first_day > item.clock.today:
        return Written()
    computed = item.indicator.compute(workset, first_day)
    recording = Recording(
        at=now,
        is_partial=item.clock.is_partial_day if item.daily else item.clock.is_partial_month,
        cause=item.cause,
    )
    written = Written()
    for variant, values in computed.values.items():
        if isinstance(values, DailyValues):
            written += store_days(session, item.indicator, variant, values, recording)
        else:
            written += store_values(session, item.indicator, variant, values, recording)
    return written + store_coverage(session, item.indicator, computed.coverage, recording)


def _has_team_without_values(session: Session) -> bool:
    """Whether a team is new: it has no values yet, which for the days before its first are null."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT 1 FROM teams t WHERE t.removed_at IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM indicator_values v WHERE v.team_id = t.id))"
            )
        )
    )


def _remember(
    session: Session,
    configuration: dict[str, object],
    through: dict[str, datetime],
    now: datetime,
) -> None:
    """Notes what the stored values were computed with.

    An indicator that could not be computed is left out: its next computation is a whole one.
    """
    kept = {
        "configuration": configuration,
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
