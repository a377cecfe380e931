"""What each role of the database may do with each table: one line for every table there is.

A program that only reads values cannot change them, whatever it is brought to execute. Who makes or
upgrades the tables owns them and may do everything. `app.store.roles` grants what stands here.
"""

from dataclasses import dataclass

NOTHING: tuple[str, ...] = ()
READ = ("SELECT",)
ADD = ("SELECT", "INSERT")
CHANGE = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class Privileges:
    """Of one table or view, in the words of GRANT.

    table: its name; a table of the queue with the schema before it. web: of the web server. collect: of
    what reads the sources and computes the indicators.
    """

    table: str
    web: tuple[str, ...]
    collect: tuple[str, ...]


PRIVILEGES: tuple[Privileges, ...] = (
    # What the sources told.
    Privileges("accounts", READ, CHANGE),
    Privileges("changed_paths", READ, CHANGE),
    Privileges("employment", READ, CHANGE),
    Privileges("former_usernames", READ, CHANGE),
    Privileges("identities", READ, CHANGE),
    Privileges("memberships", READ, CHANGE),
    Privileges("merge_requests", READ, CHANGE),
    Privileges("notes", READ, CHANGE),
    Privileges("offers", READ, CHANGE),
    Privileges("openings", READ, CHANGE),
    Privileges("people", READ, CHANGE),
    Privileges("plan", READ, CHANGE),
    Privileges("projects", READ, CHANGE),
    Privileges("reviewers", READ, CHANGE),
    Privileges("targets", READ, CHANGE),
    Privileges("teams", READ, CHANGE),
    # What holds where several of them speak of the same.
    Privileges("effective_employment", READ, READ),
    Privileges("effective_identities", READ, READ),
    Privileges("effective_memberships", READ, READ),
    Privileges("effective_openings", READ, READ),
    Privileges("effective_people", READ, READ),
    # What is derived and computed.
    Privileges("attribution_spans", READ, CHANGE),
    Privileges("changed_merge_requests", NOTHING, CHANGE),
    Privileges("considered", READ, CHANGE),
    Privileges("coverages", READ, CHANGE),
    Privileges("daily_values", READ, CHANGE),
    Privileges("indicator_values", READ, CHANGE),
    Privileges("merge_request_facts", READ, CHANGE),
    Privileges("period_values", READ, READ),
    Privileges("project_owners", READ, CHANGE),
    Privileges("refresh_items", NOTHING, CHANGE),
    Privileges("refresh_state", READ, CHANGE),
    Privileges("team_member_spans", READ, CHANGE),
    # How collecting goes.
    Privileges("alert_states", NOTHING, CHANGE),
    Privileges("positions", READ, CHANGE),
    Privileges("quarantined_records", READ, CHANGE),
    Privileges("rate_limits", NOTHING, CHANGE),
    Privileges("runs", READ, CHANGE),
    Privileges("work_items", NOTHING, CHANGE),
    # Triggers write here whatever is changed elsewhere.
    Privileges("changes", READ, CHANGE),
    # By what forgotten people are recognised; to forget one is for the owner.
    Privileges("forgotten_key", NOTHING, READ),
    Privileges("forgotten_traces", NOTHING, CHANGE),
    # Webhooks note what to read next, and have somebody read it.
    Privileges("marks", ("SELECT", "INSERT", "UPDATE"), CHANGE),
    Privileges("queue.procrastinate_jobs", ADD, CHANGE),
    Privileges("queue.procrastinate_events", ADD, CHANGE),
    Privileges("queue.procrastinate_periodic_defers", NOTHING, CHANGE),
    Privileges("queue.procrastinate_workers", NOTHING, CHANGE),
    # Who comes in, and what was done. Nobody changes the past; of what may be deleted a trigger sees to
    # it that it is old. That the web server may delete is for those before revision 0017, which do so.
    Privileges("sessions", CHANGE, NOTHING),
    Privileges("api_tokens", ("SELECT", "INSERT", "UPDATE"), NOTHING),
    Privileges("audit_events", ("SELECT", "INSERT", "DELETE"), ("INSERT",)),
    # Which revision all this is at.
    Privileges("alembic_version", READ, READ),
)


@dataclass(frozen=True, slots=True)
class Routine:
    """A function that does as its owner what its caller may not. signature: its name and parameters.

    web, collect: whether the web server may call it, and who collects; nobody else but the owner may.
    """

    signature: str
    web: bool
    collect: bool


ROUTINES: tuple[Routine, ...] = (
    Routine("delete_outdated(timestamp with time zone,integer)", web=False, collect=True),
)
