"""The hiring of a company, in memory: what happens to openings and offers, one method each."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from threading import RLock

from demo.greenhouse.records import CloseReason, Department, Entity, Job, Offer, Opening


class HiringWorld:
    """What a Greenhouse account holds; every change moves `updated_at` of what it changes.

    clock: the time of changes that do not say when they happened. lock: to be held while reading.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.lock = RLock()
        self.departments: dict[int, Department] = {}
        self.close_reasons: dict[int, CloseReason] = {}
        self.jobs: dict[int, Job] = {}
        self.openings: dict[int, Opening] = {}
        self.offers: dict[int, Offer] = {}
        self._clock = clock or (lambda: datetime.now(UTC))
        self._last_id = 4_000_000

    def _new(self, at: datetime | None) -> tuple[int, datetime]:
        self._last_id += 1
        return self._last_id, at or self._clock()

    def touch(self, entity: Entity, at: datetime | None = None) -> None:
        """Notes that a record was changed."""
        entity.updated_at = at or self._clock()

    def add_department(
        self,
        name: str,
        external_id: str | None = None,
        *,
        parent: Department | None = None,
        at: datetime | None = None,
    ) -> Department:
        """A new department."""
        with self.lock:
            number, at = self._new(at)
            department = Department(
                number, at, at, name, external_id, parent.id if parent is not None else None
            )
            self.departments[number] = department
            return department

    def add_close_reason(self, name: str, *, at: datetime | None = None) -> CloseReason:
        """A new reason to close openings."""
        with self.lock:
            number, at = self._new(at)
            self.close_reasons[number] = CloseReason(number, at, at, name)
            return self.close_reasons[number]

    def add_job(
        self, name: str, department: Department | None, *, at: datetime | None = None
    ) -> Job:
        """A new job, open at once."""
        with self.lock:
            number, at = self._new(at)
            job = Job(
                number,
                at,
                at,
                name,
                department.id if department is not None else None,
                opened_at=at,
            )
            self.jobs[number] = job
            return job

    def move_job(self, job: Job, department: Department | None, at: datetime | None = None) -> None:
        """Puts a job into another department; its openings are not changed by that."""
        with self.lock:
            job.department_id = department.id if department is not None else None
            self.touch(job, at)

    def open_opening(
        self,
        job: Job,
        *,
        at: datetime | None = None,
        target_start_on: date | None = None,
        called: str | None = None,
        number: int | None = None,
    ) -> Opening:
        """A new opening of a job. number: its id, where it is not just the next one."""
        with self.lock:
            next_number, at = self._new(at)
            number = number or next_number
            opening = Opening(number, at, at, job.id, at, target_start_on, opening_id=called)
            self.openings[number] = opening
            return opening

    def close_opening(
        self, opening: Opening, reason: CloseReason | None = None, at: datetime | None = None
    ) -> None:
        """Closes an opening."""
        with self.lock:
            self.touch(opening, at)
            opening.closed_at = opening.updated_at
            opening.close_reason_id = reason.id if reason is not None else None

    def delete_opening(self, opening: Opening) -> None:
        """Removes an opening without a trace, as Greenhouse does."""
        with self.lock:
            del self.openings[opening.id]

    def make_offer(
        self,
        opening: Opening,
        *,
        starts_on: date | None = None,
        at: datetime | None = None,
        bound: bool = True,
    ) -> Offer:
        """An offer for an opening. bound: whether Greenhouse is told for which."""
        with self.lock:
            number, at = self._new(at)
            application = self._new(at)[0]
            offer = Offer(
                number,
                at,
                at,
                opening.job_id,
                opening.id if bound else None,
                application,
                self._new(at)[0],
                sent_on=at.date(),
                starts_on=starts_on,
            )
            self.offers[number] = offer
            return offer

    def resolve_offer(
        self, offer: Offer, status: str = "Accepted", at: datetime | None = None
    ) -> None:
        """The candidate's answer."""
        with self.lock:
            self.touch(offer, at)
            offer.status = status
            offer.resolved_at = offer.updated_at

    def delete_offer(self, offer: Offer) -> None:
        """Removes an offer without a trace."""
        with self.lock:
            del self.offers[offer.id]
