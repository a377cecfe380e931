"""People, openings, offers and rows of the plan: the evidence of what counts no merge requests."""

from datetime import date

from app.api.shapes.answer import Answer


class OccurrenceAnswer(Answer):
    """Something behind a point of hiring or retention."""

    kind: str
    """member, hire, transfer_in, leaver, opening, offer or plan."""
    person_id: str | None
    """Of whom it tells, as in the HR system; null for what is no person."""
    name: str | None
    """Of the person; null for what is no person."""
    reference: str | None
    """Id of an opening or offer in its source."""
    team: str | None
    """Slug of the team of an opening, an offer or a row of the plan."""
    first_day: date | None
    """Since when: of the membership, of the employment, opened, accepted, the month of the plan."""
    last_day: date | None
    """The last day of the membership or the employment, or the last one before an offer starts; null
    while there is none."""
    value: float | None
    """For how many days an opening is open; planned people; null for a person."""
