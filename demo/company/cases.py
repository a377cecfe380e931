"""The hard cases: one merge request each for what goes wrong or is easily got wrong.

Each has a title by which it is found, so that the demo shows it and a test asks for it.
"""

from datetime import UTC, date, datetime, time, timedelta

from demo.company.plan import ARCHIVED, COMMUNITY_LABEL, HANDBOOK
from demo.company.work import Work
from demo.gitlab import MergeRequest, User

MANY_NOTES = "Rework how prices are rounded"
REOPENED = "Bring back the weekly summary"
LOCKED = "Merge the new scheduler core"
BACKWARDS = "Import the settings of the old instance"
NO_MERGED_AT = "Import the first release notes"
NO_CLOSED_AT = "Import an abandoned proposal"
EARLY_NOTE = "Copy the discussion about queues"
RE_REQUESTED = "Make the export resumable"
SCRIPT = "Escape <script>alert('hello')</script> & \"quotes\" in the report"
DRAFT_IN_REVIEW = "Try another parser"
REVIEW_REMOVED = "Shorten the start-up"
GHOST = "Translate the welcome page"
OLD_ARCHIVED = "Keep the old runner alive"
COMMUNITY_WAITING = "Speak of colour in both spellings"
UNDECLARED = "Prepare the audit log"
BOT_REVIEWED = "Use the linter of the company"
LEFT_BEHIND = "Keep the basket over a sign-in"
MISSED = "Read decimal commas in amounts"
DUE = "Show delivery days on public holidays"
DUE_LATER = "Describe the sandbox of the payment API"
ANSWER_DAYS = 2
"""Working days within which the community is to be answered."""


class Cases:
    """Plans the hard cases; `end` is when the demo begins."""

    def __init__(self, work: Work, people: dict[str, User], outsiders: dict[str, User]) -> None:
        self.work = work
        self.world = work.world
        self.people = people
        self.outsiders = outsiders

    def ago(self, days: float) -> datetime:
        """So many days before the demo begins."""
        return self.work.timeline.end - timedelta(days=days)

    def open_it(
        self, title: str, project: str, author: User, days: float, *reviewers: User, label: str = ""
    ) -> MergeRequest:
        """A merge request opened so many days ago."""
        return self.work.open_request(
            self.world.project(project),
            author,
            self.ago(days),
            title=title,
            reviewers=reviewers,
            labels=[label] if label else (),
        )

    def apply(self) -> None:
        """All of them, after everything else has happened."""
        self._reviews()
        self._ends()
        self._people()
        self.answers_due()

    def _reviews(self) -> None:
        world, people = self.world, self.people
        author, first, second = people["checkout"], people["checkout 2"], people["search"]
        many = self.open_it(MANY_NOTES, "acme/product/payments", author, 33)
        world.request_review(many, author, [first], self.ago(32))
        for number in range(130):
            by = (author, first, second)[number % 3]
            world.comment(many, by, self.work.remark(), self.ago(31 - number * 0.2))

        again = self.open_it(RE_REQUESTED, "acme/data/reports", people["insights"], 40, second)
        world.comment(again, second, self.work.remark(), self.ago(35))
        world.request_review(again, people["insights"], [second], self.ago(3))

        draft = self.open_it(DRAFT_IN_REVIEW, "acme/data/pipelines", people["ingest"], 25)
        world.mark_draft(draft, people["ingest"], self.ago(24.9))
        world.request_review(draft, people["ingest"], [people["insights"]], self.ago(20))

        removed = self.open_it(REVIEW_REMOVED, "acme/platform/scheduler", people["runtime"], 28)
        world.request_review(removed, people["runtime"], [second], self.ago(27))
        world.remove_reviewer(removed, people["runtime"], second, self.ago(26))

        robot = self.open_it(BOT_REVIEWED, "acme/platform/telemetry", people["observability"], 9)
        bot = self.outsiders["bot"]
        world.request_review(robot, people["observability"], [bot], self.ago(8.9))
        world.comment(robot, bot, "No objections.", self.ago(8.8))

        early = self.open_it(EARLY_NOTE, "acme/data/pipelines", people["ingest"], 12)
        world.comment(early, people["insights"], "Copied from the old place.", self.ago(300))
        world.comment(early, people["insights"], self.work.remark(), self.ago(10))

    def _ends(self) -> None:
        world, people = self.world, self.people
        reopened = self.open_it(REOPENED, "acme/data/reports", people["insights"], 60)
        world.close(reopened, people["insights"], self.ago(50))
        world.reopen(reopened, people["insights"], self.ago(20))

        locked = self.open_it(LOCKED, "acme/platform/scheduler", people["runtime"], 15)
        world.request_review(locked, people["runtime"], [people["delivery"]], self.ago(14))
        world.lock_for_merge(locked, self.ago(6))

        backwards = self.open_it(BACKWARDS, "acme/platform/deploy-tools", people["delivery"], 200)
        world.merge(backwards, people["delivery"], self.ago(190))
        unknown = self.open_it(NO_MERGED_AT, HANDBOOK, people["delivery"], 400)
        world.merge(unknown, people["delivery"], self.ago(396))
        abandoned = self.open_it(NO_CLOSED_AT, HANDBOOK, people["delivery"], 380)
        world.close(abandoned, people["delivery"], self.ago(370))
        with world.changing():
            # What an import from another instance leaves behind.
            backwards.merged_at = self.ago(230)
            unknown.merged_at = None
            abandoned.closed_at = None

        script = self.open_it(SCRIPT, "acme/data/reports", people["insights"], 5)
        world.request_review(script, people["insights"], [people["ingest"]], self.ago(4.5))
        old = self.open_it(OLD_ARCHIVED, ARCHIVED, people["runtime"], 700)
        world.merge(old, people["runtime"], self.ago(690))
        left = self.open_it(f"{OLD_ARCHIVED} a little longer", ARCHIVED, people["runtime"], 650)
        world.close(left, people["runtime"], self.ago(600))

    def _people(self) -> None:
        world, outsiders = self.world, self.outsiders
        waiting = self.open_it(
            COMMUNITY_WAITING,
            "acme/product/search-service",
            outsiders["community"],
            4,
            label=COMMUNITY_LABEL,
        )
        world.comment(waiting, outsiders["community"], "Is anybody there?", self.ago(1))
        audit = self.open_it(UNDECLARED, "acme/data/warehouse", outsiders["contractor"], 17)
        world.request_review(
            audit, outsiders["contractor"], [self.people["insights"]], self.ago(16)
        )
        left = self.people["checkout left"]
        behind = self.open_it(LEFT_BEHIND, "acme/product/storefront", left, 97)
        world.request_review(behind, left, [self.people["checkout 2"]], self.ago(96))

        gone = world.add_user("dora-old", "Dora")
        ghost = self.open_it(GHOST, HANDBOOK, gone, 45)
        world.comment(ghost, gone, "I move on, somebody else may take it.", self.ago(44))
        world.delete_user(gone)

    def answers_due(self) -> None:
        """Contributions to the checkout team whose answer is overdue, due next, and due later."""
        last, following = self._working_day(-1), self._working_day(1)
        self._due(MISSED, "acme/product/storefront", "community 2", last, 15.3)
        self._due(DUE, "acme/product/storefront", "community 3", following, 9.35)
        self._due(DUE_LATER, "acme/product/payments", "community 4", following, 18.7)

    def _due(self, title: str, project: str, author: str, day: date, hour: float) -> None:
        """A contribution that nobody has answered, and whose answer is due at this hour of a day."""
        due = datetime.combine(day, time.min, UTC) + timedelta(hours=hour)
        opened = due - (day - self._working_day(-ANSWER_DAYS, day))
        self.work.open_request(
            self.world.project(project),
            self.outsiders[author],
            opened,
            title=title,
            labels=[COMMUNITY_LABEL],
        )

    def _working_day(self, count: int, since: date | None = None) -> date:
        """So many working days after a day, or before it; by default after the day of the demo."""
        day = since or self.work.timeline.end.date()
        step = timedelta(days=1 if count > 0 else -1)
        for _ in range(abs(count)):
            day += step
            while day.weekday() >= 5:
                day += step
        return day
