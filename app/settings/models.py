"""The sections of `teamgauge.toml`."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr

from app.settings.alerts import AlertSettings
from app.settings.auth import AuthSettings
from app.settings.values import (
    Address,
    Client,
    DatabaseAddress,
    Day,
    Fraction,
    FullPath,
    GitLabAddress,
    Glob,
    GreenhouseAddress,
    Network,
    OptionalPath,
    PathGlob,
    Schedule,
    Secret,
    Section,
    TokenAddress,
    Whole,
    Zone,
)


class DatabaseSettings(Section):
    """url: empty for the embedded Postgres below data_dir. web_url, collect_url: the same database, as
    logins that may do less."""

    url: DatabaseAddress = SecretStr("")
    web_url: DatabaseAddress = SecretStr("")
    collect_url: DatabaseAddress = SecretStr("")
    data_dir: OptionalPath = None


class ReportingSettings(Section):
    """How days and months are counted, and since when."""

    timezone: Zone = "UTC"
    history_start: Day = date(2019, 1, 1)
    fiscal_year_start_month: Annotated[Whole, Field(ge=1, le=12)] = 2
    holidays: tuple[Day, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days begin and end."""
        return ZoneInfo(self.timezone)


def _named_project(value: Any) -> Any:
    """A handbook project may be given by its path alone."""
    return {"project": value} if isinstance(value, str) else value


class HandbookProject(Section):
    """A project whose merged merge requests are handbook updates, all or those that touch a glob."""

    project: FullPath
    paths: tuple[Glob, ...] = ()


class GitLabSettings(Section):
    """Where merge requests come from, and which of them count."""

    url: GitLabAddress = "https://gitlab.com"
    token: Secret = SecretStr("")
    token_file: OptionalPath = None
    webhook_secret: Secret = SecretStr("")
    webhook_secret_file: OptionalPath = None
    ca_file: OptionalPath = None
    concurrency: Annotated[Whole, Field(ge=1, le=64)] = 8
    groups: tuple[FullPath, ...] = ()
    projects: tuple[FullPath, ...] = ()
    product_scope: tuple[PathGlob, ...] = ("**",)
    handbook: tuple[Annotated[HandbookProject, BeforeValidator(_named_project)], ...] = ()
    community_label: str = "Community contribution"
    bots: tuple[Glob, ...] = ()
    exclude_drafts: bool = False
    reviewer_rows: Literal["open", "all"] = "open"


class CommunitySettings(Section):
    """The promise to contributors from outside."""

    response_business_days: Annotated[Whole, Field(ge=1, le=30)] = 2


class TargetSettings(Section):
    """tolerance: a miss of up to this share of the target is `attention`."""

    tolerance: Annotated[Fraction, Field(ge=0, le=1)] = 0.2


class DiversitySettings(Section):
    """Which declared attribute is shown, and how small a group may be."""

    attribute: Annotated[str, Field(min_length=1)] = "gender"
    minimum: Annotated[Whole, Field(ge=5)] = 5
    every: Literal["month", "quarter"] = "month"


class BambooHRSettings(Section):
    """People and employment from BambooHR."""

    url: Address = ""
    api_key: Secret = SecretStr("")
    api_key_file: OptionalPath = None
    team_from: Literal["department", "division", "reports_to"] = "department"
    gitlab_username_field: str = "customGitLabUsername"
    gender_field: str = "gender"


class GreenhouseSettings(Section):
    """Openings and offers from Greenhouse."""

    url: GreenhouseAddress = "https://harvest.greenhouse.io"
    token_url: TokenAddress = "https://auth.greenhouse.io/token"  # noqa: S105 - an address, not a secret
    client_id: Client = ""
    client_secret: Secret = SecretStr("")
    client_secret_file: OptionalPath = None


class FileSettings(Section):
    """Files beside the configuration, as absolute paths; None: not there and not asked for."""

    teams: OptionalPath = None
    people: OptionalPath = None
    employment: OptionalPath = None
    memberships: OptionalPath = None
    plan: OptionalPath = None
    openings: OptionalPath = None
    targets: OptionalPath = None

    @property
    def organisation(self) -> Mapping[str, Path]:
        """The files that say who is where, by key; only those that there are."""
        given = {
            "teams": self.teams,
            "people": self.people,
            "employment": self.employment,
            "memberships": self.memberships,
        }
        return {key: path for key, path in given.items() if path is not None}

    @property
    def planning(self) -> Mapping[str, Path]:
        """The files that say what is wanted, by key; only those that there are."""
        given = {"plan": self.plan, "openings": self.openings, "targets": self.targets}
        return {key: path for key, path in given.items() if path is not None}


class ServerSettings(Section):
    """Where `serve` listens.

    access_log: whether each request has a line in the log. drain_seconds: how long requests are still
    taken after SIGTERM, while /readyz says no already. trusted_proxies: addresses and networks of
    reverse proxies that say whom they heard and how (X-Forwarded-For, X-Forwarded-Proto).
    """

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65535)] = 8000
    access_log: bool = False
    drain_seconds: Annotated[Fraction, Field(ge=0, le=300)] = 0
    trusted_proxies: tuple[Network, ...] = ()


class WorkerSettings(Section):
    """How `teamgauge worker` shares the work; the same on every machine.

    collect_every: when all sources are collected without being asked for; empty: never.
    silent_seconds: after so long without a sign of life others do what a worker had begun.
    """

    concurrency: Annotated[Whole, Field(ge=1, le=64)] = 8
    collect_every: Schedule = ""
    silent_seconds: Annotated[Fraction, Field(ge=1, le=3600)] = 30


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
    worker: WorkerSettings = WorkerSettings()
    alerts: AlertSettings = AlertSettings()
    path: Path | None = None
    """The file that was read; None: built-in defaults and the environment alone."""

    def configured_sources(self) -> tuple[str, ...]:
        """The sources that a plain `collect` runs, in this order: the teams first.

        Whether one is configured no secret decides: the web server has none of theirs, and has to know
        as well whose data should be fresh.
        """
        files = bool(self.files.organisation or self.files.planning)
        # The address of the documentation names no company.
        bamboohr = bool(self.bamboohr.url) and not self.bamboohr.url.endswith("/COMPANY")
        gitlab = bool(self.gitlab.groups or self.gitlab.projects or self.gitlab.handbook)
        greenhouse = bool(self.greenhouse.client_id)
        return (
            ("files",) * files
            + ("bamboohr",) * bamboohr
            + ("greenhouse",) * greenhouse
            + ("gitlab",) * gitlab
        )
