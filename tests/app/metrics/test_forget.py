"""Somebody is forgotten: every number stays, no table names them, and nobody else is touched."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from app.errors import ConfigurationError
from app.metrics.derive_organisation import person_of_account
from app.metrics.forget import ForgetReport, forget
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import (
    Account,
    ApiToken,
    AuditEvent,
    Base,
    Employment,
    FormerUsername,
    Identity,
    Membership,
    Note,
    Person,
    PlannedHeadcount,
    QuarantinedRecord,
    Run,
    SignedIn,
    Team,
    WorkItem,
)

from .conftest import Store, at
from .test_incremental_property import current_values

MEANT = ("olga", "moss", "p-17")
"""Parts of everything that Olga is called: nobody else is, and no number in hexadecimal digits."""
THROUGH = "2024-04-20 12:00"


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "gitlab": {"groups": ["acme"], "bots": ["*.machine"]},
            "files": {"teams": "/nowhere/teams.yaml"},
            "bamboohr": {"url": "https://hr.test/acme", "api_key": "a-key-of-hr"},
        }
    )


def named(table: type[Base], source: str, **values: Any) -> Any:
    return insert(table).values(source=source, person_id="p-17", **values)


@pytest.fixture
def filled(store: Store) -> Store:
    """Checkout with six people; Olga, who led it up to 9 March, has accounts by the HR system, by her
    address, and by name of a machine; HR and the files both know her.

    A name that Ben bore once was Olga's later, and one of Olga's is Ben's now.
    """
    session = store.session
    store.team("checkout", owns=["acme/**"])
    store.team("search")
    for number, person in enumerate(("ben", "cid", "dee", "eli", "fay", "gus"), 2):
        store.person(person, number)
        store.member(person, "checkout" if number < 7 else "search", date(2024, 1, 1))
        store.employed(person, date(2024, 1, 1))
        declared = {"gender": "woman" if number % 2 else "man", "office": "Rome"}
        session.execute(
            update(Person).where(Person.person_id == person).values(attributes=declared)
        )
    declared = {"gender": "woman", "office": "Moss House"}
    for source in ("files", "bamboohr"):
        first, last = date(2024, 1, 1), date(2024, 3, 9)
        for row in (
            named(Person, source, name="Olga Moss", email="olga@acme.test", attributes=declared),
            named(
                Employment, source, start_date=first, end_date=last, termination_type="voluntary"
            ),
            named(
                Membership,
                source,
                team="checkout",
                role="manager",
                valid_from=first,
                valid_to=last + timedelta(days=1),
            ),
        ):
            session.execute(row)
    session.execute(named(Identity, "bamboohr", username="olga"))
    for username in ("olga.machine", "olga.unseen"):
        session.execute(named(Identity, "files", username=username))
    for account, username, email in (
        (1, "Olga", None),
        (11, "moss", "olga@acme.test"),
        (12, "olga.machine", None),
    ):
        values = {"id": account, "username": username, "name": "Olga Moss", "bot": False}
        session.execute(insert(Account).values(email=email, **values))
        for former in (username.lower(), f"{username.lower()}-before"):
            session.execute(insert(FormerUsername).values(account_id=account, username=former))
    for account, username in ((2, "mike"), (11, "mike"), (1, "ben")):
        session.execute(insert(FormerUsername).values(account_id=account, username=username))
    store.account(90, "outside")
    store.project(1, "acme/checkout")
    work(store)
    plan = insert(PlannedHeadcount).values(
        team="checkout", month=date(2024, 1, 1), planned_headcount=6
    )
    session.execute(plan)
    store.collected(THROUGH, ("files", "bamboohr", "gitlab"))
    return store


def work(store: Store) -> None:
    """Requests under names of every kind: of now, of before, of nobody whom GitLab has shown, shared."""
    for days, (author, names) in enumerate(
        (
            (1, ["moss", "ben"]),
            (1, ["olga.machine", "cid"]),
            (2, ["olga-before", "olga.unseen"]),
            (2, ["olga.machine"]),
            (11, ["olga"]),
            (11, ["mike", "moss-before"]),
            (12, ["ben"]),
        )
    ):
        first = date(2024, 1, 10) + timedelta(days=days)
        made = store.merge_request(author, f"{first} 12:00", reviewers=[1, 11] if days % 2 else [])
        store.request_review(made, f"{first + timedelta(days=3)} 12:00", *names)
        store.note(made, 1, f"{first + timedelta(days=4)} 12:00", "comment")
        if days % 3:
            merged = at(f"{first + timedelta(days=30)} 12:00")
            store.change(made, state="merged", merged_at=merged, merge_user_id=11)
    asked = store.merge_request(90, "2024-02-12 12:00", labels=["Community contribution"])
    store.note(asked, 11, "2024-02-13 12:00", "comment")


def contents(session: Session, *, without: Sequence[str] = ()) -> dict[str, str]:
    """Everything that each table holds, as text."""
    return {
        table: " ".join(session.scalars(text(f"SELECT t::text FROM {table} t ORDER BY 1"))).lower()
        for table in sorted(set(Base.metadata.tables) - set(without))
    }


def naming(session: Session) -> set[str]:
    """The tables in which Olga is called by any name."""
    return {
        table
        for table, content in contents(session).items()
        if any(word in content for word in MEANT)
    }


def restated(session: Session) -> int:
    superseded = text("SELECT count(*) FROM period_values WHERE superseded_at IS NOT NULL")
    return int(session.scalar(superseded) or 0)


@pytest.mark.parametrize("word", ["p-17", "OLGA@acme.test", "@Moss-Before"])
def test_every_value_stays_and_no_table_names_them(
    filled: Store, settings: Settings, word: str
) -> None:
    session = filled.session
    refresh(session, settings, at(THROUGH))
    values, owners = current_values(session), person_of_account(session)
    facts = contents(session)["merge_request_facts"]
    assert {owners[1], owners[11], owners[12]} == {"p-17"}
    assert len(values) > 500
    assert naming(session)

    report = forget(session, settings, word)

    assert naming(session) == set()
    assert report.subject.accounts == (1, 11, 12)
    moved = {a: report.pseudonym if p == "p-17" else p for a, p in owners.items()}
    assert person_of_account(session) == moved
    # What was derived is what is derived now: nothing is stale but the running day.
    again = refresh(session, settings, at(THROUGH))
    assert (again.facts_changed, again.written.total) == (0, 0)
    whole = refresh(session, settings, at(THROUGH), everything=True)
    assert (whole.facts_changed, whole.written.total) == (0, 0)
    assert current_values(session) == values
    assert contents(session)["merge_request_facts"] == facts
    assert restated(session) == 0


def test_of_what_was_declared_only_what_the_shares_count_stays(
    filled: Store, settings: Settings
) -> None:
    forget(filled.session, settings, "p-17")
    declared = select(Person.source, Person.attributes).where(Person.name.like("forgotten-%"))
    assert dict(filled.session.execute(declared).all()) == {
        "files": {"gender": "woman"},
        "bamboohr": {"gender": "woman"},
    }


def test_others_are_not_touched(filled: Store, settings: Settings) -> None:
    session = filled.session

    def of_others() -> list[Any]:
        return [
            session.execute(text(statement)).all()
            for statement in (
                "SELECT * FROM people WHERE person_id <> 'p-17' AND name NOT LIKE 'forgotten%'"
                " ORDER BY 1, 2",
                "SELECT * FROM accounts WHERE id NOT IN (1, 11, 12) ORDER BY 1",
                "SELECT * FROM former_usernames WHERE account_id NOT IN (1, 11, 12) ORDER BY 1, 2",
                "SELECT * FROM identities WHERE username !~ 'olga|forgotten' ORDER BY 1, 2",
                "SELECT * FROM memberships WHERE team = 'search'",
            )
        ]

    before = of_others()
    forget(session, settings, "p-17")
    assert of_others() == before
    names = set(session.scalars(select(text("unnest(names)")).select_from(Note)))
    assert {"ben", "cid", "mike"} <= names


def test_what_was_said_of_them_and_what_they_did(filled: Store, settings: Settings) -> None:
    session = filled.session
    run = session.scalars(select(Run.id)).first()
    session.execute(
        update(Run)
        .where(Run.id == run)
        .values(
            message='"Moss, Olga" has the account olga; see @olga-before.\nBen is at the Volga.'
        )
    )
    session.execute(
        insert(WorkItem).values(
            run_id=run,
            kind="made",
            fields={},
            finished_at=at(THROUGH),
            remarks=["Olga Moss and ben share an account.", 7],
        )
    )
    session.execute(
        insert(QuarantinedRecord).values(
            source="bamboohr",
            address="employees/17",
            kind="employee",
            reason='"olga@acme.test" is no address of Olga Moss.',
            seen_at=at(THROUGH),
        )
    )
    signed_in = {"created_at": at(THROUGH), "last_seen_at": at(THROUGH), "expires_at": at(THROUGH)}
    session.execute(
        insert(SignedIn).values(
            id_hash=b"1", subject="s-1", name="Olga Moss", username="olga", **signed_in
        )
    )
    session.execute(
        insert(SignedIn).values(
            id_hash=b"2", subject="s-2", name="Ben", email="ben@acme.test", **signed_in
        )
    )
    session.execute(
        insert(ApiToken).values(
            name="for a script",
            hash=b"3",
            role="admin",
            created_by="s-1",
            created_by_name="Olga (Moss)",
            created_at=at(THROUGH),
            expires_at=at(THROUGH),
        )
    )

    report = forget(session, settings, "p-17")

    pseudonym = report.pseudonym
    [message] = session.scalars(select(Run.message).where(Run.id == run))
    first, second = message.splitlines()
    assert "olga" not in first.lower()
    assert first.count(pseudonym) >= 3
    assert second == "Ben is at the Volga."
    assert session.scalars(select(WorkItem.remarks)).one() == [
        f"{pseudonym} and ben share an account.",
        7,
    ]
    reasons = session.scalars(select(QuarantinedRecord.reason)).one()
    assert reasons == f'"{pseudonym}" is no address of {pseudonym}.'
    assert session.scalars(select(SignedIn.subject)).all() == ["s-2"]
    assert session.scalars(select(ApiToken.created_by_name)).one() == pseudonym
    done = session.execute(select(AuditEvent.object).where(AuditEvent.action == "person_forgotten"))
    assert done.scalars().all() == [pseudonym]


def test_what_stays_is_told(filled: Store, settings: Settings) -> None:
    session = filled.session
    filled.change(1_000, title="As Olga Moss said", labels=["author::moss"])
    filled.change(1_003, title="Volga")
    filled.project(2, "olga/dotfiles")
    session.execute(insert(Account).values(id=13, username="other", name="Olga moss", bot=False))
    report = forget(session, settings, "p-17")
    assert {each.what: (each.count, each.places) for each in report.unreached} == {
        "other GitLab users of the same name": (1, ("@other",)),
        "titles of merge requests": (1, ("https://git.test/1/1000",)),
        "labels of merge requests": (1, ("author::moss",)),
        "projects": (1, ("olga/dotfiles",)),
    }
    assert not report.present


def test_a_user_of_gitlab_whom_nobody_knows(filled: Store, settings: Settings) -> None:
    session = filled.session
    refresh(session, settings, at(THROUGH))
    values = current_values(session)
    report = forget(session, settings, "outside")
    assert report.subject.person_id is None
    assert session.execute(
        select(Account.username, Account.name).where(Account.id == 90)
    ).one() == (
        report.pseudonym,
        report.pseudonym,
    )
    assert refresh(session, settings, at(THROUGH), everything=True).written.total == 0
    assert current_values(session) == values


def test_a_team_that_is_named_after_its_manager(filled: Store, settings: Settings) -> None:
    session = filled.session
    session.execute(
        update(Team)
        .where(Team.slug == "checkout")
        .values(slug="olga-moss", name="Olga Moss", source="bamboohr")
    )
    refresh(session, settings, at(THROUGH))
    values = current_values(session)
    report: ForgetReport = forget(session, settings, "p-17")
    slug = report.teams["olga-moss"]
    assert slug.startswith(report.pseudonym)
    assert naming(session) == set()
    assert session.scalars(select(PlannedHeadcount.team)).all() == [slug]
    assert set(session.scalars(select(Membership.team))) == {slug, "search"}
    assert refresh(session, settings, at(THROUGH)).written.total == 0
    assert refresh(session, settings, at(THROUGH), everything=True).written.total == 0
    assert current_values(session) == values


def test_who_is_not_clearly_meant(filled: Store, settings: Settings) -> None:
    session = filled.session
    session.execute(
        update(Person).where(Person.person_id.in_(["cid", "dee"])).values(email="twin@acme.test")
    )
    session.execute(text("UPDATE accounts SET username = 'gus-now' WHERE id = 7"))
    session.execute(insert(Account).values(id=30, username="Gus", name="Another", bot=False))
    session.execute(text("UPDATE identities SET username = 'gus-now' WHERE person_id = 'gus'"))
    before = contents(session, without=["forgotten_key"])
    unclear, unknown = "More than one may be meant: ", "Nobody is known by that name"
    for word, sentence in {
        "gus": f"{unclear}the person gus by person_id, the GitLab user 30 by GitLab username",
        "twin@acme.test": f"{unclear}the person cid by e-mail address, the person dee by e-mail",
        "nobody": unknown,
        "": unknown,
        "ben@": unknown,
        "olga.unseen%": unknown,
    }.items():
        with pytest.raises(ConfigurationError, match=sentence):
            forget(session, settings, word)
    assert contents(session, without=["forgotten_key"]) == before


def test_nobody_is_forgotten_twice(filled: Store, settings: Settings) -> None:
    pseudonym = forget(filled.session, settings, "p-17").pseudonym
    for word in ("p-17", "olga@acme.test", "@OLGA"):
        with pytest.raises(ConfigurationError, match=f"forgotten before: {pseudonym} stands"):
            forget(filled.session, settings, word)
    for word in (pseudonym, f"@{pseudonym}-2"):
        with pytest.raises(ConfigurationError, match="is a pseudonym"):
            forget(filled.session, settings, word)


def test_an_address_of_two_goes_on_to_tell_of_neither(filled: Store, settings: Settings) -> None:
    session = filled.session
    session.execute(update(Person).where(Person.person_id == "ben").values(email="olga@acme.test"))
    session.execute(update(Account).where(Account.id == 90).values(email="olga@acme.test"))
    session.execute(text("UPDATE identities SET username = 'moss' WHERE username = 'olga.unseen'"))
    before = person_of_account(session)
    assert 90 not in before
    report = forget(session, settings, "p-17")
    moved = {a: report.pseudonym if p == "p-17" else p for a, p in before.items()}
    assert person_of_account(session) == moved
