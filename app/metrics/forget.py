"""Somebody is forgotten: a pseudonym in place of their names everywhere, every number as it was.

Everything happens in the caller's transaction: all of it or nothing. Whose an account is, who was in
which team when, and what was declared for the shares stays under the pseudonym, so that no value
differs. `app.store.forgotten` keeps by what the person is recognised when a source tells of them again.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.bots import BotPatterns
from app.metrics.subjects import Subject, find
from app.metrics.unreached import Unreached, unreached
from app.settings import Settings
from app.store.engine import lock_key
from app.store.forgotten import (
    NOBODY,
    TEAM,
    Forgotten,
    Rewritten,
    count,
    rename_in_notes,
    take_account,
)

PREFIX = "forgotten-"
OF_A_PERSON = ("identities", "employment", "memberships")


@dataclass(slots=True)
class ForgetReport:
    """What was done.

    rows: rewritten ones by table. unreached: what names the person and stays. present: they are
    employed or in a team; only their source can tell when that ends. teams: slugs that were made of
    their name, with the new ones.
    """

    pseudonym: str
    subject: Subject
    rows: Mapping[str, int]
    unreached: list[Unreached]
    present: bool
    teams: Mapping[str, str] = field(default_factory=dict)


def forget(session: Session, settings: Settings, person: str) -> ForgetReport:
    """Puts a pseudonym in place of a person; the caller commits, or rolls back what was only tried.

    person: a person_id, an e-mail address, or a GitLab username (with @ before it nothing else).
    Raises ConfigurationError where nobody is meant, or more than one.
    """
    # A refresh that is under way would write what it has read before.
    session.execute(
        text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("refresh transaction")}
    )
    forgotten = Forgotten.alone(session)
    return _Forgetting(session, settings, forgotten, find(session, forgotten, person)).run()


class _Forgetting:
    """One person's; the steps depend on each other's order."""

    def __init__(
        self, session: Session, settings: Settings, forgotten: Forgotten, subject: Subject
    ) -> None:
        self._session = session
        self._forgotten = forgotten
        self._subject = subject
        self._kept = settings.diversity.attribute
        self._bots = BotPatterns(settings.gitlab.bots)
        self._pseudonym = self._new_pseudonym()
        self._done = Rewritten({})

    def run(self) -> ForgetReport:
        """Does all of it."""
        left, present = unreached(self._session, self._subject), self._is_present()
        teams: dict[str, str] = {}
        self._learn()
        for account in self._subject.accounts:
            self._account(account)
        self._count(
            "accounts",  # an address of theirs may stand at an account that is nobody's
            "UPDATE accounts SET email = NULL WHERE email = ANY(:emails)",
            emails=[email.lower() for email in self._subject.emails],
        )
        person_id = self._subject.person_id
        if person_id is not None:
            teams = self._teams(person_id)
            self._identities(person_id)
            self._person(person_id)
            self._derived(person_id)
        self._sentences()
        self._access()
        return ForgetReport(
            pseudonym=self._pseudonym,
            subject=self._subject,
            rows=dict(sorted(self._done.rows.items())),
            unreached=left,
            present=present,
            teams=teams,
        )

    def _new_pseudonym(self) -> str:
        """One that stands for nobody, and that nobody is called."""
        while True:
            made = PREFIX + secrets.token_hex(4)
            taken = self._session.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM people WHERE person_id = :made)"
                    " OR EXISTS (SELECT FROM former_usernames WHERE username = :made)"
                    " OR EXISTS (SELECT FROM forgotten_traces WHERE pseudonym = :made)"
                ),
                {"made": made},
            )
            if not taken:
                return made

    def _is_present(self) -> bool:
        asked = {"person": self._subject.person_id, "today": date.today()}  # noqa: DTZ011 - a hint
        return bool(
            self._session.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM effective_memberships WHERE person_id = :person"
                    "               AND coalesce(valid_to > :today, true))"
                    " OR EXISTS (SELECT FROM effective_employment WHERE person_id = :person"
                    "            AND coalesce(end_date >= :today, true))"
                ),
                asked,
            )
        )

    def _count(self, table: str, statement: str, **parameters: Any) -> None:
        self._done.add(table, count(self._session, statement, **parameters))

    # By what they are recognised ----------------------------------------------------------------

    def _learn(self) -> None:
        subject, pseudonym = self._subject, self._pseudonym
        if subject.person_id is not None:
            self._forgotten.learn("person", subject.person_id, pseudonym, pseudonym)
        for name in subject.names:
            self._forgotten.learn_name(name, pseudonym)
        for email in subject.emails:
            # What two people have tells of neither, and without a person there is nobody to tell of.
            people = self._session.scalar(
                text("SELECT count(*) FROM effective_people WHERE lower(email) = lower(:email)"),
                {"email": email},
            )
            claims = subject.person_id is not None and people == 1
            self._forgotten.learn("email", email, pseudonym, pseudonym, claims=claims)

    # Accounts -----------------------------------------------------------------------------------

    def _alias(self, username: str) -> str:
        """What stands for one more username; what is a bot by its name goes on to be one."""
        alias = self._forgotten.next_alias(self._pseudonym)
        return f"{alias}-bot" if self._bots.matches(username) else alias

    def _account(self, account: int) -> None:
        bears = text("SELECT username FROM accounts WHERE id = :account")
        alias = self._alias(self._session.scalars(bears, {"account": account}).one())
        done = take_account(self._session, self._forgotten, account, self._pseudonym, alias)
        for table, rows in done.rows.items():
            self._done.add(table, rows)
        # However the account was found to be theirs: by its alias it is from now on.
        self._session.execute(
            text(
                "INSERT INTO identities (source, username, person_id)"
                " SELECT source, :alias, person_id FROM effective_people WHERE person_id = :person"
            ),
            {"alias": alias, "person": self._subject.person_id},
        )

    def _identities(self, person_id: str) -> None:
        """The usernames that sources tell of the person, each under the alias of whom it means."""
        told = self._session.execute(
            text("SELECT source, username FROM identities WHERE person_id = :person"),
            {"person": person_id},
        )
        for source, username in told.all():
            if username.startswith(self._pseudonym):
                continue  # written a moment ago
            row = {"source": source, "username": username, "person": person_id}
            self._session.execute(
                text("DELETE FROM identities WHERE source = :source AND username = :username"), row
            )
            self._session.execute(
                text(
                    "INSERT INTO identities (source, username, person_id)"
                    " VALUES (:source, :alias, :person) ON CONFLICT DO NOTHING"
                ),
                row | {"alias": self._alias_of(username)},
            )

    def _alias_of(self, username: str) -> str:
        trace = self._forgotten.find("username", username)
        if trace is not None and trace.pseudonym == self._pseudonym:
            return trace.alias
        if username not in self._subject.usernames:
            return f"{self._pseudonym}-{NOBODY}"
        # GitLab has shown nobody of that name so far; when it does, it is the person.
        alias = self._alias(username)
        self._forgotten.learn("username", username, self._pseudonym, alias, claims=True)
        self._done.add("notes", rename_in_notes(self._session, {username: alias}))
        return alias

    # The person ---------------------------------------------------------------------------------

    def _person(self, person_id: str) -> None:
        moved = {"person": person_id, "pseudonym": self._pseudonym}
        # Rows about a person hang on theirs, which is therefore written first and deleted last.
        self._session.execute(
            text(
                """
                INSERT INTO people (source, person_id, name, email, attributes)
                SELECT source, :pseudonym, :pseudonym, NULL,
                       coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(attributes)
                                 WHERE key = :kept), '{}')
                FROM people WHERE person_id = :person
                """
            ),
            moved | {"kept": self._kept},
        )
        for table in OF_A_PERSON:
            self._count(
                table,
                f"UPDATE {table} SET person_id = :pseudonym WHERE person_id = :person",  # noqa: S608 - our own names
                **moved,
            )
        self._count("people", "DELETE FROM people WHERE person_id = :person", person=person_id)

    def _derived(self, person_id: str) -> None:
        """What a refresh has derived, as the next one will: it finds that nothing differs."""
        moved = {"person": person_id, "pseudonym": self._pseudonym}
        self._count(
            "team_member_spans",
            "UPDATE team_member_spans SET person_id = :pseudonym WHERE person_id = :person",
            **moved,
        )
        self._count(
            "considered",
            "UPDATE considered SET key = :pseudonym || substr(key, length(:person) + 1),"
            " content = jsonb_set(content, '{0}', to_jsonb(CAST(:pseudonym AS text)))"
            " WHERE kind = 'employment' AND content ->> 0 = :person",
            **moved,
        )
        self._count(
            "considered",
            "UPDATE considered SET key = :pseudonym WHERE kind = 'attribute' AND key = :person",
            **moved,
        )

    # Teams that are named after them ----------------------------------------------------------------

    def _teams(self, person_id: str) -> dict[str, str]:
        """Another name for the teams that an HR system calls after their manager; new slug by old."""
        led = self._session.scalars(
            text(
                "SELECT slug FROM teams t WHERE source <> 'files' AND name = ANY(:names)"
                " AND EXISTS (SELECT FROM memberships m WHERE m.team = t.slug"
                "             AND m.person_id = :person AND m.role = 'manager') ORDER BY slug"
            ),
            {"names": list(self._subject.names), "person": person_id},
        ).all()
        renamed = {}
        for slug in led:
            alias = renamed[slug] = self._forgotten.next_alias(self._pseudonym, TEAM)
            self._forgotten.learn("team", slug, self._pseudonym, alias)
            moved = {"slug": slug, "alias": alias}
            # What names the slug follows it.
            self._count(
                "teams", "UPDATE teams SET slug = :alias, name = :alias WHERE slug = :slug", **moved
            )
            self._count(
                "api_tokens",
                "UPDATE api_tokens SET teams = array_replace(teams, :slug, :alias)"
                " WHERE :slug = ANY(teams)",
                **moved,
            )
            self._count(
                "considered",
                "UPDATE considered SET key = :alias || substr(key, length(:slug) + 1)"
                " WHERE kind = 'tree' AND key = :slug OR kind = 'plan' AND content ->> 0 = :slug",
                **moved,
            )
            self._count(
                "considered",
                "UPDATE considered SET content = jsonb_set(content, '{0}', to_jsonb(CAST(:alias AS text)))"
                " WHERE kind IN ('tree', 'plan', 'opening', 'offer') AND content ->> 0 = :slug",
                **moved,
            )
        return renamed

    # Where they are quoted --------------------------------------------------------------------------

    @cached_property
    def _quoted(self) -> re.Pattern[str]:
        """Any of their names as a whole word."""
        any_of_them = "|".join(map(re.escape, self._subject.words)) or "(?!)"
        return re.compile(rf"(?<!\w)(?:{any_of_them})(?!\w)", re.IGNORECASE)

    def _redacted(self, content: Any) -> Any:
        """A text, or JSON with every text in it, without their names."""
        if isinstance(content, str):
            return self._forgotten.redacted(self._quoted.sub(self._pseudonym, content))
        if isinstance(content, dict):
            return {key: self._redacted(value) for key, value in content.items()}
        return [self._redacted(each) for each in content] if isinstance(content, list) else content

    def _sentences(self) -> None:
        """What runs say of them, and why a record of theirs could not be read."""
        # A piece of a run that is not done yet says nothing, and is held by who does it.
        for table, columns, among in (
            ("runs", ("message",), "true"),
            ("quarantined_records", ("reason",), "true"),
            ("work_items", ("failures", "remarks", "ended_run"), "finished_at IS NOT NULL"),
        ):
            told = " || ' ' || ".join(f"coalesce({column}::text, '')" for column in columns)
            rows = self._session.execute(
                text(
                    f"SELECT ctid::text, {', '.join(columns)} FROM {table}"  # noqa: S608 - our own names
                    f" WHERE {among} AND {told} ILIKE ANY(:patterns)"
                ),
                {"patterns": [f"%{_like(word)}%" for word in self._subject.words]},
            )
            for row, *contents in rows.all():
                written = dict(zip(columns, map(self._redacted, contents), strict=True))
                if list(written.values()) != contents:
                    self._count(
                        table,
                        f"UPDATE {table} SET {', '.join(f'{name} = :{name}' for name in columns)}"  # noqa: S608 - our own names
                        " WHERE ctid = CAST(:row AS tid)",
                        row=row,
                        **{
                            name: Jsonb(content) if isinstance(content, list) else content
                            for name, content in written.items()
                        },
                    )

    def _access(self) -> None:
        """They are signed out, and what they made no longer has their name.

        What was written down of who did what is never changed: it goes when its time is over.
        """
        subject = self._subject
        asked = {
            "emails": [email.lower() for email in subject.emails],
            "usernames": list(subject.usernames),
            "words": list(subject.words),
            "pseudonym": self._pseudonym,
        }
        self._count(
            "api_tokens",
            "UPDATE api_tokens SET created_by_name = :pseudonym WHERE created_by_name = ANY(:words)"
            " OR created_by IN (SELECT subject FROM sessions"
            "                   WHERE email = ANY(:emails) OR username = ANY(:usernames))",
            **asked,
        )
        self._count(
            "sessions",
            "DELETE FROM sessions WHERE email = ANY(:emails) OR username = ANY(:usernames)",
            **asked,
        )
        self._session.execute(
            text(
                "INSERT INTO audit_events (actor, action, object)"
                " VALUES ('program:teamgauge', 'person_forgotten', :pseudonym)"
            ),
            asked,
        )


def _like(word: str) -> str:
    """A word as a pattern of LIKE."""
    return re.sub(r"([\\%_])", r"\\\1", word)
