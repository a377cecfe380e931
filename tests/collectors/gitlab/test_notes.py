"""What the text of a note tells."""

from typing import Any

import pytest

from collectors.gitlab.notes import NoteMeaning, meaning, open_requests, read_note
from collectors.gitlab.records import NoteRecord
from collectors.record import RecordError, instant


def request(*requested: str, removed: tuple[str, ...] = ()) -> NoteMeaning:
    return NoteMeaning("review_request", requested, removed)


@pytest.mark.parametrize("action", ["reviewer", None])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("requested review from @ada", request("ada")),
        ("requested review from @ada and @ben", request("ada", "ben")),
        ("requested review from @ada, @ben, and @cleo", request("ada", "ben", "cleo")),
        ("requested review from @Ada.", request("ada")),
        ("requested review from @a.b-c_d and @x_y.", request("a.b-c_d", "x_y")),
        ("requested review from `@ada`", request("ada")),
        ("requested review from **@ada** and @ada", request("ada")),
        ("removed review request for @cleo", request(removed=("cleo",))),
        (
            "requested review from @ada and @ben and removed review request for @cleo",
            request("ada", "ben", removed=("cleo",)),
        ),
        (
            "removed review request for @cleo and requested review from @ada",
            request("ada", removed=("cleo",)),
        ),
        ("requested review from @ada, see mail to me@example.com", request("ada")),
    ],
)
def test_review_requests(body: str, action: str | None, expected: NoteMeaning) -> None:
    assert meaning(body, system=True, action=action) == expected


def test_a_translated_review_request_is_known_by_its_action() -> None:
    body = "hat eine Prüfung von @ada und @ben angefordert"

    assert meaning(body, system=True, action="reviewer") == request("ada", "ben")
    assert meaning(body, system=True, action=None) is None


@pytest.mark.parametrize(
    ("body", "action", "kind"),
    [
        ("approved this merge request", "approved", "approved"),
        ("approved this merge request", None, "approved"),
        ("unapproved this merge request", "unapproved", "unapproved"),
        ("unapproved this merge request", None, "unapproved"),
        ("hat diesen Merge Request genehmigt", "approved", "approved"),
        ("marked this merge request as **ready**", "title", "ready"),
        ("marked this merge request as ready", None, "ready"),
        ("marked this merge request as **draft**", "title", "draft"),
        ("marked this merge request as **draft** from 1a2b3c4", "draft", "draft"),
        ("unmarked as a **Work In Progress**", "title", "ready"),
        ("marked as a **Work In Progress**", None, "draft"),
        ("unmarked this merge request as a draft", None, "ready"),
    ],
)
def test_other_notes_that_are_read(body: str, action: str | None, kind: str) -> None:
    assert meaning(body, system=True, action=action) == NoteMeaning(kind)


@pytest.mark.parametrize(
    ("body", "action"),
    [
        ("assigned to @ada", "assignee"),
        ("assigned to @ada", None),
        ("changed title from **ready** to **marked as draft**", "title"),
        ("added 1 commit", "commit"),
        ("merged", None),
        ("mentioned in commit da1d6dea", "cross_reference"),
        ("changed the description, as @ada requested review from @ben", "description"),
        ("", None),
    ],
)
def test_system_notes_that_tell_nothing(body: str, action: str | None) -> None:
    assert meaning(body, system=True, action=action) is None


def test_what_people_write_is_a_comment_whatever_it_says() -> None:
    body = "requested review from @ada, marked this merge request as **ready**"

    assert meaning(body, system=False, action=None) == NoteMeaning("comment")


def graphql_note(**changes: Any) -> dict[str, Any]:
    return {
        "id": "gid://gitlab/Note/12",
        "body": "requested review from @Ada and removed review request for @ben",
        "createdAt": "2026-01-05T10:00:00+02:00",
        "system": True,
        "systemNoteMetadata": {"action": "reviewer"},
        "author": {"id": "gid://gitlab/User/3"},
        **changes,
    }


def test_a_note_of_graphql_is_read() -> None:
    assert read_note(graphql_note(), 7) == NoteRecord(
        id=12,
        merge_request_id=7,
        author_id=3,
        kind="review_request",
        created_at=instant("2026-01-05T08:00:00Z"),
        requested=("ada",),
        removed=("ben",),
        names=("ada", "ben"),
    )


def test_a_note_of_rest_and_one_without_author_are_read() -> None:
    rest = {
        "id": 12,
        "body": "Well done",
        "created_at": "2026-01-05T08:00:00.123Z",
        "system": False,
        "author": None,
    }

    found = read_note(rest, 7)

    assert found is not None
    assert (found.kind, found.author_id, found.created_at.microsecond) == ("comment", None, 123000)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "gid://gitlab/Note/x"}, "id is not a whole number: 'x'"),
        ({"body": None}, "body is null"),
        ({"body": 5}, "body is not a text: 5"),
        ({"system": "yes"}, "system is not true or false: 'yes'"),
        ({"createdAt": "yesterday"}, "createdAt is not a timestamp with a zone: 'yesterday'"),
        ({"createdAt": "2026-01-05T08:00:00"}, "createdAt is not a timestamp with a zone"),
        ({"systemNoteMetadata": {"action": 7}}, "systemNoteMetadata.action is not a text: 7"),
    ],
)
def test_a_note_that_cannot_be_read_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecordError) as error:
        read_note(graphql_note(**changes), 7)

    assert str(error.value).startswith(reason)


def test_a_field_that_disappeared_is_named() -> None:
    note = graphql_note()
    del note["author"]

    with pytest.raises(RecordError, match=r"author\.id is missing"):
        read_note(note, 7)


def test_open_requests_follow_the_order_of_time() -> None:
    def note(
        id_: int, hour: int, requested: tuple[str, ...], removed: tuple[str, ...] = ()
    ) -> NoteRecord:
        return NoteRecord(
            id=id_,
            merge_request_id=7,
            author_id=3,
            kind="review_request",
            created_at=instant(f"2026-01-05T{hour:02}:00:00Z"),
            requested=requested,
            removed=removed,
            names=(),
        )

    notes = [
        note(4, 12, (), ("ada",)),
        note(1, 9, ("ada", "ben")),
        note(3, 11, ("cleo",), ("ben",)),
        note(2, 10, (), ("cleo",)),
    ]

    assert open_requests(notes) == {"cleo"}
    assert open_requests(notes[1:3]) == {"ada", "cleo"}
