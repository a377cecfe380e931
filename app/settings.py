"""Settings: the sections of `teamgauge.toml` as types; nothing else reads the file or the environment."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """A section of the file: unknown keys are refused, values do not change after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(Section):
    """url: empty for the embedded Postgres below data_dir."""

    url: SecretStr = SecretStr("")
    data_dir: Path | None = None


class ReportingSettings(Section):
    """How days and months are counted, and since when."""

    timezone: str = "UTC"
    history_start: date = date(2019, 1, 1)
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] = 2
    holidays: tuple[date, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days begin and end."""
        return ZoneInfo(self.timezone)


class HandbookProject(Section):
    """A project whose merged merge requests are handbook updates, all or those that touch a glob."""

    project: str
    paths: tuple[str, ...] = ()


class GitLabSettings(Section):
    """Where merge requests come from, and which of them count."""

    url: str = "https://gitlab.com"
    token: SecretStr = SecretStr("")
    token_file: Path | None = None
    ca_file: Path | None = None
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    groups: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    product_scope: tuple[str, ...] = ("**",)
    handbook: tuple[HandbookProject, ...] = ()
    community_label: str = "Community contribution"
    bots: tuple[str, ...] = ()
    exclude_drafts: bool = False
    reviewer_rows: Literal["open", "all"] = "open"


class CommunitySettings(Section):
    """The promise to contributors from outside."""

    response_business_days: Annotated[int, Field(ge=1, le=30)] = 2


class TargetSettings(Section):
    """tolerance: a miss of up to this share of the target is `attention`."""

    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.2


class DiversitySettings(Section):
    """Which declared attribute is shown, and how small a group may be."""

    attribute: str = "gender"
    minimum: Annotated[int, Field(ge=5)] = 5
    every: Literal["month", "quarter"] = "month"


class BambooHRSettings(Section):
    """People and employment from BambooHR."""

    url: str = ""
    api_key: SecretStr = SecretStr("")
    team_from: Literal["department", "division", "reports_to"] = "department"
    gitlab_username_field: str = "customGitLabUsername"
    gender_field: str = "gender"


class GreenhouseSettings(Section):
    """Openings and offers from Greenhouse."""

    url: str = "https://harvest.greenhouse.io"
    token_url: str = "https://auth.greenhouse.io/token"  # noqa: S105 - an address, not a secret
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")


class FileSettings(Section):
    """Files beside the configuration, as absolute paths; None: not there and not asked for."""

    teams: Path | None = None
    people: Path | None = None
    employment: Path | None = None
    memberships: Path | None = None
    plan: Path | None = None
    openings: Path | None = None
    targets: Path | None = None


class ServerSettings(Section):
    """Where `serve` listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000


class AuthSettings(Section):
    """Who may look: `none` serves this machine only."""

    mode: Literal["none", "oidc"] = "none"


class Settings(Section):
    """The whole configuration. `Settings()` is a valid one: nothing to collect, embedded database."""

    database: DatabaseSettings = DatabaseSettings()
    reporting: ReportingSettings = ReportingSettings()
    gitlab: GitLabSettings = GitLabSettings()
    community: CommunitySettings = CommunitySettings()
    targets: TargetSettings = TargetSettings()
    diversity: DiversitySettings = DiversitySettings()
    bamboohr: BambooHRSettings = BambooHRSettings()
    greenhouse: GreenhouseSettings = GreenhouseSettings()
    files: FileSettings = FileSettings()
    server: ServerSettings = ServerSettings()
    auth: AuthSettings = AuthSettings()
    path: Path | None = None
    """The file that was read; None: built-in defaults and the environment alone."""

    def configured_sources(self) -> tuple[str, ...]:
        """The sources that a plain `collect` runs, in this order: files first, then GitLab."""
        files = any(path is not None for path in self.files.model_dump().values())
        gitlab = bool(self.gitlab.groups or self.gitlab.projects)
        return ("files",) * files + ("gitlab",) * gitlab


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A path glob as a pattern for `fullmatch`: `**` crosses `/`, `*` and `?` do not; case counts not."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts), re.IGNORECASE)
