"""The synthetic company: the same every time, as large as it is said to be, and not too well-behaved."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, median
from tempfile import TemporaryDirectory

import pytest

from demo.company import cases
from demo.company.build import CompanyWorld, build
from demo.company.files import write_files
from demo.company.plan import MONTHS
from demo.company.roster import Person, Roster, months_before
from demo.company.timeline import Timeline
from demo.company.work import Work
from demo.gitlab import MergeRequest

TODAY = date(2026, 3, 10)
END = datetime.combine(TODAY, time.min, UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def company() -> CompanyWorld:
    return build(TODAY)


def fingerprint(world: CompanyWorld) -> str:
    """Changes with anything that a collector or a reader of the files could see."""
    told = hashlib.sha256()
    for user in world.users.values():
        told.update(repr((user.id, user.username, user.name, user.type)).encode())
    for person in world.people:
        told.update(repr((person.person_id, person.name, person.gender, person.stays)).encode())
    for change in world.merge_requests.values():
        told.update(
            repr(
                (
                    *(change.id, change.iid, change.project.full_path, change.author.id),
                    *(change.title, change.state, change.created_at, change.updated_at),
                    *(change.merged_at, change.closed_at, [label.title for label in change.labels]),
                    [(row.user.id, row.created_at) for row in change.reviewers],
                    [
                        (note.id, note.author.id, note.body, note.created_at)
                        for note in change.notes
                    ],
                )
            ).encode()
        )
    with TemporaryDirectory() as folder:
        write_files(world, Path(folder))
        for file in sorted(Path(folder).iterdir()):
            told.update(file.read_bytes())
    return told.hexdigest()


def titled(world: CompanyWorld, title: str) -> MergeRequest:
    (found,) = [
        change
        for change in world.merge_requests.values()
        if change.title.removeprefix("Draft: ") == title
    ]
    return found


def teams_of(person: Person, day: date) -> list[str]:
    """The teams of a person on a day; those left last where there are none any more."""
    present = [stay.team for stay in person.stays if stay.holds(day)]
    return present or [person.stays[-1].team]


def test_the_same_day_makes_the_same_company(company: CompanyWorld) -> None:
    """In another process too, where sets and hashes have another order."""
    program = (
        "from demo.company.build import build\n"
        "from tests.demo.company.test_company import TODAY, fingerprint\n"
        "print(fingerprint(build(TODAY)))"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == fingerprint(company)


def test_nothing_is_younger_than_the_demo(company: CompanyWorld) -> None:
    latest = max(change.updated_at for change in company.merge_requests.values())
    first = min(change.created_at for change in company.merge_requests.values())

    assert END - 4 * DAY <= latest <= END
    assert company.first_day == date(2023, 3, 1) == months_before(TODAY, MONTHS)
    assert datetime.combine(company.first_day, time.min, UTC) <= first
    assert not [
        note
        for change in company.merge_requests.values()
        for note in change.notes
        if note.created_at > END
    ]


def test_people_and_teams(company: CompanyWorld) -> None:
    parents = {team.slug: team.parent for team in company.teams}
    departments = [slug for slug, parent in parents.items() if parent is None]
    staffed = {stay.team for person in company.people for stay in person.stays}

    assert 50 <= len(company.people) <= 70
    assert len(departments) == 3  # below the organisation, and above ten teams
    assert len(parents) - len(departments) == 10
    assert set(parents) - staffed == {"research"}  # announced, and nobody is there yet
    assert len({person.username for person in company.people}) == len(company.people)


def test_people_come_move_and_leave(company: CompanyWorld) -> None:
    kinds = Counter(person.termination_type for person in company.people)
    movers = [p for p in company.people if len({stay.team for stay in p.stays}) > 1]
    led = [[s.team for s in p.stays if s.role == "manager"] for p in company.people]
    promoted = [p for p in company.people if [s.role for s in p.stays] == ["member", "manager"]]

    assert kinds["voluntary"] >= 5
    assert kinds["involuntary"] == 1
    assert len(movers) >= 6
    assert ["ingest", "insights"] in led  # one manager leads both
    assert len(promoted) == 1
    assert 0 < len(company.people) - len(company.declared) < 5  # some never said their account


def test_stays_fit_into_employments_and_into_each_other(company: CompanyWorld) -> None:
    for person in company.people:
        last = person.end_date
        by_team = defaultdict(list)
        for stay in person.stays:
            assert person.start_date <= stay.valid_from <= TODAY
            assert stay.valid_to is None or stay.valid_from < stay.valid_to
            assert last is None or (stay.valid_to is not None and stay.valid_to <= last + DAY)
            by_team[stay.team].append(stay)
        for stays in by_team.values():
            stays.sort(key=lambda stay: stay.valid_from)
            for earlier, later in pairwise(stays):
                assert earlier.valid_to is not None
                assert earlier.valid_to <= later.valid_from


def test_the_files_name_everybody(company: CompanyWorld, tmp_path: Path) -> None:
    write_files(company, tmp_path)

    lines = {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()}
    assert set(lines) == {
        *("employment.csv", "memberships.csv", "people.csv", "teams.yaml"),
        *("plan.csv", "openings.csv", "targets.csv"),
    }
    assert len(lines["people.csv"]) == len(lines["employment.csv"]) == len(company.people) + 1
    assert len(lines["memberships.csv"]) == sum(len(p.stays) for p in company.people) + 1
    assert sum("slug:" in line for line in lines["teams.yaml"]) == len(company.teams)


def rates(world: CompanyWorld) -> Iterator[tuple[int, dict[str, float]]]:
    """Merge requests per head and month by team, for each whole month by its age."""
    people = {person.username: person for person in world.people}
    for age in range(1, MONTHS + 1):
        first, after = months_before(TODAY, age), months_before(TODAY, age - 1)
        merged = Counter(
            team
            for change in world.merge_requests.values()
            if change.merged_at is not None and first <= change.merged_at.date() < after
            if change.author.username in people
            for team in teams_of(people[change.author.username], change.merged_at.date())
        )
        days = [first + n * DAY for n in range((after - first).days)]
        heads = {
            team.slug: mean(
                sum(
                    any(s.team == team.slug and s.holds(day) for s in p.stays) for p in world.people
                )
                for day in days
            )
            for team in world.teams
        }
        yield age, {slug: merged[slug] / n for slug, n in heads.items() if n and merged[slug]}


def test_rates_are_around_ten_and_differ(company: CompanyWorld) -> None:
    by_age = dict(rates(company))
    lately = {
        slug: mean(by_age[age][slug] for age in (1, 2, 3))
        for slug in by_age[1]
        if slug in by_age[3]
    }

    for found in by_age.values():
        assert 8 <= mean(found.values()) <= 12
    assert sum(rate >= 10 for rate in lately.values()) >= 3  # on target
    assert sum(8 <= rate < 10 for rate in lately.values()) >= 1  # attention
    assert sum(rate < 8 for rate in lately.values()) >= 2  # problem
    # Checkout slowed down three months ago, which is no noise.
    assert mean(by_age[age]["checkout"] for age in range(1, 4)) < 0.75 * mean(
        by_age[age]["checkout"] for age in range(5, 13)
    )


def test_open_work_is_on_target_here_and_not_there(company: CompanyWorld) -> None:
    people = {person.username: person for person in company.people}
    ages = defaultdict(list)
    for change in company.merge_requests.values():
        if change.state in ("opened", "locked") and change.author.username in people:
            for team in teams_of(people[change.author.username], TODAY):
                ages[team].append((END - change.created_at) / DAY)
    medians = {team: median(values) for team, values in ages.items() if len(values) >= 3}

    assert sum(value <= 21 for value in medians.values()) >= 4
    assert sum(value > 36 for value in medians.values()) >= 1
    assert 80 <= sum(map(len, ages.values())) <= 250
    orphaned = [
        change
        for change in company.merge_requests.values()
        if change.state == "opened"
        and (author := people.get(change.author.username)) is not None
        and author.end_date is not None
    ]
    assert orphaned  # open work outlives its author's stay


def test_who_comes_from_outside(company: CompanyWorld) -> None:
    by_author = Counter(change.author.username for change in company.merge_requests.values())
    labelled = [
        change
        for change in company.merge_requests.values()
        if "Community contribution" in [label.title for label in change.labels]
    ]

    assert by_author["renovate-bot"] > 100
    assert by_author["project_4_bot_5d0c1e"] > 50
    assert company.user("project_4_bot_5d0c1e").type == "PROJECT_BOT"
    assert len(labelled) > 200
    assert len({change.author.username for change in labelled}) >= 3


def test_the_hard_cases_are_there(company: CompanyWorld) -> None:
    many = titled(company, cases.MANY_NOTES)
    assert len(many.notes) > 100

    reopened = titled(company, cases.REOPENED)
    assert (reopened.state, reopened.closed_at) == ("opened", None)
    assert [event.state for event in reopened.state_events] == ["closed", "reopened"]

    assert titled(company, cases.LOCKED).state == "locked"
    draft = titled(company, cases.DRAFT_IN_REVIEW)
    assert draft.draft
    assert draft.reviewers

    backwards = titled(company, cases.BACKWARDS)
    assert backwards.merged_at is not None
    assert backwards.merged_at < backwards.created_at  # to be quarantined
    for title, state in ((cases.NO_MERGED_AT, "merged"), (cases.NO_CLOSED_AT, "closed")):
        estimated = titled(company, title)
        assert (estimated.state, estimated.merged_at, estimated.closed_at) == (state, None, None)
    early = titled(company, cases.EARLY_NOTE)
    assert min(note.created_at for note in early.notes) < early.created_at

    again = titled(company, cases.RE_REQUESTED)
    assert [row.created_at for row in again.reviewers] == [again.created_at]  # since creation
    assert [note.body.split(" @")[0] for note in again.notes if note.system] == [
        "requested review from"
    ]
    assert titled(company, cases.REVIEW_REMOVED).reviewers == []
    assert titled(company, cases.GHOST).author.type == "GHOST"
    assert titled(company, cases.OLD_ARCHIVED).project.archived
    assert titled(company, cases.UNDECLARED).author.username not in company.declared.values()
    assert [row.user.username for row in titled(company, cases.BOT_REVIEWED).reviewers] == [
        "renovate-bot"
    ]
    closed = [c for c in company.merge_requests.values() if c.state == "closed"]
    assert len(closed) > 100


def test_a_renamed_person_stands_in_notes_under_the_former_name(company: CompanyWorld) -> None:
    mentioned = {
        word.removeprefix("@")
        for change in company.merge_requests.values()
        for note in change.notes
        if note.action == "reviewer"
        for word in note.body.replace(",", "").split()
        if word.startswith("@")
    }
    former = {name for name in mentioned if company.find_user(name) is None}

    assert len(former) == 1
    (name,) = former
    assert company.user(name.removesuffix("-old")).username in company.declared.values()


@pytest.mark.parametrize("today", [date(2027, 1, 1), date(2028, 2, 29)])
def test_any_day_will_do(today: date) -> None:
    world = build(today)

    assert 50 <= len(world.people) <= 70
    assert len(world.merge_requests) > 8_000
    assert max(c.updated_at for c in world.merge_requests.values()).date() <= today


ANY_DAYS = [TODAY, date(2026, 3, 13), date(2026, 3, 14), date(2026, 3, 16)]
"""A Tuesday, a Friday, a Saturday and a Monday."""


def working_days_later(start: datetime, count: int) -> datetime:
    """The same time of day, so many days from Monday to Friday later."""
    while count:
        start += DAY
        count -= start.weekday() < 5
    return start


@pytest.mark.parametrize("today", ANY_DAYS)
def test_answers_are_overdue_due_and_due_later_whatever_the_day(today: date) -> None:
    world = CompanyWorld()
    for path in ("acme/product/storefront", "acme/product/payments"):
        group, _, name = path.rpartition("/")
        if world.find_group("acme") is None:
            world.add_group("acme")
            world.add_group(group)
        world.add_project(path, name)
    begin = datetime.combine(today, time.min, UTC)
    world.add_user("guest", "Guest")
    work = Work(world, Roster(today, Random(1)), {}, Timeline(begin), Random(1))
    outsiders = {f"community {number}": world.user("guest") for number in (2, 3, 4)}

    cases.Cases(work, {}, outsiders).answers_due()

    made = {change.title: change.created_at for change in world.merge_requests.values()}
    assert all(created < begin and created.weekday() < 5 for created in made.values())
    due = {title: working_days_later(created, 2) for title, created in made.items()}
    assert due[cases.MISSED] < begin
    # Nothing that is to be done today, for nobody knows at what time the demo is looked at.
    assert begin + DAY < due[cases.DUE] < due[cases.DUE_LATER] < begin + 4 * DAY


def test_checkout_shows_all_that_can_wait_and_everybody_who_came_and_went(
    company: CompanyWorld,
) -> None:
    since = months_before(TODAY, 2)
    stays = [(p, s) for p in company.people for s in p.stays if s.team == "checkout"]
    joined = [(p, s) for p, s in stays if s.valid_from >= since]
    left = [p for p, s in stays if s.valid_to is not None and s.valid_to >= since]
    behind = titled(company, cases.LEFT_BEHIND)

    assert len([s for _, s in stays if s.holds(TODAY)]) > 10
    assert [p for p, s in joined if p.start_date == s.valid_from]  # a new hire
    assert [p for p, s in joined if p.stays[0].team == "search"]  # from another team
    assert [p for p in left if p.end_date is not None and p.username == behind.author.username]
    assert behind.state == "opened"
    assert behind.reviewers
    waiting = [o for o in company.hiring.openings if o.team == "checkout" and o.closed_on is None]
    assert [o for o in waiting if o.target_start_on < TODAY]


def test_one_team_is_large_enough_for_its_shares_to_be_shown(company: CompanyWorld) -> None:
    """Nobody may be found by subtracting it from its department, or that from the whole, either."""
    parents = {team.slug: team.parent for team in company.teams}

    def declared(*slugs: str) -> Counter[str]:
        return Counter(
            person.gender
            for person in company.people
            if any(stay.team in slugs and stay.holds(TODAY) for stay in person.stays)
        )

    department = {slug for slug in parents if "platform" in (slug, parents[slug])}
    groups = (
        declared("delivery"),
        declared(*department - {"delivery"}),
        declared(*parents.keys() - department),
    )
    assert sum(groups[0].values()) > 10
    for group in groups:
        assert all(count >= 5 for count in group.values()), group


def test_targets_change_for_everybody_for_a_department_and_for_a_team(
    company: CompanyWorld,
) -> None:
    set_for = {team for team, _, day, _ in company.hiring.targets if day > months_before(TODAY, 12)}
    assert {"organisation", "platform", "checkout"} <= set_for
