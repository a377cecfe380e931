"""Settings: the only reader of `teamgauge.toml` and of the environment.

`models` says which sections and keys there are, `load` reads them, `wording` turns what is wrong
with them into sentences.
"""

from app.settings.load import (
    bamboohr_key,
    configuration_path,
    gitlab_token,
    greenhouse_secret,
    load_settings,
    secrets,
    webhook_secret,
)
from app.settings.models import (
    AuthSettings,
    BambooHRSettings,
    CommunitySettings,
    DatabaseSettings,
    DiversitySettings,
    FileSettings,
    GitLabSettings,
    GreenhouseSettings,
    HandbookProject,
    ReportingSettings,
    Section,
    ServerSettings,
    Settings,
    TargetSettings,
    WorkerSettings,
    glob_pattern,
)

__all__ = [
    "AuthSettings",
    "BambooHRSettings",
    "CommunitySettings",
    "DatabaseSettings",
    "DiversitySettings",
    "FileSettings",
    "GitLabSettings",
    "GreenhouseSettings",
    "HandbookProject",
    "ReportingSettings",
    "Section",
    "ServerSettings",
    "Settings",
    "TargetSettings",
    "WorkerSettings",
    "bamboohr_key",
    "configuration_path",
    "gitlab_token",
    "glob_pattern",
    "greenhouse_secret",
    "load_settings",
    "secrets",
    "webhook_secret",
]
