"""Answers made by hand for the tests of the pages: four teams, six teams in the tree, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from app.metrics import INDICATORS, get_indicator
from app.metrics.answers import (
    Attention,
    Evidence,
    EvidenceRow,
    Finding,
    Freshness,
    Matrix,
    MatrixCell,
    MembershipChange,
    Person,
    Scorecard,
    ScorecardRow,
    TargetInForce,
    Team,
    TeamRow,
    Waiting,
)
from app.metrics.indicator import (
    Cadence,
    Grain,
    Indicator,
    Limits,
    Point,
    Reason,
    Series,
    TargetStep,
)
from app.metrics.targets import status_of
from app.settings import Settings
from app.store.tables import Run

NOW = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)
RECORDED = datetime(2026, 11, 22, 6, 14, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {"gitlab": {"groups": ["acme"]}, "reporting": {"history_start": "2024-01-01"}}
)
MONTH_LABELS = [f"2025-{month:02d}" for month in (11, 12)] + [
    f"2026-{month:02d}" for month in range(1, 12)
]
"""November 2025 to November 2026, the last one running."""

TEAMS = (
    TeamRow(
        slug="organisation",
        name="Organisation",
        parent=None,
        depth=0,
        headcount=31,
        has_children=True,
    ),
    TeamRow(
        slug="product",
        name="Product",
        parent="organisation",
        depth=1,
        headcount=24,
        has_children=True,
    ),
    TeamRow(
        slug="checkout",
        name="Checkout",
        parent="product",
        depth=2,
        headcount=11,
        has_children=False,
    ),
    TeamRow(
        slug="search",
        name="Search <b>&",
        parent="product",
        depth=2,
        headcount=13,
        has_children=False,
    ),
    TeamRow(
        slug="tools",
        name="Developer tools",
        parent="organisation",
        depth=1,
        headcount=6,
        has_children=False,
    ),
    TeamRow(
        slug="docs",
        name="Docs",
        parent="organisation",
        depth=1,
        headcount=1,
        has_children=False,
    ),
)

AGE = get_indicator("open_mr_age")
REVIEW = get_indicator("open_mr_review_time")
RATE = get_indicator("mr_rate")


def point(
    period: str,
    value: float | None,
    *,
    indicator: Indicator = AGE,
    target: float | None = None,
    n: int | None = 31,
    denominator: float | None = None,
    partial: bool = False,
    signal: bool = False,
    reason: Reason | None = None,
    coverage: float | None = 0.96,
) -> Point:
    """A point with its status against a target (by default the built-in one)."""
    if value is None and reason is None:
        reason = Reason.NO_DATA
    goal = target if target is not None else (indicator.target.value if indicator.target else None)
    monthly = indicator.cadence is Cadence.MONTHLY
    return Point(
        period=period,
        value=value,
        n=0 if value is None else n,
        numerator=None if denominator is None else float(n or 0),
        denominator=denominator,
        p25=None if monthly or value is None else value * 0.45,
        p75=None if monthly or value is None else value * 1.5,
        p95=None if monthly or value is None else value * 3,
        status=status_of(indicator, value, reason, goal, 0.2, partial_month=monthly and partial),
        reason=reason,
        partial=partial,
        coverage=coverage,
        recorded_at=RECORDED,
        signal=signal,
    )


LEVELS: Mapping[str, Mapping[str, tuple[float | None, ...]]] = {
    "open_mr_review_time": {
        "organisation": (13.0, 12.5, 13.3),
        "product": (13.1, 14.0, 13.7),
        "checkout": (12.0, 13.0, 13.9),
        "search": (9.0, 8.0, 9.8),
        "tools": (11.0, 12.0, 25.4),
        "docs": (None, None, None),
    },
    "open_mr_age": {
        "organisation": (23.0, 22.0, 23.0),
        "product": (27.0, 28.0, 28.2),
        "checkout": (24.0, 23.0, 41.3),
        "search": (20.0, 22.0, 21.1),
        "tools": (17.0, 19.0, 30.04),
        "docs": (14.0, 12.0, 14.9),
    },
    "mr_rate": {
        "organisation": (10.4, 10.6, 10.6),
        "product": (10.0, 10.4, 10.3),
        "checkout": (9.0, 8.7, 8.1),
        "search": (11.0, 12.1, 11.9),
        "tools": (12.0, 12.9, 15.8),
        "docs": (10.0, 10.3, 9.97),
    },
}
LIMITS = {
    "open_mr_review_time": Limits(centre=12.3, lower=6.7, upper=17.9),
    "open_mr_age": Limits(centre=23.9, lower=16.6, upper=31.1),
    "mr_rate": Limits(centre=9.1, lower=7.0, upper=11.2),
}
SIGNALS = {("checkout", "open_mr_age"), ("tools", "open_mr_review_time"), ("tools", "mr_rate")}
SMALL = {"docs": 3}


def monthly_values(key: str, slug: str) -> list[float | None]:
    """Twelve whole months that swing between two levels and end with the judged value."""
    first, second, judged = LEVELS[key][slug]
    return [first if index % 2 else second for index in range(11)] + [judged]


def cell(slug: str, indicator: Indicator) -> MatrixCell:
    """The cell of a team, at the latest period."""
    key = indicator.key
    values = monthly_values(key, slug)
    n = SMALL.get(slug, 31)
    signal = (slug, key) in SIGNALS
    if indicator.cadence is Cadence.DAILY:
        trail = [
            point(label, value, indicator=indicator, n=n)
            for label, value in zip(MONTH_LABELS[:11], values, strict=False)
        ]
        trail.append(
            point("2026-11-22", values[11], indicator=indicator, n=n, partial=True, signal=signal)
        )
        judged_index = len(trail) - 1
    else:
        trail = [
            point(
                label, value, indicator=indicator, n=89, denominator=11.0, signal=signal and i == 11
            )
            for i, (label, value) in enumerate(zip(MONTH_LABELS[:12], values, strict=True))
        ]
        trail.append(
            point("2026-11", 5.5, indicator=indicator, n=60, denominator=11.0, partial=True)
        )
        judged_index = len(trail) - 2
    return MatrixCell(
        team=slug,
        indicator=indicator,
        judged=trail[judged_index],
        trail=trail,
        judged_index=judged_index,
        limits=LIMITS[key] if trail[judged_index].value is not None else None,
        target=indicator.target.value if indicator.target else None,
    )


def matrix(teams: Sequence[TeamRow] = TEAMS) -> Matrix:
    """The latest state of all teams."""
    return Matrix(
        period=None,
        data_through=NOW,
        recorded_at=RECORDED,
        teams=teams,
        indicators=INDICATORS,
        cells={
            (team.slug, indicator.key): cell(team.slug, indicator)
            for team in teams
            for indicator in INDICATORS
        },
    )


def wide_matrix(count: int) -> Matrix:
    """A matrix of so many teams: the made ones, and copies of Checkout with other names."""
    copies = [
        replace(TEAMS[2], slug=f"team-{index}", name=f"Internationalisation {index}")
        for index in range(count - len(TEAMS))
    ]
    made = matrix()
    cells = dict(made.cells)
    for copy in copies:
        for indicator in INDICATORS:
            cells[copy.slug, indicator.key] = replace(
                made.cells["checkout", indicator.key], team=copy.slug
            )
    return replace(made, teams=[*TEAMS, *copies], cells=cells)


def series(key: str, slug: str = "checkout") -> Series:
    """The series of a team: weeks of a daily indicator, months of a monthly one."""
    indicator = get_indicator(key)
    values = monthly_values(key, slug)
    if indicator.cadence is Cadence.DAILY:
        sundays = [date(2026, 11, 22) - timedelta(weeks=back) for back in range(54, -1, -1)]
        swing = (0.0, 1.2, -0.8, 2.1, -1.9, 0.4)
        base = values[0] or 0.0
        points = [
            point(str(day), base + swing[index % 6], indicator=indicator)
            for index, day in enumerate(sundays[:-5])
        ]
        rise = (30.5, 36.0, 40.1, 39.0) if (slug, key) in SIGNALS else (base,) * 4
        points += [
            point(str(day), value, indicator=indicator, signal=(slug, key) in SIGNALS)
            for day, value in zip(sundays[-5:-1], rise, strict=True)
        ]
        points.append(
            point(
                "2026-11-22",
                values[11],
                indicator=indicator,
                partial=True,
                signal=(slug, key) in SIGNALS,
            )
        )
    else:
        points = list(cell(slug, indicator).trail)
    return Series(
        indicator=indicator,
        team=slug,
        team_name="Checkout",
        grain=Grain.WEEK if indicator.cadence is Cadence.DAILY else Grain.MONTH,
        variant=indicator.default_variant or None,
        data_through=NOW,
        points=points,
        limits=LIMITS[key],
        targets=[TargetStep(valid_from=date(2024, 1, 1), value=indicator.target.value)]
        if indicator.target
        else [],
    )


def scorecard(slug: str = "checkout") -> Scorecard:
    """Every indicator of a team."""
    return Scorecard(
        team=slug,
        name="Checkout",
        period=None,
        items=[
            ScorecardRow(
                indicator=indicator,
                variant=indicator.default_variant or None,
                point=cell(slug, indicator).judged,
                target=indicator.target.value if indicator.target else None,
                limits=LIMITS[indicator.key],
            )
            for indicator in INDICATORS
        ],
    )


def team(slug: str = "checkout") -> Team:
    """Checkout on the running day."""
    people = [
        Person(person_id="p1", name="Ines Carvalho", username="ines", role="manager"),
        Person(person_id="p2", name="Arjun Nair", username=None, role="member"),
    ]
    return Team(
        slug=slug,
        name="Checkout",
        parent="product",
        ancestors=[("organisation", "Organisation"), ("product", "Product")],
        children=[],
        on=date(2026, 11, 22),
        headcount=11,
        managers=people[:1],
        people=people,
        owns=["acme/checkout/**"],
        projects=["acme/checkout-web", "acme/payments"],
        membership_changes=[
            MembershipChange(
                day=date(2026, 10, 1),
                person="Arjun Nair",
                kind="joined",
                team="checkout",
                elsewhere="search",
            ),
            MembershipChange(
                day=date(2026, 9, 30),
                person="Oona Laine",
                kind="left",
                team="checkout",
                elsewhere=None,
            ),
        ],
        targets=[
            TargetInForce(
                indicator="open_mr_age", value=30.0, valid_from=date(2024, 1, 1), source="GitLab"
            )
        ],
    )


HOSTILE_TITLE = '<img src=x onerror="alert(1)"> </script><script>alert(2)</script> & more'


def evidence_row(number: int, age: float, **other: object) -> EvidenceRow:
    """A merge request that was created `age` days before now."""
    made = EvidenceRow(
        project="acme/payments",
        iid=number,
        title=f"Retry card authorisation, part {number}",
        web_url=f"https://gitlab.example/acme/payments/-/merge_requests/{number}",
        state="opened",
        draft=False,
        author_username="rafael",
        author_name="Rafael Stein",
        created_at=NOW - timedelta(days=age),
        merged_at=None,
        closed_at=None,
        review_started_at=NOW - timedelta(days=age / 2) if number % 3 else None,
        value=age,
        flags=(),
    )
    return replace(made, **other)  # type: ignore[arg-type]


def evidence() -> Evidence:
    """31 merge requests whose median age is 41.3 days; the title of one is HTML."""
    ages = [41.3 + 3.7 * step for step in range(1, 16)] + [41.3]
    ages += [41.3 - 2.6 * step for step in range(1, 16)]
    rows = [evidence_row(number + 1, age) for number, age in enumerate(sorted(ages, reverse=True))]
    rows[0] = replace(rows[0], title=HOSTILE_TITLE, flags=("orphaned",))
    rows[1] = replace(rows[1], draft=True, web_url="javascript:alert(1)")
    judged = cell("checkout", AGE).judged
    return Evidence(
        indicator=AGE,
        team="checkout",
        team_name="Checkout",
        period="2026-11-22",
        variant=None,
        point=judged,
        rows=rows,
        left_out={"bot": 6, "draft": 2},
        target=30.0,
        instant=NOW,
    )


def rate_evidence() -> Evidence:
    """Two merge requests behind a monthly rate, without values of their own."""
    merged = datetime(2026, 10, 12, 9, tzinfo=UTC)
    rows = [
        evidence_row(number, 60.0, value=None, merged_at=merged, state="merged")
        for number in (1, 2)
    ]
    return Evidence(
        indicator=RATE,
        team="checkout",
        team_name="Checkout",
        period="2026-10",
        variant="narrow",
        point=point("2026-10", 0.2, indicator=RATE, n=2, denominator=10.0),
        rows=rows,
        left_out={},
        target=10.0,
        instant=datetime(2026, 11, 1, tzinfo=UTC),
    )


def attention() -> Attention:
    """Two merge requests in review, one of them by somebody who left."""
    left = evidence_row(1, 139.8, flags=("orphaned",), title=HOSTILE_TITLE)
    return Attention(
        team="checkout",
        oldest_in_review=[
            Waiting(row=left, days=96.9),
            Waiting(row=evidence_row(2, 80), days=1.2),
        ],
        orphaned=[Waiting(row=left, days=139.8)],
    )


def freshness(state: str = "fresh") -> list[Freshness]:
    """One source."""
    through = {"fresh": NOW, "stale": NOW - timedelta(days=2), "never": None}[state]
    return [
        Freshness(
            source="gitlab",
            title="GitLab",
            state=state,
            data_through=through,
            last_started_at=NOW,
            last_finished_at=NOW + timedelta(seconds=238),
            last_outcome="failed" if state == "stale" else "done",
            message="The token has expired." if state == "stale" else "",
            records=48_216,
            feeds=[indicator.key for indicator in INDICATORS],
            command="teamgauge collect gitlab",
        )
    ]


def findings() -> list[Finding]:
    """A finding with one case, and one without."""
    return [
        Finding(
            kind="unmatched_identity",
            title="Unmatched identities",
            count=7,
            effect="Their merge requests belong to no team and lower the coverage.",
            remedy="Add them to people.csv.",
            items=[
                {"address": "tnieminen2", "text": "Tuula <i>wrote</i> 8.", "line": ",Tuula,,t2,"},
                {"address": "https://gitlab.example/a/-/merge_requests/1", "text": "Ends early."},
            ],
        ),
        Finding(
            kind="bot", title="Bots left out", count=0, effect="None.", remedy="None.", items=[]
        ),
    ]


def run(number: int, outcome: str = "done") -> Run:
    """A run of GitLab that took 3 min 58 s."""
    return Run(
        id=number,
        source="gitlab",
        kind="incremental",
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=238),
        outcome=outcome,
        message="" if outcome == "done" else "401: the token has expired",
        data_through=NOW,
        requests=412,
        requests_by_kind={},
        rows_read=1_000,
        rows_new=31,
        rows_changed=287,
        rows_deleted=0,
        quarantined=0,
        retries=0,
        waited_seconds=0.0,
    )
