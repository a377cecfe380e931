"""342 real exchanges with gitlab.com: what was answered is read, and what was refused is said."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from app.settings import GitLabSettings
from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import (
    ForbiddenError,
    GitLabError,
    NotFoundError,
    QueryRefusedError,
    SourceError,
    TokenRefusedError,
)
from collectors.gitlab.notes import read_note
from collectors.gitlab.records import MergeRequestRecord, NoteRecord, read_account
from collectors.record import read
from collectors.source import Counters
from demo.gitlab import GitLabFake, World
from demo.recorded import Exchange, exchanges, load_exchanges, merge_requests, notes, users
from tests.conftest import require_shared
from tests.realdata.conftest import NewDatabase, Site, site

THROUGH = datetime(2024, 12, 1, tzinfo=UTC)
GROUPS = ("packit-service", "mfocko", "nikromen", "jscotka", "lachmanfrantisek")
API = "/api/v4"
OF_THE_CONNECTION = {"connection", "content-encoding", "content-length", "transfer-encoding"}
"""Headers of the way the answer came, not of the answer."""


@pytest.fixture(scope="module")
def recorded() -> list[Exchange]:
    return exchanges(
        require_shared("data", "gitlab-recorded", "ogr-gitlab.com", "responses.jsonl.gz")
    )


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# What was answered ------------------------------------------------------------------------------


def test_every_merge_request_is_read(recorded: list[Exchange]) -> None:
    rows = list(merge_requests(recorded))
    assert len(rows) == 285
    for row in rows:
        told = read(MergeRequestRecord, row, notes_count=0, reviewer_rows_read=False)
        assert told == MergeRequestRecord(
            id=row["id"],
            project_id=row["target_project_id"],
            iid=row["iid"],
            author_id=row["author"]["id"],
            title=row["title"],
            web_url=row["web_url"],
            state=row["state"],
            draft=row["work_in_progress"],
            labels=tuple(sorted(row["labels"])),
            created_at=datetime.fromisoformat(row["created_at"]),
            updated_at=datetime.fromisoformat(row["updated_at"]),
            merged_at=instant(row["merged_at"]),
            closed_at=instant(row["closed_at"]),
            merge_user_id=(
                (row["merge_user"] if "merge_user" in row else row["merged_by"]) or {}
            ).get("id"),
            notes_count=0,
            reviewer_rows_read=False,
        )
    assert {row["state"] for row in rows} == {"opened", "closed", "merged"}
    # Both the answers of before 14.0, without `draft`, and those of today.
    assert {"draft" in row for row in rows} == {True, False}


def test_every_note_is_read(recorded: list[Exchange]) -> None:
    rows = list(notes(recorded))
    assert len(rows) == 207
    for row in rows:
        told = read_note(row, row["noteable_id"])
        if row["system"]:
            assert told is None, row["body"]
        else:
            assert told == NoteRecord(
                id=row["id"],
                merge_request_id=row["noteable_id"],
                author_id=row["author"]["id"],
                kind="comment",
                created_at=datetime.fromisoformat(row["created_at"]),
            )
    assert {row["system"] for row in rows} == {True, False}


def test_every_user_and_member_is_read(recorded: list[Exchange]) -> None:
    rows = list(users(recorded))
    nested: list[dict[str, Any]] = []
    for row in (*merge_requests(recorded), *notes(recorded)):
        for name in ("author", "merged_by", "merge_user", "closed_by"):
            nested += [row[name]] if row.get(name) else []
        for name in ("assignees", "reviewers"):
            nested += row.get(name) or []
    assert sum("access_level" in row for row in rows) == 46
    assert len(rows) == 73
    assert len(nested) > 500
    for row in (*rows, *nested):
        told = read_account(row)
        assert (told.id, told.username, told.name) == (row["id"], row["username"], row["name"])
        assert told.bot == row.get("bot", False)


@pytest.fixture(scope="module")
def collected(
    recorded: list[Exchange],
    new_database: NewDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    files = tmp_path_factory.mktemp("organisation")
    (files / "teams.yaml").write_text("- {slug: ogr, name: Ogr, owns: []}\n", encoding="utf-8")
    for name, header in (
        ("people", "person_id,name,email,gitlab_username,gender"),
        ("employment", "person_id,start_date,end_date,termination_type"),
        ("memberships", "person_id,team,role,valid_from,valid_to"),
    ):
        (files / f"{name}.csv").write_text(f"{header}\n", encoding="utf-8")
    with site(load_exchanges(recorded), new_database(), GROUPS, files) as it:
        done = it.collect(THROUGH)
        assert (done.gitlab.outcome, done.gitlab.quarantined) == ("done", 0)
        yield it


def test_graphql_tells_the_same_of_each_as_rest_told_last(
    collected: Site, recorded: list[Exchange]
) -> None:
    last: dict[int, dict[str, Any]] = {}
    for row in sorted(merge_requests(recorded), key=lambda row: row["updated_at"]):
        last[row["id"]] = row
    assert len(last) == 92

    def told(text: str | None) -> datetime | None:
        """GraphQL tells whole seconds."""
        at = instant(text)
        return at.replace(microsecond=0) if at else None

    stored = collected.rows(
        "SELECT m.id, p.id, iid, a.username, title, state, labels, m.created_at, m.updated_at,"
        " merged_at, closed_at FROM merge_requests m JOIN projects p ON p.id = m.project_id"
        " JOIN accounts a ON a.id = m.author_id"
    )
    assert sorted(stored) == sorted(
        (
            row["id"],
            row["target_project_id"],
            row["iid"],
            row["author"]["username"],
            row["title"],
            row["state"],
            sorted(row["labels"]),
            *(told(row[f"{name}_at"]) for name in ("created", "updated", "merged", "closed")),
        )
        for row in last.values()
    )
    spoken = {
        row["id"]
        for row in notes(recorded)
        if row["noteable_type"] == "MergeRequest" and not row["system"]
    }
    assert {number for (number,) in collected.rows("SELECT id FROM notes")} == spoken


# What was refused -------------------------------------------------------------------------------


@pytest.fixture
def fake() -> GitLabFake:
    return GitLabFake(World())


@pytest.fixture
def client(fake: GitLabFake) -> Iterator[GitLabClient]:
    with fake.serving() as url:
        client = GitLabClient(GitLabSettings(url=url), fake.token, Counters())
        yield client
        client.close()


KINDS: dict[int, tuple[type[GitLabError], str, str]] = {
    400: (QueryRefusedError, "refuses to tell", "HTTP 400"),
    401: (TokenRefusedError, "does not accept the token", "scope read_api"),
    403: (ForbiddenError, "forbids reading", "access"),
    404: (NotFoundError, "does not have", "does not show it"),
    409: (QueryRefusedError, "refuses to tell", "HTTP 409"),
}
"""By status: what the collector does about it, and words of the sentence."""


def said(body: Any) -> str:
    """A distinctive word of what GitLab answered."""
    message = body["message"]
    while not isinstance(message, str):
        message = next(iter(message.values() if isinstance(message, dict) else message))
    return str(message)


def test_every_refusal_becomes_our_sentence(
    recorded: list[Exchange], fake: GitLabFake, client: GitLabClient
) -> None:
    """The recorded answer, with its headers, to the recorded address; writing is asked as reading."""
    refusals = [each for each in recorded if each.status >= 400]
    assert len(refusals) == 24
    assert {each.status for each in refusals} == KINDS.keys()
    for each in refusals:
        address = urlsplit(each.url)
        headers = {
            name: value
            for name, value in each.headers.items()
            if name.lower() not in OF_THE_CONNECTION
        }
        fake.forget_requests()
        fake.fail_next(each.status, headers=headers, body=each.body)
        about = f"what lies at {address.path}"

        with pytest.raises(GitLabError) as caught:
            client.rest(address.path.removeprefix(API), "recorded", about=about)

        kind, words, hint = KINDS[each.status]
        sentence = str(caught.value)
        assert type(caught.value) is kind
        assert words in sentence
        assert hint in sentence
        assert said(each.body) in sentence
        assert (about in sentence) == (each.status != 401)
        assert fake.token not in sentence
        assert "\n" not in sentence
        # A wrong token ends the run, anything else only what was asked for; none is asked again.
        assert isinstance(caught.value, SourceError) == (each.status == 401)
        asked = [unquote(urlsplit(request.path).path) for request in fake.requests]
        assert asked == [unquote(address.path)]
