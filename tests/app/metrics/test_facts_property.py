"""Facts of a portion at once equal those that the definitions give one by one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.settings import glob_pattern

from .plain_facts import (
    MergeRequest,
    PresentReviewer,
    Reaction,
    ReviewNote,
    World,
    derived,
    plain,
)

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
# "ann" bore two names; "old" was borne by two, the younger of whom is flagged as a bot.
USERNAMES = {1: "ann", 2: "Ben", 3: "cy", 4: "robo", 5: "release-bot", 6: "dee"}
FORMER = [("ann.before", 1), ("old", 4), ("old", 3), ("ben", 2), ("ann", 6)]
NAMES = ["ann", "ben", "BEN", "cy", "robo", "release-bot", "dee", "ann.before", "old"]
STRANGERS = ["gone", "lost", "project_7_bot_x"]
ACCOUNTS = [*USERNAMES, 7]  # of 7 nothing is known

instants = st.integers(-3, 12).map(lambda hours: START + timedelta(hours=hours))
names = st.lists(st.sampled_from([*NAMES, *STRANGERS]), max_size=3)


@st.composite
def merge_requests(draw: st.DrawFn) -> MergeRequest:
    """Few instants and few people, so that everything coincides often."""
    notes = st.builds(ReviewNote, instants, names, names)
    reactions = st.builds(
        Reaction,
        instants,
        st.sampled_from([*ACCOUNTS, None]),
        st.sampled_from(["comment", "approved", "ready"]),
    )
    reviewers = st.builds(PresentReviewer, st.sampled_from(ACCOUNTS), st.none() | instants)
    return MergeRequest(
        id=draw(st.integers(1, 10**12)),
        project_id=draw(st.sampled_from([100, 101, 102])),
        author_id=draw(st.sampled_from([*ACCOUNTS, None])),
        state=draw(st.sampled_from(["opened", "locked", "merged", "closed"])),
        created_at=draw(instants),
        updated_at=draw(instants),
        merged_at=draw(st.none() | instants),
        closed_at=draw(st.none() | instants),
        draft=draw(st.booleans()),
        labels=draw(st.sampled_from([(), ("bug",), ("x", "community CONTRIBUTION")])),
        merge_user_id=draw(st.sampled_from([*ACCOUNTS, None])),
        reviewer_rows_read=draw(st.booleans()),
        deleted_at=draw(st.sampled_from([None, None, None, START])),
        requests=sorted(draw(st.lists(notes, max_size=4)), key=lambda note: note.created_at),
        reactions=draw(st.lists(reactions, max_size=4)),
        reviewers=draw(st.lists(reviewers, max_size=3, unique_by=lambda each: each.account_id)),
        paths=draw(st.lists(st.sampled_from(["a.md", "b.py"]), max_size=2)),
    )


worlds = st.builds(
    World,
    usernames=st.just(USERNAMES),
    flagged=st.just(frozenset({4})),
    former=st.just(FORMER),
    in_scope=st.sampled_from([frozenset({100, 101}), frozenset()]),
    exclude_drafts=st.booleans(),
    handbook=st.sampled_from([{}, {100: (), 101: (glob_pattern("**.md"),)}]),
)


@given(st.lists(merge_requests(), max_size=6, unique_by=lambda request: request.id), worlds)
@hypothesis_settings(max_examples=150)
def test_facts_equal_the_definitions(requests: list[MergeRequest], world: World) -> None:
    expected = [plain(request, world) for request in sorted(requests, key=lambda each: each.id)]
    assert derived(requests, world) == expected
