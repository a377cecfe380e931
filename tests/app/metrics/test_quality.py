"""Findings and freshness, each from one case that is written by hand."""

import csv
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.metrics import quality
from app.metrics.answers import Finding
from app.metrics.checks import CHECKS
from app.metrics.derive_organisation import person_of_account
from app.metrics.freshness import freshness
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import (
    Account,
    Employment,
    FormerUsername,
    Identity,
    Membership,
    MergeRequestFacts,
    Note,
    Opening,
    Person,
    Project,
    QuarantinedRecord,
    Run,
)

from .conftest import Store, at


def found(store: Store, settings: Settings) -> dict[str, Finding]:
    refresh(store.session, settings, store.collected("2024-03-20 12:00"), everything=True)
    return {finding.kind: finding for finding in quality.findings(store.session, settings)}


@pytest.fixture
def project(store: Store) -> Store:
    store.team("checkout")
    store.team("search")
    store.project(1, "acme/api")
    return store


def test_nothing_is_found_where_nothing_is_wrong(project: Store, settings: Settings) -> None:
    project.person("ann", 1)
    project.member("ann", "checkout", date(2024, 1, 1))
    project.merge_request(1, "2024-02-01 12:00")
    findings = found(project, settings)
    assert {kind: finding.count for kind, finding in findings.items() if finding.count} == {}
    assert len(findings) == len(CHECKS)
    assert all(f.title and f.heads and not f.items for f in findings.values())


def test_an_unmatched_identity_comes_with_the_line_to_add(
    project: Store, settings: Settings
) -> None:
    project.session.execute(
        insert(Account).values(id=7, username="k_mori", name='Kenji "Ken", Mori', bot=False)
    )
    project.session.execute(insert(FormerUsername).values(account_id=7, username="k_mori"))
    project.account(9, "robo", bot=True)
    for author in (7, 7, 9):
        project.merge_request(author, "2024-02-01 12:00")
    finding = found(project, settings)["unmatched_identity"]
    assert finding.count == 1
    [item] = finding.items
    assert item["address"] == "k_mori"
    assert "Mori wrote much of what has no team, the last time on 2024-02-01" in str(item["text"])
    # The line can be put below the header of people.csv as it is.
    [cells] = csv.reader([str(item["line"])])
    assert cells == ["", 'Kenji "Ken", Mori', "", "k_mori", ""]
    assert item["cells"] == ['Kenji "Ken", Mori', "much", date(2024, 2, 1), None]
    # Two of two, for the bot's does not count; one more would be attributed.
    assert finding.effect == "2 of 2 open merge requests have no team (coverage 0%)."
    assert finding.remedy.startswith("Add the line to people.csv, with a person_id")


def test_an_unmatched_identity_with_a_namesake_gets_a_suggestion(
    project: Store, settings: Settings
) -> None:
    project.person("ann")  # named Ann, without an account
    project.account(7, "ann")
    project.account(8, "ann-2")
    project.session.execute(insert(Account).values(id=6, username="annie", name="ANN", bot=False))
    project.merge_request(6, "2024-02-01 12:00")
    [item] = found(project, settings)["unmatched_identity"].items
    assert "Same name as Ann (ann)" in str(item["text"])
    assert "line" not in item


def test_suggestions_are_of_one_person_by_name_or_by_e_mail(
    project: Store, settings: Settings
) -> None:
    session = project.session
    people = (("ann", "Ann", "a.lee@x.org"), ("ben", "Ben", "b.roe@x.org"), ("bob", "Ben", None))
    for person, name, email in people:
        session.execute(insert(Person).values(person_id=person, name=name, email=email))
    project.member("ann", "search", date(2024, 1, 1))
    project.member("ben", "checkout", date(2024, 1, 1))
    names = {5: ("x1", "ANN"), 6: ("B.Roe", "Benny"), 7: ("x2", "Ben"), 8: ("x3", "Eve")}
    for account, (username, name) in names.items():
        session.execute(insert(Account).values(id=account, username=username, name=name, bot=False))
        for _ in range(account):
            project.merge_request(account, "2024-02-01 12:00")
    finding = found(project, settings)["unmatched_identity"]
    assert [(item["address"], item["cells"][-1]) for item in finding.items] == [  # type: ignore[index]
        ("B.Roe", "same e-mail name as Ben, Checkout"),
        ("x1", "same name as Ann, Search"),
        ("x2", None),  # two people are called so
        ("x3", None),
    ]
    assert "Same e-mail name as Ben (ben)" in str(finding.items[0]["text"])
    assert finding.remedy == "Add the GitLab username to people.csv: 2 have a suggestion."


def test_people_without_an_account_or_a_team(project: Store, settings: Settings) -> None:
    project.person("ann")
    project.member("ann", "checkout", date(2024, 1, 1))
    project.person("ben", 2)
    findings = found(project, settings)
    assert [item["text"] for item in findings["person_without_account"].items] == [
        "Ann has no gitlab_username."
    ]
    assert [item["address"] for item in findings["person_without_team"].items] == ["ben"]


def test_quarantined_ends_estimated_ends_and_records(project: Store, settings: Settings) -> None:
    project.person("ann", 1)
    project.member("ann", "checkout", date(2024, 1, 1))
    early = project.merge_request(1, "2024-02-02 12:00", closed="2024-02-03 12:00")
    project.change(early, closed_at=at("2024-02-01 12:00"))
    estimated = project.merge_request(1, "2024-02-02 12:00", merged="2024-02-05 12:00")
    project.change(estimated, merged_at=None)
    project.session.execute(
        insert(QuarantinedRecord).values(
            source="gitlab",
            address="acme/api!7",
            kind="merge request",
            reason="createdAt is missing",
            seen_at=at("2024-02-02 12:00"),
        )
    )
    findings = found(project, settings)
    [item] = findings["quarantined_merge_request"].items
    assert item["address"] == f"https://git.test/1/{early}"
    assert "2024-02-01T12:00:00+00:00, before it starts 2024-02-02" in str(item["text"])
    [item] = findings["end_estimated"].items
    assert item["address"] == f"https://git.test/1/{estimated}"
    [item] = findings["quarantined_record"].items
    assert (item["address"], item["text"]) == (
        "acme/api!7",
        "gitlab, merge request: createdAt is missing",
    )
    assert item["cells"] == ["GitLab", "merge request", "createdAt is missing"]


def test_a_project_out_of_reach_keeps_its_values(project: Store, settings: Settings) -> None:
    project.person("ann", 1)
    project.member("ann", "checkout", date(2024, 1, 1))
    for _ in range(2):
        project.merge_request(1, "2024-02-01 12:00")
    project.session.execute(update(Project).values(unreachable_since=at("2024-03-01 12:00")))

    findings = found(project, settings)

    [item] = findings["unreachable_project"].items
    assert item["text"] == (
        "2 merge requests, not shown by GitLab since 2024-03-01:"
        " deleted, hidden from the token or switched off."
    )
    assert "count as they were read last" in findings["unreachable_project"].effect
    counted = select(func.count()).select_from(MergeRequestFacts).where(MergeRequestFacts.counted)
    assert project.session.scalar(counted) == 2


def test_a_note_older_than_its_merge_request(project: Store, settings: Settings) -> None:
    key = project.merge_request(None, "2024-02-02 12:00")
    for number, when in ((1, "2024-02-02 11:59"), (2, "2024-02-02 12:00")):
        project.session.execute(
            insert(Note).values(
                id=number, merge_request_id=key, kind="comment", created_at=at(when)
            )
        )
    [item] = found(project, settings)["early_note"].items
    assert item["address"] == f"https://git.test/1/{key}#note_1"


def test_people_in_two_teams_at_once(project: Store, settings: Settings) -> None:
    for person in ("ann", "ben", "cid"):
        project.person(person)
    project.member("ann", "checkout", date(2024, 1, 1), date(2024, 2, 1))
    project.member("ann", "search", date(2024, 2, 1))  # moved, no overlap
    project.member("ben", "checkout", date(2024, 1, 1), date(2024, 2, 10))
    project.member("ben", "search", date(2024, 2, 1))
    project.member("cid", "checkout", date(2024, 1, 1))
    project.member("cid", "search", date(2024, 3, 1))
    finding = found(project, settings)["membership_overlap"]
    assert [item["text"] for item in finding.items] == [
        "Cid is in checkout and in search from 2024-03-01 until now.",
        "Ben is in checkout and in search from 2024-02-01 up to 2024-02-09.",
    ]
    assert finding.effect.startswith("2 times somebody counts in two teams")
    project.session.execute(delete(Membership).where(Membership.person_id == "cid"))
    [alone] = quality.findings(project.session, settings, kind="membership_overlap")
    assert alone.effect == (
        "One person counts in Checkout and Search from 2024-02-01 up to 2024-02-09."
    )
    assert alone.items[0]["cells"] == [
        "Ben",
        "Checkout and Search",
        date(2024, 2, 1),
        date(2024, 2, 9),
    ]


def test_bots_and_inferred_review_starts(project: Store, settings: Settings) -> None:
    project.person("ann", 1)
    project.person("ben", 2)
    project.account(9, "release-bot")
    project.merge_request(9, "2024-02-01 12:00")
    inferred = project.merge_request(
        1, "2024-02-01 12:00", merged="2024-02-09 12:00", reviewers=[2], rows_read=False
    )
    project.request_review(inferred, "2024-02-05 12:00", "ben")
    findings = found(project, settings)
    assert [item["text"] for item in findings["bot"].items] == [
        "Release-Bot: 1 merge request not counted."
    ]
    assert findings["bot"].items[0]["address"] == "release-bot"
    assert findings["bot"].effect == "Merge requests that are not counted: 1 open."
    assert [item["address"] for item in findings["review_start_inferred"].items] == [
        f"https://git.test/1/{inferred}"
    ]


def test_the_count_is_that_of_all_however_few_are_listed(
    project: Store, settings: Settings
) -> None:
    for person in ("ann", "ben", "cid"):
        project.person(person)
    project.account(5, "eve")
    project.account(6, "fay")
    for author in (5, 6):
        project.merge_request(author, "2024-02-01 12:00")
    found(project, settings)
    few = {f.kind: f for f in quality.findings(project.session, settings, most=1)}
    assert (few["person_without_team"].count, len(few["person_without_team"].items)) == (3, 1)
    assert (few["unmatched_identity"].count, len(few["unmatched_identity"].items)) == (2, 1)
    [second] = quality.findings(
        project.session, settings, most=1, start=1, kind="person_without_team"
    )
    assert ([item["address"] for item in second.items], second.count) == (["ben"], 3)
    everything = {f.kind: f for f in quality.findings(project.session, settings, most=None)}
    assert len(everything["person_without_team"].items) == 3


def test_freshness_of_each_configured_source(session: Session, settings: Settings) -> None:
    through = at("2024-03-20 12:00")
    session.execute(
        insert(Run).values(
            source="gitlab", kind="incremental", started_at=through, outcome="done",
            data_through=through, rows_new=5, rows_deleted=1,
        )
    )  # fmt: skip
    session.execute(
        insert(Run).values(
            source="gitlab", kind="incremental", started_at=through + timedelta(hours=20),
            finished_at=through + timedelta(hours=21), outcome="failed", message="401", rows_new=2,
        )
    )  # fmt: skip
    files, gitlab = freshness(session, settings, now=through + timedelta(hours=25), counted=True)
    assert (files.source, files.state, files.command) == (
        "files",
        "never",
        "teamgauge collect files",
    )
    assert (gitlab.source, gitlab.title, gitlab.state) == ("gitlab", "GitLab", "fresh")
    assert (gitlab.data_through, gitlab.last_outcome, gitlab.message) == (through, "failed", "401")
    assert gitlab.records == 6
    assert (files.projects, gitlab.projects) == (None, 0)
    assert gitlab.feeds[:3] == ["open_mr_review_time", "open_mr_age", "community_response"]
    assert "retention" not in gitlab.feeds
    assert "retention" in files.feeds
    later = freshness(session, settings, now=through + timedelta(hours=27))
    assert later[1].state == "stale"
    assert freshness(session, Settings()) == []


def test_contradictions_of_sources_by_hand(store: Store, settings: Settings) -> None:
    session = store.session
    store.team("red")
    store.team("blue")
    store.person("p1", 1)
    store.person("p2", 2)
    store.member("p1", "red", date(2024, 1, 1))
    store.member("p1", "blue", date(2024, 1, 1))
    store.employed("p1", date(2023, 1, 1))
    store.employed("p2", date(2023, 1, 1))
    hr = {"source": "bamboohr"}
    for person in ("p1", "p2"):
        session.execute(insert(Person).values(person_id=person, name=person.title(), **hr))
        session.execute(
            insert(Employment).values(person_id=person, start_date=date(2023, 1, 1), **hr)
        )
    session.execute(
        insert(Membership).values(
            person_id="p1", team="red", valid_from=date(2024, 1, 1), role="member", **hr
        )
    )
    [found] = quality.findings(session, settings, kind="source_conflict")
    assert found.count == 1
    assert found.items == [
        {
            "address": "p1",
            "text": "P1: the files and bamboohr do not agree about teams.",
            "cells": ["P1", "BambooHR", "teams"],
        }
    ]


def test_an_account_that_several_people_are_said_to_have(store: Store, settings: Settings) -> None:
    session = store.session
    store.person("ann", 1)
    store.person("ben")
    hr = {"source": "bamboohr"}
    session.execute(insert(Person).values(person_id="cid", name="Cid", email="A@x.org", **hr))
    session.execute(update(Account).where(Account.id == 1).values(email="a@x.org"))
    [found] = quality.findings(session, settings, kind="account_of_several_people")
    assert found.items == [
        {
            "address": "ann",
            "text": "Is said to be Cid (e-mail) and Ann (files); the first one holds.",
            "cells": ["Cid (e-mail) and Ann (files)"],
        }
    ]
    assert person_of_account(session) == {1: "cid"}
    session.execute(insert(Person).values(person_id="dee", name="Dee", **hr))
    session.execute(insert(Identity).values(username="ann", person_id="dee", **hr))
    assert person_of_account(session) == {1: "dee"}


def test_openings_of_no_team_are_listed(store: Store, settings: Settings) -> None:
    store.session.execute(insert(Opening).values(opening_id="7", opened_on=date(2024, 1, 1)))
    [found] = quality.findings(store.session, settings, kind="opening_without_team")
    assert found.items == [
        {
            "address": "7",
            "text": "Open since 2024-01-01 in files.",
            "cells": ["Files", date(2024, 1, 1)],
        }
    ]
