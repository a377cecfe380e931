"""When a review began, case by case of the definition."""

from datetime import UTC, datetime, timedelta

import pytest

from app.metrics.review_start import PresentReviewer, ReviewNote, ReviewStart, review_start

CREATED = datetime(2024, 3, 1, 12, tzinfo=UTC)
AUTHOR, ANN, BEN, BOT = 1, 2, 3, 4
NAMES = {"author": AUTHOR, "ann": ANN, "ann.old": ANN, "ben": BEN, "robo": BOT}


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


@pytest.mark.parametrize("case", CASES)
def test_review_start(case: str) -> None:
    notes, reviewers, rows_read, expected = CASES[case]

    def eligible(who: int | str) -> bool:
        return who not in {AUTHOR, BOT} and not (isinstance(who, str) and "_bot_" in who)

    found = review_start(
        CREATED, notes, reviewers, rows_read=rows_read, resolve=NAMES.get, eligible=eligible
    )
    assert found == expected
