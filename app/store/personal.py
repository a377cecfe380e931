"""What every column of every table says about people: one explicit list, from which docs/privacy.md is drawn.

A test holds it against the tables: a column that is not here is not finished.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Forgetting(StrEnum):
    """What becomes of a column of somebody who is forgotten."""

    PSEUDONYM = "a pseudonym takes its place"
    REMOVED = "removed"
    REDUCED = "only what the shares are counted by stays"
    REDACTED = "a pseudonym where it names them"
    STAYS = "stays, and leads to the pseudonym"
    FREE = "stays as it is; `forget` lists what names them"
    TIME = "stays until its time is over"


PSEUDONYM, REMOVED, REDUCED, REDACTED, STAYS, FREE, TIME = Forgetting


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One table.

    why: what it is for. until: how long rows are kept. personal: the columns that say something about
    a person, or can, with what becomes of them. other: the columns that do not.
    """

    table: str
    why: str
    until: str
    personal: Mapping[str, Forgetting] = field(default_factory=dict)
    other: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are classified."""
        return (*self.personal, *self.other)


TOLD = "as long as their source tells it; of the forgotten for good"
WITH_WORK = "with the merge requests"
DERIVED = "made anew by every refresh from the rows above"
HISTORY = "for good: it is the history"

HELD: tuple[Held, ...] = (
    # People.
    Held(
        table="people",
        why="who counts in a team, and what the shares of diversity count",
        until=TOLD,
        personal={
            "person_id": PSEUDONYM,
            "name": PSEUDONYM,
            "email": REMOVED,
            "attributes": REDUCED,
        },
        other=("source",),
    ),
    Held(
        table="identities",
        why="whose work a merge request is",
        until=TOLD,
        personal={"username": PSEUDONYM, "person_id": PSEUDONYM},
        other=("source",),
    ),
    Held(
        table="employment",
        why="hires, leavers, retention, and who answers the community for us",
        until=TOLD,
        personal={
            "person_id": PSEUDONYM,
            "start_date": STAYS,
            "end_date": STAYS,
            "termination_type": STAYS,
        },
        other=("source",),
    ),
    Held(
        table="memberships",
        why="to which team work and people count on a day, and who leads it",
        until=TOLD,
        personal={
            "person_id": PSEUDONYM,
            "team": STAYS,
            "valid_from": STAYS,
            "valid_to": STAYS,
            "role": STAYS,
        },
        other=("source",),
    ),
    Held(
        table="teams",
        why="the tree; a team that the HR system calls after its manager has the manager’s name",
        until=HISTORY,
        personal={"slug": REDACTED, "name": REDACTED, "parent": REDACTED},
        other=("id", "owns", "source", "removed_at"),
    ),
    # Work.
    Held(
        table="accounts",
        why="authors, reviewers and who merged, as the evidence names them; who is a bot",
        until=WITH_WORK,
        personal={"id": STAYS, "username": PSEUDONYM, "name": PSEUDONYM, "email": REMOVED},
        other=("bot", "vanished_at", "dirty"),
    ),
    Held(
        table="former_usernames",
        why="a name in an old note still means the same account after it was renamed",
        until=WITH_WORK,
        personal={"account_id": STAYS, "username": PSEUDONYM},
    ),
    Held(
        table="merge_requests",
        why="what the indicators of work count, and the list behind each number",
        until="for good; what GitLab has no longer is marked as deleted and counts no more",
        personal={
            "author_id": STAYS,
            "merge_user_id": STAYS,
            "title": FREE,
            "labels": FREE,
            "web_url": FREE,
        },
        other=(
            *("id", "project_id", "iid", "state", "draft", "created_at", "updated_at"),
            *("merged_at", "closed_at", "changed_paths_read", "notes_count"),
            *("reviewer_rows_read", "deleted_at", "dirty"),
        ),
    ),
    Held(
        table="reviewers",
        why="when a review began",
        until=WITH_WORK,
        personal={"account_id": STAYS, "created_at": STAYS},
        other=("merge_request_id",),
    ),
    Held(
        table="notes",
        why="when a review was asked for and when somebody answered; never what was written",
        until=WITH_WORK,
        personal={
            "author_id": STAYS,
            "created_at": STAYS,
            "requested": PSEUDONYM,
            "removed": PSEUDONYM,
            "names": PSEUDONYM,
        },
        other=("id", "merge_request_id", "kind", "early"),
    ),
    Held(
        table="projects",
        why="where work happened; a project of a person’s own has their username in its path",
        until=HISTORY,
        personal={"path": FREE, "name": FREE, "web_url": FREE},
        other=("id", "archived", "unreachable_since", "dirty"),
    ),
    Held(
        table="changed_paths",
        why="whether a merge request changed the handbook; read of handbook projects only",
        until=WITH_WORK,
        personal={"path": FREE},
        other=("merge_request_id",),
    ),
    # What is derived from them.
    Held(
        table="merge_request_facts",
        why="a merge request as the indicators see it",
        until=DERIVED,
        personal={"author_id": STAYS, "responses": STAYS},
        other=(
            *("merge_request_id", "project_id", "created_at", "review_started_at", "ended_at"),
            *("merged_at", "draft", "ready_at", "first_engaged_at", "handbook", "counted"),
            *("community", "end_estimated", "review_start_inferred", "left_out"),
        ),
    ),
    Held(
        table="team_member_spans",
        why="who counts in a team on a day",
        until=DERIVED,
        personal={
            "team_id": STAYS,
            "person_id": PSEUDONYM,
            "first_day": STAYS,
            "end_day": STAYS,
        },
    ),
    Held(
        table="attribution_spans",
        why="to which team an account’s work counts on a day",
        until=DERIVED,
        personal={
            "account_id": STAYS,
            "team_id": STAYS,
            "first_day": STAYS,
            "end_day": STAYS,
            "orphaned": STAYS,
        },
    ),
    Held(
        table="changed_merge_requests",
        why="which merge requests the next refresh has to look at",
        until=DERIVED,
        other=("id", "transaction"),
    ),
    Held(
        table="considered",
        why="employment and what was declared as the last refresh saw it, to notice what changed",
        until=DERIVED,
        personal={"key": PSEUDONYM, "content": PSEUDONYM},
        other=("kind", "first_day"),
    ),
    Held(
        table="project_owners",
        why="which team owns a project",
        until=DERIVED,
        other=("project_id", "team_id"),
    ),
    # Values, which are of teams; nobody is in them.
    Held(
        table="indicator_values",
        why="the values of teams, and what they were before they were corrected",
        until=HISTORY,
        other=(
            *("id", "indicator", "variant", "team_id", "period", "value", "n", "numerator"),
            *("denominator", "p25", "p75", "p95", "reason", "partial", "beside", "recorded_at"),
            *("superseded_at", "superseded_reason"),
        ),
    ),
    Held(
        table="daily_values",
        why="the values of teams on days that are over",
        until=HISTORY,
        other=(
            *("indicator", "variant", "team_id", "month", "n", "value", "p25", "p75", "p95"),
            "recorded_at",
        ),
    ),
    Held(
        table="coverages",
        why="which part of all work could be attributed to a team",
        until=HISTORY,
        other=(
            *("id", "indicator", "period", "attributed", "total", "partial", "recorded_at"),
            *("superseded_at", "superseded_reason"),
        ),
    ),
    Held(
        table="targets",
        why="what teams want to reach",
        until="as long as targets.csv says so",
        other=("indicator", "team", "valid_from", "value"),
    ),
    # What is to be hired: nobody who applies is known here.
    Held(
        table="plan",
        why="planned headcount",
        until="as long as plan.csv says so",
        other=("team", "month", "planned_headcount"),
    ),
    Held(
        table="openings",
        why="places to be filled",
        until="as long as their source tells them",
        other=(
            *("source", "opening_id", "team", "opened_on", "target_start_on", "closed_on"),
            "close_reason",
        ),
    ),
    Held(
        table="offers",
        why="offers that were accepted and have not begun; who the candidate is, is not read",
        until="as long as their source tells them",
        other=(
            *("source", "offer_id", "opening_id", "team", "status", "accepted_on", "starts_on"),
        ),
    ),
    # How collecting goes.
    Held(
        table="runs",
        why="what a run of a collector did; its sentence may repeat a name that a source told",
        until=HISTORY,
        personal={"message": REDACTED},
        other=(
            *("id", "source", "kind", "started_at", "finished_at", "outcome", "data_through"),
            *("requests", "requests_by_kind", "rows_read", "rows_new", "rows_changed"),
            *("rows_deleted", "quarantined", "retries", "waited_seconds", "seconds"),
        ),
    ),
    Held(
        table="quarantined_records",
        why="what could not be read, and why; the address of an HR record has its number in it",
        until="until it can be read",
        personal={"address": STAYS, "reason": REDACTED},
        other=("source", "kind", "seen_at"),
    ),
    Held(
        table="work_items",
        why="pieces of a run that were handed out; their sentences, as those of runs",
        until="until the next run of the source begins",
        personal={"ended_run": REDACTED, "failures": REDACTED, "remarks": REDACTED},
        other=(
            *("id", "run_id", "kind", "fields", "job_id", "holder", "attempts", "counts"),
            "finished_at",
        ),
    ),
    Held(
        table="refresh_items",
        why="groups of teams that workers compute: numbers of accounts with instants, as the facts",
        until="until the refresh ends, or the next one begins",
        personal={"content": STAYS},
        other=("id", "release", "begun_at", "outcome"),
    ),
    Held(
        table="positions",
        why="how far a source was read",
        until="as long as it is collected",
        other=("source", "scope", "through", "complete"),
    ),
    Held(
        table="marks",
        why="which merge request a webhook said has changed",
        until="until it was read",
        other=("source", "project_id", "iid", "seen_at"),
    ),
    Held(
        table="rate_limits",
        why="what is left of a token’s requests",
        until="overwritten",
        other=(
            *("fingerprint", "per_window", "remaining", "resets_at", "window", "guessed"),
            "quiet_until",
        ),
    ),
    Held(
        table="refresh_state",
        why="what the values were computed with",
        until="overwritten",
        other=(
            *("id", "configuration", "organisation", "definitions", "data_through"),
            *("refreshed_at", "seconds"),
        ),
    ),
    Held(
        table="changes",
        why="which transactions changed an answer",
        until="minutes",
        other=("transaction", "at"),
    ),
    Held(
        table="alert_states",
        why="what was told of a team’s indicator or of a source",
        until="overwritten",
        other=("team", "kind", "key", "state", "since", "told"),
    ),
    # Who comes in.
    Held(
        table="sessions",
        why="who is signed in and where, as the provider and the browser say",
        until="until it ends: `auth.session_hours`, `auth.idle_minutes`",
        personal={
            "subject": REMOVED,
            "provider_session": REMOVED,
            "name": REMOVED,
            "email": REMOVED,
            "username": REMOVED,
            "groups": REMOVED,
            "created_at": REMOVED,
            "last_seen_at": REMOVED,
            "address": REMOVED,
            "browser": REMOVED,
        },
        other=("id_hash", "expires_at"),
    ),
    Held(
        table="api_tokens",
        why="what scripts show, and who made it",
        until=HISTORY,
        personal={"created_by": STAYS, "created_by_name": PSEUDONYM, "name": FREE},
        other=(
            *("id", "hash", "role", "teams", "created_at", "expires_at", "last_used_at"),
            "revoked_at",
        ),
    ),
    Held(
        table="audit_events",
        why="who signed in, looked at people, exported or changed something; it is never changed",
        until="`auth.audit_days`",
        personal={
            "at": TIME,
            "actor": TIME,
            "actor_name": TIME,
            "object": TIME,
            "details": TIME,
            "address": TIME,
        },
        other=("id", "action"),
    ),
    # Who was forgotten.
    Held(
        table="forgotten_traces",
        why="to recognise who was forgotten when a source tells of them again: keyed hashes",
        until=HISTORY,
        personal={"digest": STAYS},
        other=("kind", "pseudonym", "alias", "claims", "learned_at"),
    ),
    Held(
        table="forgotten_key",
        why="what those hashes are made with",
        until=HISTORY,
        other=("id", "key"),
    ),
)
