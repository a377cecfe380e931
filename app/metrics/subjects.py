"""Who is meant by a word on the command line: a person with their accounts, or an account alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.errors import ConfigurationError
from app.metrics.derive_organisation import person_of_account
from app.store.forgotten import OWN_NAMES, SHORTEST, Forgotten


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is meant: a person with their accounts, or an account of nobody who is known.

    names, emails: every one that is told of them. usernames: in lower case, those that mean them; one
    that somebody else bears by now does not.
    """

    person_id: str | None
    accounts: tuple[int, ...]
    names: frozenset[str]
    emails: frozenset[str]
    usernames: frozenset[str]

    @property
    def words(self) -> list[str]:
        """What a sentence may call them, the longest first. A number or two letters may be anything."""
        single = {*self.usernames, *({self.person_id} if self.person_id else ())}
        telling = {word for word in single if len(word) >= SHORTEST and not word.isdigit()}
        return sorted({*self.names, *self.emails, *telling}, key=lambda word: (-len(word), word))


UNSEEN = text(
    """
    SELECT i.username FROM identities i WHERE i.person_id = :person
      AND NOT EXISTS (SELECT FROM former_usernames f WHERE f.username = i.username)
      AND NOT EXISTS (SELECT FROM accounts a WHERE lower(a.username) = i.username)
      AND NOT EXISTS (SELECT FROM identities o
                      WHERE o.username = i.username AND o.person_id <> :person)
    """
)
"""Usernames that are told of a person, and of nobody else, under which GitLab has shown nobody."""


def find(session: Session, forgotten: Forgotten, person: str) -> Subject:
    """The one whom a word means. Raises ConfigurationError."""
    word = person.strip()
    _refuse_pseudonym(forgotten, word)
    owners = person_of_account(session)
    found: dict[str | int, str] = {}
    for how, people, accounts in (
        ("person_id", _people_by_id(session, word), []),
        ("e-mail address", *_by_email(session, word)),
        ("GitLab username", *_by_username(session, word)),
    ):
        for person_id in people:
            found.setdefault(person_id, how)
        for account in accounts:
            found.setdefault(owners.get(account, account), how)
    if len(found) == 1:
        (one,) = found
        return _subject(session, one, owners)
    if not found:
        _refuse_forgotten(forgotten, word)
        raise ConfigurationError(
            "Nobody is known by that name; nothing was changed.",
            "Give a person_id, an e-mail address or a GitLab username, as the evidence and /data"
            " show them.",
        )
    meant = ", ".join(f"{_called(one)} by {how}" for one, how in sorted(found.items(), key=str))
    raise ConfigurationError(
        f"More than one may be meant: {meant}; nothing was changed.",
        "Give another of their names; with @ before it only a GitLab username is meant.",
    )


def _called(one: str | int) -> str:
    return f"the GitLab user {one}" if isinstance(one, int) else f"the person {one}"


def _refuse_pseudonym(forgotten: Forgotten, word: str) -> None:
    bare = word.removeprefix("@")
    if any(bare == each or bare.startswith(f"{each}-") for each in forgotten.pseudonyms):
        raise ConfigurationError(f"{bare} is a pseudonym: the person was forgotten before.")


def _refuse_forgotten(forgotten: Forgotten, word: str) -> None:
    for kind in ("person", "email", "username"):
        trace = forgotten.find(kind, word.removeprefix("@"))
        if trace is not None:
            raise ConfigurationError(
                f"The person was forgotten before: {trace.pseudonym} stands for them."
            )


def _people_by_id(session: Session, word: str) -> list[str]:
    rows = text("SELECT DISTINCT person_id FROM people WHERE person_id = :word")
    return [] if word.startswith("@") else list(session.scalars(rows, {"word": word}))


def _by_email(session: Session, word: str) -> tuple[list[str], list[int]]:
    if "@" not in word or word.startswith("@"):
        return [], []
    people = text("SELECT DISTINCT person_id FROM people WHERE lower(email) = lower(:word)")
    accounts = text("SELECT id FROM accounts WHERE email = lower(:word) AND NOT bot")
    found = list(session.scalars(people, {"word": word}))
    # An account with the address of somebody who is known is theirs, or, with that of two, nobody's.
    return found, [] if found else list(session.scalars(accounts, {"word": word}))


def _by_username(session: Session, word: str) -> tuple[list[str], list[int]]:
    """Who bears the username now; else who bore it; else of whom it is told."""
    asked = {"word": word.removeprefix("@").lower()}
    for accounts in (
        "SELECT id FROM accounts WHERE lower(username) = :word",
        "SELECT account_id FROM former_usernames WHERE username = :word",
    ):
        found = list(session.scalars(text(accounts), asked))
        if found:
            return [], found
    told = text("SELECT DISTINCT person_id FROM effective_identities WHERE username = :word")
    return list(session.scalars(told, asked)), []


def _subject(session: Session, one: str | int, owners: Mapping[int, str]) -> Subject:
    person_id = one if isinstance(one, str) else None
    accounts = (
        (one,)
        if isinstance(one, int)
        else tuple(sorted(account for account, owner in owners.items() if owner == one))
    )
    names: set[str] = set()
    emails: set[str] = set()
    asked = {"person": person_id, "accounts": list(accounts)}
    for name, email in session.execute(
        text(
            "SELECT name, email FROM people WHERE person_id = :person"
            " UNION SELECT name, email FROM accounts WHERE id = ANY(:accounts)"
        ),
        asked,
    ):
        names.add(name)
        emails |= {email} if email else set()
    usernames = {
        name for account in accounts for name in session.scalars(OWN_NAMES, {"account": account})
    } | set(session.scalars(UNSEEN, asked))
    return Subject(person_id, accounts, frozenset(names), frozenset(emails), frozenset(usernames))
