"""Who was forgotten, as far as it can be recognised again: keyed hashes of words, and what stands for them.

`app.metrics.forget` learns the words, `collectors.storing` asks for every word that a source tells of
a person. The key lies beside the hashes: they keep a reader from reading names, not from asking
whether a name that they know is among them.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, pairwise
from itertools import count as count_from

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.engine import lock_key

LOCK = lock_key("forgetting")
KEY_BYTES = 32
DIGEST_BYTES = 16

WORD = re.compile(r"[\w.+@'’-]+")
"""A name, a username or an address in a text."""
EDGES = ".'’-+"
"""What may stand around a word without being part of it."""
TEAM = "-team"
"""Ends the alias of a team that was named after its manager."""
NOBODY = "none"
"""Ends the alias of a username that a forgotten person is said to have and that is somebody else's."""
LONGEST_NAME = 6
"""Words of a name that are looked for in a text."""
SHORTEST = 3
"""Characters of a single word that is looked for in a text: `me` is in every other sentence."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What stands for a word; see `ForgottenTrace`."""

    pseudonym: str
    alias: str
    claims: bool


class Forgotten:
    """The traces of everybody who was forgotten, as of one transaction; learns new ones in it."""

    def __init__(
        self, session: Session, key: bytes, traces: dict[tuple[str, bytes], Trace]
    ) -> None:
        self._session = session
        self._key = key
        self._traces = traces

    @classmethod
    def read(cls, session: Session) -> "Forgotten":
        """What is known now. Without a lock: only for what is not stored."""
        key = session.scalar(text("SELECT key FROM forgotten_key"))
        rows = session.execute(
            text("SELECT kind, digest, pseudonym, alias, claims FROM forgotten_traces")
        )
        return cls(
            session,
            bytes(key or b""),
            {
                (kind, bytes(digest)): Trace(pseudonym, alias, claims)
                for kind, digest, pseudonym, alias, claims in rows
            },
        )

    @classmethod
    def shared(cls, session: Session) -> "Forgotten":
        """What is known, and nobody is forgotten before the transaction ends: for who stores."""
        session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": LOCK})
        return cls.read(session)

    @classmethod
    def alone(cls, session: Session) -> "Forgotten":
        """What is known, and nobody stores before the transaction ends: for who forgets."""
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        session.execute(
            text("INSERT INTO forgotten_key (id, key) VALUES (1, :key) ON CONFLICT DO NOTHING"),
            {"key": secrets.token_bytes(KEY_BYTES)},
        )
        return cls.read(session)

    def __bool__(self) -> bool:
        """Whether anybody was forgotten."""
        return bool(self._traces)

    @property
    def pseudonyms(self) -> set[str]:
        """Of all who were forgotten."""
        return {trace.pseudonym for trace in self._traces.values()}

    def find(self, kind: str, word: object) -> Trace | None:
        """What stands for a word; None: it is nobody's who was forgotten."""
        if not self._traces or word is None:
            return None
        return self._traces.get((kind, self._digest(kind, str(word))))

    def learn(
        self, kind: str, word: object, pseudonym: str, alias: str, *, claims: bool = False
    ) -> None:
        """Adds a word. One that is known already keeps what stands for it."""
        digest = self._digest(kind, str(word))
        known = self._traces.get((kind, digest))
        trace = Trace(pseudonym, known.alias if known else alias, claims)
        if known == trace or (known is not None and known.pseudonym != pseudonym):
            return
        self._traces[kind, digest] = trace
        self._session.execute(
            text(
                "INSERT INTO forgotten_traces (kind, digest, pseudonym, alias, claims)"
                " VALUES (:kind, :digest, :pseudonym, :alias, :claims)"
                " ON CONFLICT (kind, digest) DO UPDATE SET claims = excluded.claims"
            ),
            {
                "kind": kind,
                "digest": digest,
                "pseudonym": trace.pseudonym,
                "alias": trace.alias,
                "claims": trace.claims,
            },
        )

    def learn_name(self, name: str, pseudonym: str) -> None:
        """Adds a person's name, to be found in sentences."""
        self.learn("name", " ".join(_words(name)), pseudonym, pseudonym)

    def next_alias(self, pseudonym: str, ending: str = "") -> str:
        """A username for one more account of somebody: the pseudonym, then `-2`, `-3`, …; with an ending
        for something else of theirs."""
        used = {
            trace.alias.removesuffix("-bot")
            for (kind, _), trace in self._traces.items()
            if kind in ("account", "username", "team") and trace.pseudonym == pseudonym
        }
        stem = pseudonym + ending
        numbered = (f"{stem}-{number}" for number in count_from(2))
        return next(alias for alias in chain((stem,), numbered) if alias not in used)

    def redacted(self, sentence: str) -> str:
        """A sentence with what stands for them in place of names, usernames, addresses and ids."""
        if not self._traces:
            return sentence
        found = list(WORD.finditer(sentence))
        pieces: list[str] = []
        done = place = 0
        while place < len(found):
            span = self._longest(sentence, found, place)
            if span is None:
                place += 1
                continue
            start, end, alias, words = span
            pieces += [sentence[done:start], alias]
            done = end
            place += words
        return "".join([*pieces, sentence[done:]])

    def _longest(
        self, sentence: str, found: list[re.Match[str]], place: int
    ) -> tuple[int, int, str, int] | None:
        """(start, end, what stands for it, words) of the longest known name that begins at a word."""
        names = any(kind == "name" for kind, _ in self._traces)
        for words in range(min(LONGEST_NAME, len(found) - place) if names else 0, 0, -1):
            part = found[place : place + words]
            if any(
                sentence[one.end() : other.start()].strip(" ,") for one, other in pairwise(part)
            ):
                continue
            trace = self.find("name", " ".join(_stripped(each[0]) for each in part))
            if trace is not None:
                return (*_inside(part[0], part[-1]), trace.alias, words)
        match = found[place]
        word = _stripped(match[0])
        if len(word) < SHORTEST:
            return None
        for kind in ("email", "username", "person"):
            trace = self.find(kind, word.lstrip("@"))
            if trace is not None and not (kind == "person" and word.isdigit()):
                return (*_inside(match, match), trace.alias, 1)
        return None

    def _digest(self, kind: str, word: str) -> bytes:
        normal = word if kind in ("person", "account") else word.casefold()
        if kind == "name" and " " not in word:
            normal = (
                word  # a name of one word may be a word of the language: in small letters it is
            )
        return blake2b(
            f"{kind}\0{normal}".encode(), key=self._key, digest_size=DIGEST_BYTES
        ).digest()


def _words(name: str) -> Iterator[str]:
    for match in WORD.finditer(name):
        stripped = _stripped(match[0])
        if stripped:
            yield stripped


def _stripped(word: str) -> str:
    return word.strip(EDGES)


def _inside(first: re.Match[str], last: re.Match[str]) -> tuple[int, int]:
    """Where words begin and end without what stands around them."""
    lead = len(first[0]) - len(first[0].lstrip(EDGES + "@"))
    trail = len(last[0]) - len(last[0].rstrip(EDGES))
    return first.start() + lead, last.end() - trail


# What is stored under the names of an account ------------------------------------------------------

OWN_NAMES = text(
    """
    SELECT n.username FROM (
        SELECT lower(username) AS username FROM accounts WHERE id = :account
        UNION SELECT username FROM former_usernames WHERE account_id = :account
    ) n
    WHERE NOT EXISTS (SELECT FROM accounts a WHERE lower(a.username) = n.username AND a.id <> :account)
      AND (n.username IN (SELECT lower(username) FROM accounts WHERE id = :account)
           OR NOT EXISTS (SELECT FROM former_usernames o
                          WHERE o.username = n.username AND o.account_id < :account))
    ORDER BY 1
    """
)
"""The names by which notes mean this account, as `app.metrics.fact_rules.Accounts` reads them: who bears
a name now comes first, then the oldest account that bore it."""


@dataclass(slots=True)
class Rewritten:
    """How many rows of each table were rewritten."""

    rows: dict[str, int]

    def add(self, table: str, count: int) -> None:
        """Counts rows of a table."""
        if count:
            self.rows[table] = self.rows.get(table, 0) + count


def take_account(
    session: Session, forgotten: Forgotten, account: int, pseudonym: str, alias: str
) -> Rewritten:
    """Puts an alias in place of an account's name, address and every username, and learns them.

    What belongs to the account goes on to do so: its number stays.
    """
    done = Rewritten({})
    names = list(session.scalars(OWN_NAMES, {"account": account}))
    for name in names:
        forgotten.learn("username", name, pseudonym, alias)
    forgotten.learn("account", account, pseudonym, alias)
    done.add(
        "accounts",
        count(
            session,
            "UPDATE accounts SET username = :alias, name = :pseudonym, email = NULL"
            " WHERE id = :account",
            account=account,
            alias=alias,
            pseudonym=pseudonym,
        ),
    )
    done.add(
        "former_usernames",
        count(session, "DELETE FROM former_usernames WHERE account_id = :account", account=account),
    )
    session.execute(
        text("INSERT INTO former_usernames (account_id, username) VALUES (:account, :alias)"),
        {"account": account, "alias": alias},
    )
    done.add("notes", rename_in_notes(session, dict.fromkeys(names, alias)))
    return done


def rename_in_notes(session: Session, aliases: Mapping[str, str]) -> int:
    """Puts aliases in place of usernames in the notes that ask for reviews; returns how many notes."""
    changed = 0
    for name, alias in aliases.items():
        changed += count(
            session,
            "UPDATE notes SET requested = array_replace(requested, :name, :alias),"
            " removed = array_replace(removed, :name, :alias),"
            " names = array_replace(names, :name, :alias)"
            " WHERE names && ARRAY[CAST(:name AS text)]",
            name=name,
            alias=alias,
        )
    return changed


def count(session: Session, statement: str, **parameters: object) -> int:
    """Runs a statement of our own and returns how many rows it wrote."""
    return int(
        session.scalar(
            text(f"WITH written AS ({statement} RETURNING 1) SELECT count(*) FROM written"),  # noqa: S608 - statements of our own
            parameters,
        )
        or 0
    )


def borne_now(session: Session, usernames: Iterable[str]) -> set[str]:
    """Those of the usernames (in lower case) that some account bears now."""
    asked = list(usernames)
    if not asked:
        return set()
    return set(
        session.scalars(
            text("SELECT lower(username) FROM accounts WHERE lower(username) = ANY(:names)"),
            {"names": asked},
        )
    )
