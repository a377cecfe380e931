"""As whom a program works with the database: each may do what its work needs, and nothing else.

Roles belong to a whole server, not to one database. Two databases of teamgauge on one server share
these names: a member may do the same in both, unless it may not connect to the other.
"""

from enum import StrEnum


class DatabaseRole(StrEnum):
    """The names of the roles; the owner is whoever makes the tables, under any name."""

    OWNER = ""
    WEB = "teamgauge_web"
    COLLECT = "teamgauge_collect"


LIMITED = (DatabaseRole.WEB, DatabaseRole.COLLECT)
"""Those that are made by us, and may do what `app.store.tables.privileges` says."""
