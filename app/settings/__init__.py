"""Settings: the only reader of `teamgauge.toml` and of the environment.

`models` says which sections and keys there are (`auth` and `alerts` those of sign-in and of alerts),
`values` what each value must look like, `load` reads them, `wording` turns what is wrong with them into
sentences.
"""

from app.settings.alerts import AlertSettings
from app.settings.auth import AuthSettings, Grant
from app.settings.load import (
    alert_webhook,
    auth_secret,
    bamboohr_key,
    configuration_path,
    gitlab_token,
    greenhouse_secret,
    load_settings,
    required_auth_secret,
    required_bamboohr_key,
    required_greenhouse_secret,
    secrets,
    smtp_password,
    webhook_secret,
)
from app.settings.models import (
    BambooHRSettings,
    CommunitySettings,
    DatabaseSettings,
    DiversitySettings,
    FileSettings,
    GitLabSettings,
    GreenhouseSettings,
    HandbookProject,
    ReportingSettings,
    ServerSettings,
    Settings,
    TargetSettings,
    WorkerSettings,
)
from app.settings.values import Section, glob_pattern

__all__ = [
    "AlertSettings",
    "AuthSettings",
    "BambooHRSettings",
    "CommunitySettings",
    "DatabaseSettings",
    "DiversitySettings",
    "FileSettings",
    "GitLabSettings",
    "Grant",
    "GreenhouseSettings",
    "HandbookProject",
    "ReportingSettings",
    "Section",
    "ServerSettings",
    "Settings",
    "TargetSettings",
    "WorkerSettings",
    "alert_webhook",
    "auth_secret",
    "bamboohr_key",
    "configuration_path",
    "gitlab_token",
    "glob_pattern",
    "greenhouse_secret",
    "load_settings",
    "required_auth_secret",
    "required_bamboohr_key",
    "required_greenhouse_secret",
    "secrets",
    "smtp_password",
    "webhook_secret",
]
