"""Whether anything that an answer may tell has changed: one cheap question to the database.

Triggers on every table from which answers are drawn write down which transactions changed it (see
`Change`). A transaction's row becomes visible together with what it wrote, so that two moments with the
same rows have the same data, however transactions overlap. Rows that every snapshot has are removed by
a later transaction, which leaves a new one.
"""

from sqlalchemy import Connection, text

STATE = text(
    "SELECT coalesce(string_agg(concat(transaction, '@', extract(epoch FROM at)), ' '"
    " ORDER BY transaction), '') FROM changes"
)


def state_of(connection: Connection) -> str:
    """What tells the present state of the data from every earlier and later one."""
    return str(connection.execute(STATE).scalar_one())
