"""What a source tells of somebody who was forgotten → the same under their pseudonym, before it is stored.

`storing` hands every batch through here, so that no source can bring a name back. What tells the
numbers stays: whose an account is, who was in which team when, what was declared for the shares.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.derive_organisation import CLAIMS
from app.store.forgotten import NOBODY, TEAM, Forgotten, Trace, borne_now, take_account
from app.store.tables import (
    Account,
    Base,
    Employment,
    FormerUsername,
    Identity,
    Membership,
    Note,
    Person,
    Team,
)
from collectors.record import Batch, Refused

OF_A_PERSON = ("people", "identities", "employment", "memberships")


class Pseudonyms:
    """Rewrites a batch in the session's transaction, in which it is going to be stored.

    kept: the declared attribute that the shares are counted by; of the forgotten no other is kept.
    """

    def __init__(self, session: Session, batch: Batch, kept: str) -> None:
        self._session = session
        self._given = batch
        # Of every kind: its table says which fields a record has.
        self._told: Sequence[Any] = batch.records
        self._kept = kept
        self._forgotten = Forgotten.shared(session)
        self.batch = batch if not self._forgotten else self._rewritten()

    def spared(self, table: str) -> list[str]:
        """The person_ids whose rows stay in a table although a batch that is complete does not have
        them: of the forgotten whom their source no longer tells, for they still count. Whose an
        account is stays in any case."""
        if not self._forgotten or table not in OF_A_PERSON:
            return []
        everybody = self._forgotten.pseudonyms
        if table == Identity.__tablename__:
            return sorted(everybody)
        records: Sequence[Any] = self.batch.records
        told = {record.person_id for record in records if record.table is Person}
        return sorted(everybody - told)

    def _rewritten(self) -> Batch:
        records: Sequence[Any] = self._told
        # Managers first, for teams may have their names; accounts next, for their usernames may be new.
        self._learn_teams()
        for first in (True, False):
            records = [
                self._written(record) if (record.table is Account) is first else record
                for record in records
            ]
        return replace(
            self._given,
            records=records,
            refused=[self._refused(refused) for refused in self._given.refused],
        )

    def _written(self, record: Any) -> Any:
        rule = RULES.get(record.table)
        return self._of_team(record if rule is None else rule(self, record))

    def _refused(self, refused: Refused) -> Refused:
        return replace(refused, reason=self._forgotten.redacted(refused.reason))

    # People -------------------------------------------------------------------------------------

    def person(self, record: Any) -> Any:
        """A person, with nothing of them but what the shares are counted by."""
        trace = self._forgotten.find("person", record.person_id)
        if trace is None:
            return record
        self._forgotten.learn_name(record.name, trace.pseudonym)
        if record.email and self._forgotten.find("email", record.email) is None:
            others = text(
                "SELECT EXISTS (SELECT FROM people WHERE lower(email) = lower(:email)"
                " AND person_id <> :pseudonym)"
            )
            asked = {"email": record.email, "pseudonym": trace.pseudonym}
            self._forgotten.learn(
                "email",
                record.email,
                trace.pseudonym,
                trace.pseudonym,
                claims=not self._session.scalar(others, asked),
            )
        return replace(
            record,
            person_id=trace.alias,
            name=trace.pseudonym,
            email=None,
            attributes={
                name: value for name, value in record.attributes.items() if name == self._kept
            },
        )

    def of_person(self, record: Any) -> Any:
        """Days of employment or of membership."""
        trace = self._forgotten.find("person", record.person_id)
        return record if trace is None else replace(record, person_id=trace.alias)

    def identity(self, record: Any) -> Any:
        """Whose an account is: under the alias of the account."""
        trace = self._forgotten.find("person", record.person_id)
        if trace is None:
            return record
        return replace(
            record, person_id=trace.alias, username=self._username(record.username, trace)
        )

    def _username(self, username: str, person: Trace) -> str:
        """The alias of a username that a forgotten person is said to have."""
        known = self._forgotten.find("username", username)
        if known is not None and known.pseudonym == person.pseudonym:
            return known.alias
        account = self._session.scalar(
            text("SELECT min(id) FROM accounts WHERE lower(username) = :username"),
            {"username": username},
        )
        if known is not None or self._is_anothers(username, account):
            return f"{person.pseudonym}-{NOBODY}"
        alias = self._forgotten.next_alias(person.pseudonym)
        if account is None:
            self._forgotten.learn("username", username, person.pseudonym, alias, claims=True)
        else:
            take_account(self._session, self._forgotten, account, person.pseudonym, alias)
        return alias

    def _is_anothers(self, username: str, account: int | None) -> bool:
        """Whether a username, or the account that bears it, is said to be somebody else's."""
        if self._session.scalar(
            text("SELECT EXISTS (SELECT FROM identities WHERE username = :username)"),
            {"username": username},
        ):
            return True
        claimed = text(f"{CLAIMS} SELECT EXISTS (SELECT FROM claims WHERE account_id = :account)")  # noqa: S608 - a part of our own
        return account is not None and bool(self._session.scalar(claimed, {"account": account}))

    # Accounts -----------------------------------------------------------------------------------

    def account(self, record: Any) -> Any:
        """A GitLab user; what tells no username tells nothing of a person."""
        if not hasattr(record, "username"):
            return record
        trace = self._forgotten.find("account", record.id) or self._seen_first(record)
        if trace is not None:
            self._forgotten.learn("username", record.username, trace.pseudonym, trace.alias)
            return replace(record, username=trace.alias, name=trace.pseudonym, email=None)
        if self._forgotten.find("email", record.email) is not None:
            return replace(record, email=None)
        return record

    def _seen_first(self, record: Any) -> Trace | None:
        """What stands for an account that is seen under a forgotten person's name or address for the
        first time; None: it is not theirs. One that is known as somebody else's stays so."""
        named = self._forgotten.find("username", record.username)
        if named is not None and named.claims:
            if self._is_anothers(record.username.lower(), record.id):
                return None
            self._forgotten.learn("username", record.username, named.pseudonym, named.alias)
            return self._taken(record.id, named.pseudonym, named.alias)
        addressed = self._forgotten.find("email", record.email)
        if addressed is None or not addressed.claims or record.bot:
            return None
        if self._is_anothers(record.username.lower(), record.id):
            return None
        alias = self._forgotten.next_alias(addressed.pseudonym)
        self._session.execute(
            text(
                "INSERT INTO identities (source, username, person_id)"
                " SELECT source, :alias, person_id FROM effective_people WHERE person_id = :person"
                " ON CONFLICT DO NOTHING"
            ),
            {"alias": alias, "person": addressed.pseudonym},
        )
        return self._taken(record.id, addressed.pseudonym, alias)

    def _taken(self, account: int, pseudonym: str, alias: str) -> Trace:
        is_stored = text("SELECT EXISTS (SELECT FROM accounts WHERE id = :account)")
        if self._session.scalar(is_stored, {"account": account}):
            take_account(self._session, self._forgotten, account, pseudonym, alias)
        else:
            self._forgotten.learn("account", account, pseudonym, alias)
        return Trace(pseudonym, alias, claims=False)

    def former_username(self, record: Any) -> Any:
        """A username of an account, which has one name from now on."""
        trace = self._forgotten.find("account", record.account_id)
        return record if trace is None else replace(record, username=trace.alias)

    # Notes --------------------------------------------------------------------------------------

    def note(self, record: Any) -> Any:
        """A note with the names that are in it."""
        if not record.names or not self._aliases.keys() & set(record.names):
            return record
        return replace(
            record,
            **{
                column: tuple(self._aliases.get(name, name) for name in getattr(record, column))
                for column in ("requested", "removed", "names")
            },
        )

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        """What stands for each username in the notes of the batch. One that somebody else bears by now
        means them, also in old notes: so it does where nobody was forgotten."""
        names = {name for told in self._told if told.table is Note for name in told.names}
        found = {
            name: trace.alias
            for name in names
            if (trace := self._forgotten.find("username", name)) is not None
        }
        borne = borne_now(self._session, found) | {
            told.username.lower()
            for told in self._told
            if told.table is Account
            and hasattr(told, "username")
            and self._forgotten.find("account", told.id) is None
        }
        return {name: alias for name, alias in found.items() if name not in borne}

    # Teams that are named after their managers ------------------------------------------------------

    def team(self, record: Any) -> Any:
        """A team; under an alias if a forgotten manager's name is its own."""
        trace = self._forgotten.find("team", record.slug)
        above = self._forgotten.find("team", record.parent)
        return replace(
            record,
            slug=record.slug if trace is None else trace.alias,
            name=record.name if trace is None else trace.alias,
            parent=record.parent if above is None else above.alias,
        )

    def _of_team(self, record: Any) -> Any:
        trace = self._forgotten.find("team", getattr(record, "team", None))
        return record if trace is None else replace(record, team=trace.alias)

    def _learn_teams(self) -> None:
        names = {
            told.person_id: (told.name, trace.pseudonym)
            for told in self._told
            if told.table is Person
            and (trace := self._forgotten.find("person", told.person_id)) is not None
        }
        if not names:
            return
        led = {
            told.team: names[told.person_id]
            for told in self._told
            if told.table is Membership and told.role == "manager" and told.person_id in names
        }
        for told in self._told:
            if told.table is not Team or told.slug not in led or told.source == "files":
                continue
            name, pseudonym = led[told.slug]
            if told.name == name and self._forgotten.find("team", told.slug) is None:
                alias = self._forgotten.next_alias(pseudonym, TEAM)
                self._forgotten.learn("team", told.slug, pseudonym, alias)


RULES: Mapping[type[Base], Callable[[Pseudonyms, Any], Any]] = {
    Account: Pseudonyms.account,
    Employment: Pseudonyms.of_person,
    FormerUsername: Pseudonyms.former_username,
    Identity: Pseudonyms.identity,
    Membership: Pseudonyms.of_person,
    Note: Pseudonyms.note,
    Person: Pseudonyms.person,
    Team: Pseudonyms.team,
}
"""By the table that a record feeds: what it tells of people. What feeds another one tells of nobody."""
