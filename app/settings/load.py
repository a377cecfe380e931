"""Reads the configuration file and the environment, and refuses what cannot be meant in one sentence."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_origin
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr, ValidationError

from app.errors import ConfigurationError
from app.settings import alerts
from app.settings.auth import AuthSettings
from app.settings.models import FileSettings, Settings
from app.settings.wording import (
    about_unknown_key,
    about_unknown_section,
    about_value,
    field_of,
    sections,
)

DEFAULT_FILE = Path("teamgauge.toml")
PREFIX = "TEAMGAUGE_"
PATHS = (
    ("database", "data_dir"),
    ("gitlab", "token_file"),
    ("gitlab", "webhook_secret_file"),
    ("gitlab", "ca_file"),
    ("bamboohr", "api_key_file"),
    ("greenhouse", "client_secret_file"),
    ("auth", "client_secret_file"),
    ("auth", "ca_file"),
    ("alerts", "webhook_url_file"),
    ("alerts", "smtp_password_file"),
    *(("files", key) for key in FileSettings.model_fields),
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine: what is sent to them does not leave it."""

DEFAULT_NAMES = {
    key: f"{key}.yaml" if key == "teams" else f"{key}.csv" for key in FileSettings.model_fields
}

Values = dict[str, dict[str, Any]]
Origins = dict[tuple[str, str], str]
"""Where each key was set: the file's name or the environment variable's."""


def configuration_path(given: Path | None) -> Path | None:
    """The configuration file: the given one, TEAMGAUGE_CONFIG, ./teamgauge.toml if it exists, or none."""
    if given is not None:
        return given
    named = os.environ.get(f"{PREFIX}CONFIG", "").strip()
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def load_settings(path: Path | None = None) -> Settings:
    """The configuration, from a file and the environment, which goes before it.

    path: the file; None: as `configuration_path` says. Relative paths in it are made absolute,
    counted from the file's folder.
    Raises ConfigurationError with one sentence that names the file, the key and what to write.
    """
    file = configuration_path(path)
    values: Values = {}
    origins: Origins = {}
    mistakes: list[str] = []
    if file is not None:
        _take_file(file, values, origins, mistakes)
    _take_environment(values, origins, mistakes)
    _take_credentials(values, origins, mistakes)
    folder = (file.parent if file is not None else Path()).absolute()
    _make_absolute(values, folder)
    given = {key for key, value in values.get("files", {}).items() if value != ""}
    _add_default_files(values, folder)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate({**values, "path": file.absolute() if file else None})
    except ValidationError as error:
        by_key = {(str(each["loc"][0]), str(each["loc"][1])): each for each in error.errors()}
        for (section, key), detail in by_key.items():
            value = None if _is_secret(section, key) else _found(values, detail["loc"])
            mistakes.append(f"{origins[section, key]}: {about_value(detail, value)}")
    if settings is not None:
        _check_together(settings, given, origins, mistakes)
    if mistakes or settings is None:
        more = len(mistakes) - 1
        raise ConfigurationError(mistakes[0] + (f" (and {more} more)" if more else "") + ".")
    return settings


def gitlab_token(settings: Settings) -> str:
    """The GitLab token, from the configuration or from token_file; empty: none, public data only.

    Raises ConfigurationError when the file cannot be read or holds no token.
    """
    return _secret_of(settings, "gitlab", "token", "token")


def bamboohr_key(settings: Settings) -> str:
    """The key of BambooHR, from the configuration or from api_key_file; empty: there is none.

    Raises ConfigurationError when the file cannot be read or holds no key.
    """
    return _secret_of(settings, "bamboohr", "api_key", "key")


def required_bamboohr_key(settings: Settings) -> str:
    """The same for who reads BambooHR. Raises ConfigurationError also for none."""
    return _required(bamboohr_key(settings), "bamboohr.url", "bamboohr.api_key")


def greenhouse_secret(settings: Settings) -> str:
    """The secret of Greenhouse's client, from the configuration or from client_secret_file; empty:
    there is none.

    Raises ConfigurationError when the file cannot be read or holds no secret.
    """
    return _secret_of(settings, "greenhouse", "client_secret", "secret")


def required_greenhouse_secret(settings: Settings) -> str:
    """The same for who reads Greenhouse. Raises ConfigurationError also for none."""
    return _required(
        greenhouse_secret(settings), "greenhouse.client_id", "greenhouse.client_secret"
    )


def webhook_secret(settings: Settings) -> str:
    """What GitLab sends with its events, from the configuration or from webhook_secret_file; empty:
    events are not taken.

    Raises ConfigurationError when the file cannot be read or holds no secret.
    """
    return _secret_of(settings, "gitlab", "webhook_secret", "secret")


def auth_secret(settings: Settings) -> str:
    """The secret of our client at the provider of sign-in, from the configuration or from
    client_secret_file; empty: there is none.

    Raises ConfigurationError when the file cannot be read or holds no secret.
    """
    return _secret_of(settings, "auth", "client_secret", "secret")


def alert_webhook(settings: Settings) -> str:
    """Where alerts are posted, from the configuration or from webhook_url_file; empty: nowhere.

    Raises ConfigurationError when the file cannot be read or holds no address.
    """
    return _secret_of(settings, "alerts", "webhook_url", "address")


def smtp_password(settings: Settings) -> str:
    """The password at the mail server, from the configuration or from smtp_password_file; empty: none.

    Raises ConfigurationError when the file cannot be read or holds no password.
    """
    return _secret_of(settings, "alerts", "smtp_password", "password")


def _secret_of(settings: Settings, section: str, key: str, what: str) -> str:
    """A secret that may also stand in a file of its own, `<key>_file`. what: it is called in sentences."""
    own = getattr(settings, section)
    file: Path | None = getattr(own, f"{key}_file")
    if file is None:
        given: SecretStr = getattr(own, key)
        return given.get_secret_value()
    return _secret_in(file, f"{section}.{key}_file {file}", what)


def _required(secret: str, given: str, key: str) -> str:
    """A secret without which what the key `given` says cannot be done. Other programs do without: a
    configuration that all of them share is whole for each with the secrets that it uses."""
    if not secret:
        raise ConfigurationError(f"{given} is set, so {key} must be as well.")
    return secret


def required_auth_secret(settings: Settings) -> str:
    """The same for who serves: other commands do without. Raises ConfigurationError also for none."""
    secret = auth_secret(settings)
    if not secret:
        raise ConfigurationError('auth.mode is "oidc", so auth.client_secret must be set.')
    return secret


def _secret_in(file: Path, name: str, what: str) -> str:
    """The token or key that a file holds; name: of the file, for sentences."""
    try:
        secret = file.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{name} cannot be read: {error.strerror or error}.",
            f"Write the {what} into it, and make it readable for this user.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name} is not a text file that holds a {what}.") from error
    if not re.fullmatch(r"[!-~]+", secret):
        raise ConfigurationError(f"{name} must hold the {what} on one line and nothing else.")
    return secret


def secrets(settings: Settings) -> tuple[str, ...]:
    """Every secret of the configuration, so that no log line may contain one."""
    found = {read(settings) for _, _, read in FILES_OF_SECRETS}
    for name in sections():
        for value in dict(getattr(settings, name)).values():
            if isinstance(value, SecretStr):
                found.add(value.get_secret_value())
    own = settings.database
    for address in (own.url, own.web_url, own.collect_url):
        password = re.match(r"[^:]+://[^:/@]*:([^@]*)@", address.get_secret_value())
        if password:
            found |= {password[1], unquote(password[1])}
    found.add(urlsplit(alert_webhook(settings)).path)  # the part of the address that lets one write
    return tuple(sorted(found - {""}, key=len, reverse=True))


FILES_OF_SECRETS = (
    ("gitlab", "token", gitlab_token),
    ("gitlab", "webhook_secret", webhook_secret),
    ("bamboohr", "api_key", bamboohr_key),
    ("greenhouse", "client_secret", greenhouse_secret),
    ("auth", "client_secret", auth_secret),
    ("alerts", "webhook_url", alert_webhook),
    ("alerts", "smtp_password", smtp_password),
)
"""The secrets that may also stand in a file of their own, and who reads it."""


def _take_file(file: Path, values: Values, origins: Origins, mistakes: list[str]) -> None:
    for section, content in _read(file).items():
        if section not in sections():
            mistakes.append(f"{file}: {about_unknown_section(section)}")
        elif not isinstance(content, dict):
            mistakes.append(f"{file}: {section} is a section, write [{section}] and its keys below")
        else:
            for key, value in content.items():
                if field_of(section, key) is None:
                    mistakes.append(f"{file}: {about_unknown_key(section, key)}")
                else:
                    values.setdefault(section, {})[key] = value
                    origins[section, key] = str(file)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The configuration file {file} does not exist.", "`teamgauge init` writes one."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {file} cannot be read: {error.strerror or error}."
        ) from error
    except UnicodeDecodeError as error:
        before = error.object[: error.start].count(b"\n")
        raise ConfigurationError(f"{file}, line {before + 1}: the file is not UTF-8.") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|.*)\)", str(error), re.DOTALL)
        assert found is not None
        line = int(found[2] or text.count("\n") + 1)
        column = int(found[3] or len(text.split("\n")[-1]) + 1)
        reason = found[1][:1].lower() + found[1][1:]
        raise ConfigurationError(
            f"{file}, line {line}, column {column}: {reason}.",
            "The file is not valid TOML: texts stand in quotes, lists in [ ].",
        ) from error


def _take_environment(values: Values, origins: Origins, mistakes: list[str]) -> None:
    for name, text in sorted(os.environ.items()):
        if not name.upper().startswith(PREFIX):
            continue
        section, divider, key = name[len(PREFIX) :].lower().partition("__")
        if not divider:
            meant = _single_underscore(section)
            if meant:
                mistakes.append(f"{name} has no effect, write {PREFIX}{meant}")
        elif section not in sections():
            mistakes.append(f"{name}: {about_unknown_section(section)}")
        elif field_of(section, key) is None:
            mistakes.append(f"{name}: {about_unknown_key(section, key)}")
        else:
            values.setdefault(section, {})[key] = _from_text(section, key, text)
            origins[section, key] = name


def _take_credentials(values: Values, origins: Origins, mistakes: list[str]) -> None:
    """What systemd (LoadCredential=, SetCredentialEncrypted=) hands over to this service alone: a
    secret that is set nowhere else, in a file that is called as its key is, `gitlab.token`."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return
    for section, model in sections().items():
        given = values.get(section, {})
        for key in model.model_fields:
            file = Path(folder) / f"{section}.{key}"
            if not _is_secret(section, key) or not file.is_file():
                continue
            if given.get(key) or given.get(f"{key}_file"):
                continue
            try:
                secret = _secret_in(file, f"the credential {file}", key)
            except ConfigurationError as error:
                mistakes.append(error.message.rstrip("."))
            else:
                values.setdefault(section, {})[key] = secret
                origins[section, key] = str(file)


def _single_underscore(rest: str) -> str:
    """The right name for a variable that lacks the second underscore; empty for all others."""
    for section, model in sections().items():
        for key in model.model_fields:
            if rest == f"{section}_{key}":
                return f"{section}__{key}".upper()
    return ""


def _from_text(section: str, key: str, text: str) -> Any:
    """A list in the environment is JSON or comma separated; everything else is taken as written."""
    field = field_of(section, key)
    if field is None or get_origin(field.annotation) is not tuple:
        return text
    if text.strip().startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text  # refused as a text that should be a list
    return [part.strip() for part in text.split(",") if part.strip()]


def _make_absolute(values: Values, folder: Path) -> None:
    for section, key in PATHS:
        value = values.get(section, {}).get(key)
        if isinstance(value, str) and value:
            values[section][key] = str(folder / Path(value).expanduser())


def _add_default_files(values: Values, folder: Path) -> None:
    files = values.setdefault("files", {})
    for key, name in DEFAULT_NAMES.items():
        if key not in files and (folder / name).is_file():
            files[key] = str(folder / name)


def _is_secret(section: str, key: str) -> bool:
    field = field_of(section, key)
    return field is not None and field.annotation is SecretStr


def _found(values: Values, location: tuple[int | str, ...]) -> Any:
    """The value at a place of the configuration, as far as the place exists."""
    found: Any = values
    for part in location:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            break
    return found


def _check_together(
    settings: Settings, given_files: set[str], origins: Origins, mistakes: list[str]
) -> None:
    """What one value alone does not show: files that must exist, the present day, two keys at once."""

    def wrong(section: str, key: str, phrase: str) -> None:
        mistakes.append(f"{origins[section, key]}: {section}.{key} {phrase}")

    today = datetime.now(settings.reporting.zone).date()
    if settings.reporting.history_start > today:
        wrong("reporting", "history_start", f"must not be in the future, today is {today}")
    for section, key, read in FILES_OF_SECRETS:
        own, file = getattr(settings, section), f"{key}_file"
        if getattr(own, key).get_secret_value() and getattr(own, file):
            wrong(section, file, f"and {section}.{key} are both set, keep one of them")
        elif getattr(own, file):
            try:
                read(settings)
            except ConfigurationError as error:
                text = error.message.removeprefix(f"{section}.{file} ").rstrip(".")
                wrong(section, file, text)
    greenhouse = settings.greenhouse
    has_secret = greenhouse.client_secret.get_secret_value() or greenhouse.client_secret_file
    if has_secret and not greenhouse.client_id:
        key = "client_secret_file" if greenhouse.client_secret_file else "client_secret"
        wrong("greenhouse", key, "is set, so greenhouse.client_id must be as well")
    for section in ("gitlab", "auth"):
        file = getattr(settings, section).ca_file
        if file and not file.is_file():
            wrong(section, "ca_file", f"{file} does not exist")
    _check_sign_in(settings.auth, wrong)
    for key, phrase in alerts.mistakes(settings.alerts):
        wrong("alerts", key, phrase)
    for key, value in settings.files:
        if key in given_files and not value.is_file():
            wrong("files", key, f'{value} does not exist, write "" if there is none')


def _check_sign_in(auth: AuthSettings, wrong: Callable[[str, str, str], None]) -> None:
    """Whether sign-in can work at all, and nobody's session travels in the open."""
    if auth.mode == "none":
        return
    given = {
        "issuer": auth.issuer,
        "client_id": auth.client_id,
        "base_url": auth.base_url,
    }
    for key, value in given.items():
        if not value:
            wrong("auth", "mode", f'is "oidc", so auth.{key} must be set')
            return
    for key in ("issuer", "base_url"):
        parts = urlsplit(str(given[key]))
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            wrong("auth", key, "must begin with https://: over http anybody on the way is let in")
    if "openid" not in auth.scopes:
        wrong("auth", "scopes", 'must contain "openid"')
