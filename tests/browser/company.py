"""A small company for the browser tests, written into the raw tables as the collectors would.

Six teams on three levels and twenty months of merge requests up to now, the same every day but
for the dates: somebody has left with open work, one team has nothing in review, one title is HTML,
some accounts belong to nobody, and the checkout team has been getting slower for a month. There is a
plan with an opening past its target start, a handbook, and a community that is answered in time,
late and not yet. The shares of most teams are hidden, for few people could be found in them.
"""

from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import Engine, insert, inspect, select
from sqlalchemy.orm import Session

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import (
    Account,
    Employment,
    FormerUsername,
    Identity,
    IndicatorValue,
    Membership,
    MergeRequest,
    Note,
    Opening,
    Person,
    PlannedHeadcount,
    Project,
    Run,
    Target,
    Team,
)

HOSTILE_LABEL = '<b onmouseover="window.hit=1">urgent</b>'
HOSTILE_TITLE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> & "quotes"'
TEAMS = (
    ("platform", "Platform", "organisation", ()),
    ("runtime", "Runtime", "platform", ("acme/runtime",)),
    ("storage", "Storage", "platform", ("acme/storage", "acme/backup")),
    ("product", "Product", "organisation", ()),
    ("checkout", "Checkout", "product", ("acme/checkout-web", "acme/payments")),
    ("search", "Search & discovery", "product", ("acme/search",)),
    ("i18n", "Internationalisation", "organisation", ("acme/texts",)),
)
PROJECTS = (
    "runtime",
    "storage",
    "backup",
    "checkout-web",
    "payments",
    "search",
    "texts",
    "handbook",
)
COMMUNITY = ("checkout-web", "storage", "search")
SIZES = {"runtime": 6, "storage": 7, "checkout": 8, "search": 5, "i18n": 2}
HISTORY = timedelta(days=600)
BOT, STRANGER = 900, 901


def settings_for(today: date) -> Settings:
    """What the company has configured."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": (today - HISTORY).replace(day=1)},
            "gitlab": {"groups": ["acme"], "handbook": ["acme/handbook"]},
            "files": {"teams": "/etc/teamgauge/teams.yaml"},
        }
    )


def fill(engine: Engine, now: datetime) -> Settings:
    """Writes the company up to now and computes its indicators."""
    settings = settings_for(now.date())
    with Session(engine) as session, session.begin():
        _Company(session, now).write()
        refresh(session, settings, now)
        _restate(session, now)
    return settings


def restated_month(today: date) -> date:
    """The first day of the month of which one value was restated: the last that was over yesterday."""
    yesterday = today - timedelta(days=1)
    return (yesterday.replace(day=1) - timedelta(days=1)).replace(day=1)


def _restate(session: Session, now: datetime) -> None:
    """What the merge request rate of a month was in checkout before late data came."""
    month = restated_month(now.date())
    found = session.scalars(
        select(IndicatorValue)
        .join(Team, Team.id == IndicatorValue.team_id)
        .where(
            Team.slug == "checkout",
            IndicatorValue.indicator == "mr_rate",
            IndicatorValue.variant == "narrow",
            IndicatorValue.period == month,
        )
    ).one()
    columns = {column.key for column in inspect(IndicatorValue).columns} - {"id"}
    values = {key: getattr(found, key) for key in columns}
    recorded = now - timedelta(days=6)
    session.execute(
        insert(IndicatorValue).values(
            **{
                **values,
                "value": values["value"] + 1,
                "recorded_at": recorded,
                "superseded_at": now,
                "superseded_reason": "late_data",
            }
        )
    )


class _Company:
    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._begin = now - HISTORY
        self._random = Random(20)
        self._beside = Random(21)
        self._requests: list[dict[str, object]] = []
        self._notes: list[dict[str, object]] = []

    def write(self) -> None:
        for slug, name, parent, owns in TEAMS:
            self._session.execute(
                insert(Team).values(slug=slug, name=name, parent=parent, owns=list(owns))
            )
        self._session.execute(
            insert(Project),
            [
                {
                    "id": index,
                    "path": f"acme/{name}",
                    "name": name,
                    "web_url": f"https://gitlab.example/acme/{name}",
                    "archived": False,
                }
                for index, name in enumerate(PROJECTS, 1)
            ],
        )
        self._account(BOT, "release-bot", "Release bot", bot=True)
        self._account(STRANGER, "stranger", "Sam Hoyle")
        for number, (slug, size) in enumerate(SIZES.items()):
            for place in range(size):
                self._person(slug, number * 20 + place + 1, place)
        self._work()
        self._community()
        self._hiring()
        self._session.execute(insert(MergeRequest), self._requests)
        self._session.execute(insert(Note), self._notes)
        self._session.execute(
            insert(Target).values(
                indicator="open_mr_age",
                team="storage",
                valid_from=(self._now - timedelta(days=200)).date(),
                value=25.0,
            )
        )
        self._runs()

    def _account(self, key: int, username: str, name: str, *, bot: bool = False) -> None:
        self._session.execute(insert(Account).values(id=key, username=username, name=name, bot=bot))
        self._session.execute(insert(FormerUsername).values(account_id=key, username=username))

    def _person(self, team: str, key: int, place: int) -> None:
        first = ("Ines", "Arjun", "Lena", "Rafael", "Sofia", "Mwangi", "Nuno", "Tuula")[place]
        name, username = f"{first} {team.title()}", f"{first.lower()}-{team}"
        left = team == "checkout" and place == 3
        attributes = {} if place == 5 else {"gender": "man" if place % 2 else "woman"}
        self._session.execute(
            insert(Person).values(person_id=username, name=name, attributes=attributes)
        )
        end = self._now - timedelta(days=41)
        self._session.execute(
            insert(Employment).values(
                person_id=username,
                start_date=self._begin.date() - timedelta(days=200 + place),
                end_date=end.date() if left else None,
                termination_type="voluntary" if left else None,
            )
        )
        self._session.execute(insert(Identity).values(username=username, person_id=username))
        self._session.execute(
            insert(Membership).values(
                person_id=username,
                team=team,
                role="member" if place else "manager",
                valid_from=self._begin.date().replace(day=1),
                valid_to=(self._now - timedelta(days=40)).date() if left else None,
            )
        )
        self._account(key, username, name)

    def _work(self) -> None:
        for number, (team, size) in enumerate(SIZES.items()):
            slow = {"storage": 1.5, "search": 0.6}.get(team, 1.0)
            for day in range(HISTORY.days):
                created = self._begin + timedelta(days=day, hours=self._random.uniform(0, 20))
                for place in range(size):
                    author = number * 20 + place + 1
                    if self._random.random() < 0.32:
                        self._merge_request(team, author, created, slow, self._project(team))
                    if self._beside.random() < 0.02:
                        handbook = PROJECTS.index("handbook") + 1
                        self._merge_request(team, author, created, slow, handbook)
        for day in range(0, HISTORY.days, 9):
            created = self._begin + timedelta(days=day)
            self._merge_request("runtime", BOT, created, 0.3, 1)
            self._merge_request("runtime", STRANGER, created, 0.8, 1)
        # What Rafael left behind, under a title that is HTML.
        self._merge_request(
            "checkout",
            44,
            self._now - timedelta(days=130),
            0,
            5,
            title=HOSTILE_TITLE,
            open_=True,
            labels=(HOSTILE_LABEL,),
        )

    def _community(self) -> None:
        """Merge requests of strangers: most are answered within hours, some late, the last not yet."""
        answering = {"checkout-web": 41, "storage": 21, "search": 61}
        for day in range(0, HISTORY.days, 4):
            created = self._begin + timedelta(days=day, hours=9)
            name = COMMUNITY[day // 4 % len(COMMUNITY)]
            hours = 24 * 9 if day % 28 == 0 else self._beside.uniform(1, 20)
            self._stranger(name, created, created + timedelta(hours=hours), answering[name])
        self._stranger("checkout-web", self._now - timedelta(days=8), None, 0)
        self._stranger("checkout-web", self._now - timedelta(hours=3), None, 0)

    def _stranger(
        self, project: str, created: datetime, answered: datetime | None, by: int
    ) -> None:
        self._merge_request(
            "community",
            STRANGER,
            created,
            1.0,
            PROJECTS.index(project) + 1,
            open_=answered is None,
            labels=("Community contribution",),
        )
        if answered is not None and answered < self._now:
            self._comment(1000 + len(self._requests) - 1, by, answered)

    def _comment(self, request: int, author: int, at: datetime) -> None:
        self._notes.append(
            {
                "id": 1_000_000 + len(self._notes),
                "merge_request_id": request,
                "author_id": author,
                "kind": "comment",
                "created_at": at,
                "requested": [],
                "names": [],
            }
        )

    def _hiring(self) -> None:
        """As many people as there were, but for one more in the checkout team."""
        month = self._begin.date().replace(day=1)
        while month <= self._now.date():
            self._session.execute(
                insert(PlannedHeadcount),
                [
                    {
                        "team": team,
                        "month": month,
                        "planned_headcount": size + (team == "checkout"),
                    }
                    for team, size in SIZES.items()
                ],
            )
            month = (month + timedelta(days=31)).replace(day=1)
        today = self._now.date()
        self._session.execute(
            insert(Opening),
            [
                {
                    "opening_id": f"OP-{number}",
                    "team": team,
                    "opened_on": today - timedelta(days=opened),
                    "target_start_on": today - timedelta(days=over),
                }
                for number, (team, opened, over) in enumerate(
                    (("checkout", 97, 22), ("storage", 20, -40)), 1181
                )
            ],
        )

    def _project(self, team: str) -> int:
        owns = next(each[3] for each in TEAMS if each[0] == team)
        return PROJECTS.index(self._random.choice(owns).removeprefix("acme/")) + 1

    def _merge_request(
        self,
        team: str,
        author: int,
        created: datetime,
        slow: float,
        project: int,
        *,
        title: str = "",
        open_: bool = False,
        labels: tuple[str, ...] = (),
    ) -> None:
        key = 1000 + len(self._requests)
        days = self._random.lognormvariate(1.2, 1.3) * slow
        late = self._now - timedelta(days=45)
        if team == "checkout" and created > late:
            days *= 12
        ended = None if open_ else created + timedelta(days=days)
        if created > self._now:
            return
        if ended is not None and ended > self._now:
            ended = None
        merged = ended is not None and self._random.random() < 0.92
        # Nobody is asked for a review of a translation.
        asked = created + timedelta(days=min(days, 20) * self._random.uniform(0.05, 0.5))
        if team not in ("i18n", "community") and asked < self._now:
            if self._beside.random() < 0.6 and ended is not None:
                self._comment(key, 21 if author == 1 else 1, ended)
            self._notes.append(
                {
                    "id": key,
                    "merge_request_id": key,
                    "author_id": author,
                    "kind": "review_request",
                    "created_at": asked,
                    "requested": ["ines-runtime" if team != "runtime" else "lena-storage"],
                    "names": ["ines-runtime" if team != "runtime" else "lena-storage"],
                }
            )
        self._requests.append(
            {
                "id": key,
                "project_id": project,
                "iid": key - 999,
                "author_id": author,
                "title": title or f"Change {key - 999} of {team}",
                "web_url": f"https://gitlab.example/acme/{PROJECTS[project - 1]}"
                f"/-/merge_requests/{key - 999}",
                "state": "opened" if ended is None else "merged" if merged else "closed",
                "draft": ended is None and key % 11 == 0,
                "labels": list(labels),
                "created_at": created,
                "updated_at": ended or created,
                "merged_at": ended if merged else None,
                "closed_at": ended if ended and not merged else None,
                "reviewer_rows_read": True,
            }
        )

    def _runs(self) -> None:
        for back in range(30, -1, -1):
            started = self._now - timedelta(hours=8 * back)
            for source in ("files", "gitlab"):
                failed = back == 5 and source == "gitlab"
                self._session.execute(
                    insert(Run).values(
                        source=source,
                        kind="incremental",
                        started_at=started,
                        finished_at=started + timedelta(seconds=98),
                        outcome="failed" if failed else "done",
                        message="GitLab answered 502 five times." if failed else "",
                        data_through=None if failed else started,
                        requests=0 if source == "files" else 41,
                        rows_new=3,
                        rows_changed=12,
                    )
                )


__all__ = ["HOSTILE_LABEL", "HOSTILE_TITLE", "fill", "settings_for"]
