"""The records behind a point, after a real refresh of a few merge requests: as many as its n."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from app.errors import InvalidValueError, NotFoundError
from app.metrics import INDICATORS, queries
from app.metrics.indicator import Cadence
from app.metrics.refresh import refresh
from app.settings import Settings

from .conftest import Store


@pytest.fixture
def organisation(store: Store, settings: Settings) -> Store:
    """product ─ checkout (ann, ben until 1 March), search (cid). Collected 20 March 2024, 12:00."""
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    for number, person in enumerate(("ann", "ben", "cid"), 1):
        store.person(person, number)
    store.member("ann", "checkout", date(2024, 1, 1))
    store.member("ben", "checkout", date(2024, 1, 1), date(2024, 3, 1))
    store.member("cid", "search", date(2024, 1, 1))
    store.account(8, "eve")
    store.account(9, "robo", bot=True)
    store.project(1, "acme/checkout/api")
    store.project(2, "acme/other")
    old = store.merge_request(1, "2024-02-01 12:00")
    store.request_review(old, "2024-02-10 12:00", "cid")
    store.merge_request(2, "2024-02-20 12:00", reviewers=[3])  # ben left: orphaned
    store.merge_request(3, "2024-03-01 12:00", project=2, draft=True)
    labels = ["community contribution"]
    store.merge_request(8, "2024-03-02 12:00", merged="2024-03-05 12:00", labels=labels)
    store.merge_request(1, "2024-03-03 12:00", merged="2024-03-06 12:00", project=2)
    store.merge_request(3, "2024-03-04 12:00", merged="2024-03-07 12:00")
    store.merge_request(3, "2024-03-04 12:00", closed="2024-03-10 12:00")
    store.merge_request(9, "2024-03-05 12:00")  # a bot's, in checkout's project
    ends_early = store.merge_request(1, "2024-03-12 12:00", closed="2024-03-13 12:00")
    store.change(ends_early, closed_at=store.collected("2024-03-11 12:00"))
    estimated = store.merge_request(1, "2024-03-06 12:00", merged="2024-03-08 12:00")
    store.change(estimated, merged_at=None)
    refresh(store.session, settings, store.collected("2024-03-20 12:00"))
    return store


def test_evidence_of_the_oldest_open_merge_requests_by_hand(
    organisation: Store, settings: Settings
) -> None:
    found = queries.evidence(organisation.session, settings, "open_mr_age", team="checkout")
    assert (found.period, found.team_name, found.target) == ("2024-03-20", "Checkout", 30.0)
    assert [(row.value, row.author_username) for row in found.rows] == [
        (48.0, "ann"),
        (29.0, "ben"),
    ]
    assert found.point.value == 38.5
    assert [row.flags for row in found.rows] == [(), ("orphaned",)]
    # ben was in the team up to 29 February.
    assert [row.author_left_on for row in found.rows] == [None, date(2024, 2, 29)]
    row = found.rows[0]
    assert (row.project, row.state, row.draft, row.author_name) == (
        "acme/checkout/api",
        "opened",
        False,
        "Ann",
    )
    assert row.review_started_at is not None
    assert row.review_started_at.isoformat() == "2024-02-10T12:00:00+00:00"
    assert found.left_out == {"bot": 1}


def test_evidence_of_review_time_counts_from_the_request(
    organisation: Store, settings: Settings
) -> None:
    found = queries.evidence(
        organisation.session, settings, "open_mr_review_time", period="2024-02-29"
    )
    # End of 29 February: asked 10 February at noon; with a reviewer since 20 February at noon.
    assert [row.value for row in found.rows] == [19.5, 9.5]


def test_evidence_of_a_rate_in_each_variant(organisation: Store, settings: Settings) -> None:
    def authors(variant: str, team: str) -> list[str]:
        found = queries.evidence(
            organisation.session, settings, "mr_rate", team=team, period="2024-03", variant=variant
        )
        assert all(row.value is None for row in found.rows)
        return sorted(str(row.author_username) for row in found.rows)

    assert authors("narrow", "checkout") == ["ann", "ann"]
    assert authors("wider", "checkout") == ["eve"]
    assert authors("overall", "checkout") == ["ann", "ann", "cid", "eve"]
    assert authors("narrow", "search") == ["cid"]


def test_an_estimated_end_is_flagged_and_a_quarantined_one_is_counted_as_left_out(
    organisation: Store, settings: Settings
) -> None:
    found = queries.evidence(
        organisation.session, settings, "mr_rate", team="checkout", period="2024-03"
    )
    assert [row.flags for row in found.rows] == [(), ("end_estimated",)]
    # eve is in no team, and the project is the team's.
    assert found.left_out == {"quarantined": 1, "unattributed": 1}


def test_what_is_left_out_is_told_with_why(organisation: Store, settings: Settings) -> None:
    def left(key: str, team: str = "organisation", period: str = "2024-03", **more: str) -> object:
        return queries.evidence(
            organisation.session, settings, key, team=team, period=period, **more
        ).left_out

    # robo's is open; cid's draft is in no review; what ends before it starts is in no month's age.
    assert left("open_mr_review_time", period="2024-03-20") == {"not_in_review": 1}
    assert left("open_mr_age", period="2024-03-20") == {"bot": 1}
    assert left("open_mr_age", "search", "2024-03-20") == {}
    # eve's was merged, in a project of checkout: of nobody's rate unless the owner is asked.
    assert left("mr_rate") == {"quarantined": 1, "unattributed": 1}
    assert left("mr_rate", "search") == {}
    assert left("mr_rate", "checkout", variant="overall") == {"quarantined": 1}
    # Of four merged by members none was ever asked to be reviewed.
    assert left("review_time_to_merge", "checkout") == {"not_in_review": 2}
    assert left("review_time_to_merge", "search") == {"not_in_review": 1}
    assert left("first_engagement_time", "checkout", "2024-02") == {"not_answered": 2}
    assert left("community_response") == {}
    assert left("retention") == {}
    drafts = settings.model_copy(
        update={
            "gitlab": settings.gitlab.model_copy(
                update={"exclude_drafts": True, "product_scope": ["acme/checkout/**"]}
            )
        }
    )
    refresh(organisation.session, drafts, organisation.collected("2024-03-20 12:30"))
    # cid's draft lies outside of the scope as well, and is told once; so does what ann merged there.
    assert left("open_mr_age", period="2024-03-20") == {"bot": 1, "out_of_scope": 1}
    assert left("mr_rate", "checkout") == {"out_of_scope": 1, "quarantined": 1, "unattributed": 1}


def test_there_are_as_many_records_as_n_for_every_indicator_team_variant_and_period(
    organisation: Store, settings: Settings
) -> None:
    counts = 0
    for indicator in INDICATORS:
        periods = (
            ["2024-02-20", "2024-02-29", "2024-03-05", "2024-03-06", "2024-03-20"]
            if indicator.cadence is Cadence.DAILY
            else ["2024-01", "2024-02", "2024-03"]
        )
        for variant in [each.key for each in indicator.variants] or (None,):
            for team in ("organisation", "product", "checkout", "search"):
                for period in periods:
                    found = queries.evidence(
                        organisation.session,
                        settings,
                        indicator.key,
                        team=team,
                        period=period,
                        variant=variant,
                    )
                    listed = (indicator.key, variant, team, period)
                    if indicator.categorical:
                        assert (found.rows, found.occurrences) == ([], []), listed
                        continue
                    rows = found.rows if indicator.counts_merge_requests else found.of_kind
                    assert len(rows) == found.point.n, listed
                    counts += len(rows)
    assert counts > 30


def test_what_waits_now(organisation: Store, settings: Settings) -> None:
    found = queries.attention(organisation.session, settings, "product")
    assert [(each.row.author_username, each.days) for each in found.oldest_in_review] == [
        ("ann", 39.0),
        ("ben", 29.0),
    ]
    assert [(each.row.author_username, each.days) for each in found.orphaned] == [("ben", 29.0)]
    assert queries.attention(organisation.session, settings, "search").orphaned == []
    assert (
        len(queries.attention(organisation.session, settings, None, limit=1).oldest_in_review) == 1
    )


def test_unknown_names_are_refused(session: Session, settings: Settings) -> None:
    with pytest.raises(NotFoundError) as refusal:
        queries.evidence(session, settings, "mr_rate", variant="broad")
    assert refusal.value.field == "variant"
    with pytest.raises(InvalidValueError) as invalid:
        queries.evidence(session, settings, "mr_rate", period="soon")
    assert invalid.value.field == "period"
    with pytest.raises(NotFoundError) as refusal:
        queries.attention(session, settings, "nowhere")
    assert refusal.value.field == "slug"
