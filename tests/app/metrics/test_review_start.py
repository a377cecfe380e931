"""When a review began, case by case of the definition."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from .plain_facts import MergeRequest, PresentReviewer, ReviewNote, World, derived, plain

CREATED = datetime(2024, 3, 1, 12, tzinfo=UTC)
AUTHOR, ANN, BEN, BOT = 1, 2, 3, 4
WORLD = World(
    usernames={AUTHOR: "author", ANN: "ann", BEN: "ben", BOT: "robo"},
    flagged=frozenset({BOT}),
    former=[("ann.old", ANN)],
)


@dataclass(frozen=True)
class ReviewStart:
    """When it began, and whether a reviewer row that was not read could be earlier."""

    at: datetime | None
    inferred: bool


def hours(count: int) -> datetime:
    return CREATED + timedelta(hours=count)


def asked(at: datetime, *names: str) -> ReviewNote:
    return ReviewNote(at, names, ())


def removed(at: datetime, *names: str) -> ReviewNote:
    return ReviewNote(at, (), names)


def row(account: int, at: datetime | None = None) -> PresentReviewer:
    return PresentReviewer(account, at)


CASES = {
    "nobody": ([], [], True, ReviewStart(None, False)),
    "the author and a bot are nobody": (
        [asked(hours(1), "author", "robo")],
        [row(AUTHOR), row(BOT)],
        True,
        ReviewStart(None, False),
    ),
    "the first note": (
        [asked(hours(5), "ann"), asked(hours(9), "ben")],
        [row(ANN, hours(5)), row(BEN, hours(9))],
        True,
        ReviewStart(hours(5), False),
    ),
    "set at creation leaves no note": ([], [row(ANN)], False, ReviewStart(CREATED, False)),
    "removed without a request: was there since creation": (
        [removed(hours(3), "ann")],
        [],
        True,
        ReviewStart(CREATED, False),
    ),
    "removed after a request: not since creation": (
        [asked(hours(2), "ann"), removed(hours(3), "ann")],
        [],
        True,
        ReviewStart(hours(2), False),
    ),
    "asked again by a note: the row knows it was since creation": (
        [asked(hours(7), "ann")],
        [row(ANN, CREATED)],
        True,
        ReviewStart(CREATED, False),
    ),
    "asked by a note and no row read: inferred": (
        [asked(hours(7), "ann")],
        [row(ANN)],
        False,
        ReviewStart(hours(7), True),
    ),
    "asked and removed: there is no row to read": (
        [asked(hours(7), "ann"), removed(hours(8), "ann")],
        [],
        False,
        ReviewStart(hours(7), False),
    ),
    "one since creation: the other's row could not be earlier": (
        [asked(hours(7), "ann")],
        [row(ANN), row(BEN)],
        False,
        ReviewStart(CREATED, False),
    ),
    "a name of that day is still the same user": (
        [asked(hours(4), "ann.old")],
        [row(ANN, hours(4))],
        True,
        ReviewStart(hours(4), False),
    ),
    "a name that nobody is known by, and a row as young as the note": (
        [asked(hours(4), "gone")],
        [row(ANN, hours(4))],
        True,
        ReviewStart(hours(4), False),
    ),
    "a name that nobody is known by, and no row read: perhaps the same person": (
        [asked(hours(4), "gone")],
        [row(ANN)],
        False,
        ReviewStart(hours(4), True),
    ),
    "one unknown name explains one reviewer, the other was there since creation": (
        [asked(hours(4), "gone")],
        [row(ANN), row(BEN)],
        False,
        ReviewStart(CREATED, False),
    ),
    "an unknown name that was removed again explains nobody": (
        [asked(hours(4), "gone"), removed(hours(5), "gone")],
        [row(ANN)],
        False,
        ReviewStart(CREATED, False),
    ),
    "a note before the merge request is left aside": (
        [asked(hours(-4), "ann"), asked(hours(6), "ben")],
        [],
        True,
        ReviewStart(hours(6), False),
    ),
    "one note asks one and removes another": (
        [ReviewNote(hours(5), ("ben",), ("ann",))],
        [row(BEN, hours(5))],
        True,
        ReviewStart(CREATED, False),
    ),
    "unknown names count, bot-like ones do not": (
        [asked(hours(1), "project_7_bot_x"), asked(hours(2), "gone")],
        [],
        True,
        ReviewStart(hours(2), False),
    ),
}


def merge_request(number: int, case: str) -> MergeRequest:
    notes, reviewers, rows_read, _ = CASES[case]
    return MergeRequest(
        id=number,
        project_id=1,
        author_id=AUTHOR,
        state="opened",
        created_at=CREATED,
        updated_at=CREATED,
        reviewer_rows_read=rows_read,
        requests=notes,
        reviewers=reviewers,
    )


@pytest.mark.parametrize("case", CASES)
def test_review_start(case: str) -> None:
    request = merge_request(1, case)
    expected = CASES[case][3]
    [found] = derived([request], WORLD)
    assert ReviewStart(found.review_started_at, found.review_start_inferred) == expected
    assert plain(request, WORLD) == found  # what other tests hold it against


def test_merge_requests_of_one_portion_know_nothing_of_each_other() -> None:
    found = derived([merge_request(number, case) for number, case in enumerate(CASES)], WORLD)
    assert [
        ReviewStart(facts.review_started_at, facts.review_start_inferred) for facts in found
    ] == [expected for *_, expected in CASES.values()]
