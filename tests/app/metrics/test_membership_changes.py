"""Who joined and left: with the employment or without it, and what they left open."""

from datetime import date

from sqlalchemy import insert, update

from app.metrics import queries
from app.metrics.answers import MembershipChange
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Account, FormerUsername, Identity, Person

from .conftest import Store

BEGIN = date(2024, 1, 1)


def changes(store: Store, settings: Settings, team: str = "product") -> dict[str, MembershipChange]:
    """The changes of March by person."""
    refresh(store.session, settings, store.collected("2024-03-28 12:00"))
    found = queries.team(store.session, settings, team, from_="2024-03", to="2024-03")
    return {each.person: each for each in found.membership_changes}


def test_a_new_hire_is_not_somebody_who_is_new_in_the_teams(
    store: Store, settings: Settings
) -> None:
    store.team("product")
    store.team("checkout", "product")
    store.team("search", "product")
    for name, employed, joined in (
        ("ann", date(2024, 3, 4), date(2024, 3, 4)),
        ("ben", date(2024, 2, 5), date(2024, 3, 4)),  # a month of getting to know the company
        ("cid", date(2023, 3, 4), date(2024, 3, 4)),  # for long in no team
        ("dan", date(2024, 2, 20), date(2024, 3, 4)),  # came from another team
        ("eve", None, date(2024, 3, 4)),
    ):
        store.person(name)
        store.member(name, "checkout", joined)
        if employed is not None:
            store.employed(name, employed)
    store.member("dan", "search", date(2024, 2, 20), date(2024, 3, 4))
    store.person("fay")  # leads from the second week on: that is no other membership
    store.employed("fay", date(2024, 3, 4))
    store.member("fay", "checkout", date(2024, 3, 4), date(2024, 3, 11))
    store.member("fay", "checkout", date(2024, 3, 11), role="manager")
    found = changes(store, settings)
    assert {name: each.employment for name, each in found.items()} == {
        "Ann": "began",
        "Ben": "began",
        "Cid": None,
        "Dan": None,
        "Eve": None,
        "Fay": "began",
    }
    assert found["Dan"].elsewhere == "search"


def test_who_left_the_company_is_told_from_who_left_the_team(
    store: Store, settings: Settings
) -> None:
    store.team("product")
    store.team("checkout", "product")
    store.team("platform")
    for account, (name, last, comes_back) in enumerate(
        (
            ("ann", date(2024, 3, 10), None),  # left the company with two open merge requests
            ("ben", None, None),  # stays at the company, in no team
            ("cid", date(2024, 3, 10), date(2024, 3, 11)),  # was employed anew the next day
            ("dan", date(2024, 3, 10), None),  # left on the same day as ann with one
        ),
        1,
    ):
        store.person(name, account)
        store.employed(name, BEGIN, last, "voluntary" if last else None)
        if comes_back:
            store.employed(name, comes_back)
        store.member(name, "checkout", BEGIN, date(2024, 3, 11))
    store.person("eve", 5)
    store.employed("eve", BEGIN)
    store.member("eve", "checkout", BEGIN, date(2024, 3, 11))
    store.member("eve", "platform", date(2024, 3, 11))
    store.project(1, "acme/app")
    for author in (1, 1, 2, 4, 5):
        store.merge_request(author, "2024-03-01 12:00")
    store.merge_request(1, "2024-03-01 12:00", merged="2024-03-20 12:00")
    found = changes(store, settings)
    assert {name: (each.employment, each.orphaned) for name, each in found.items()} == {
        "Ann": ("ended", 2),
        "Ben": (None, 1),
        "Cid": (None, 0),
        "Dan": ("ended", 1),
        "Eve": (None, 0),  # whose work went along
    }
    assert changes(store, settings, "checkout")["Ann"].orphaned == 2


def test_orphaned_work_is_found_by_a_former_name_and_by_the_address(
    store: Store, settings: Settings
) -> None:
    store.team("product")
    store.project(1, "acme/app")
    for number, name in enumerate(("ann", "ben"), 1):
        store.person(name)
        store.employed(name, BEGIN, date(2024, 3, 10), "voluntary")
        store.member(name, "product", BEGIN, date(2024, 3, 11))
        store.account(number, f"{name}-now")
        store.merge_request(number, "2024-03-01 12:00")
    session = store.session
    session.execute(insert(FormerUsername).values(account_id=1, username="ann-then"))
    session.execute(insert(Identity).values(username="ann-then", person_id="ann"))
    session.execute(update(Account).where(Account.id == 2).values(email="ben@acme.example"))
    session.execute(
        update(Person).where(Person.person_id == "ben").values(email="Ben@acme.example")
    )
    assert {name: each.orphaned for name, each in changes(store, settings).items()} == {
        "Ann": 1,
        "Ben": 1,
    }
