"""The types of values in `teamgauge.toml`: what each must look like by itself."""

import re
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

# A ValueError raised here continues the key's name: "gitlab.url" + " must begin with https://".


def _day(value: Any) -> Any:
    """A TOML date, or text in ISO form; pydantic alone would read numbers as seconds since 1970."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"must be a day that exists, not {value.strip()}") from None
    raise ValueError(f'must be a day such as "2019-01-01", not {shown(value)}')


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {shown(value)}")  # noqa: TRY004 - pydantic's way
    return value


def shown(value: Any) -> str:
    """A value as it would be written in TOML, cut to a readable length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"'.replace("\n", r"\n") if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _absent(value: Any) -> Any:
    """An empty path means none."""
    return None if value == "" else value


def _address(value: str) -> str:
    """An http(s) address without the parts that belong elsewhere; a trailing slash is dropped."""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f'must be a whole address such as "https://gitlab.example.com", not {shown(value)}'
        )
    if parts.username or parts.password:
        raise ValueError("must not contain a user name or password")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f"has a port that is not a number up to 65535: {shown(value)}") from None
    if parts.query or parts.fragment:
        raise ValueError(f"must not contain ? or #: {shown(value)}")
    return value.rstrip("/")


def _gitlab_address(value: str) -> str:
    if not value:
        raise ValueError('must not be empty, write "https://gitlab.com"')
    if re.search(r"/api(/v\d+|/graphql)?/?$", value):
        raise ValueError("must be GitLab's base address, without /api and what follows it")
    return value


def _greenhouse_address(value: str) -> str:
    if not value:
        raise ValueError('must not be empty, write "https://harvest.greenhouse.io"')
    if re.search(r"/v\d+$", value):
        raise ValueError("must be Greenhouse's base address, without /v3 and what follows it")
    return value


def _token_address(value: str) -> str:
    if not value:
        raise ValueError('must not be empty, write "https://auth.greenhouse.io/token"')
    return value


def _client(value: str) -> str:
    """The user name of HTTP's Basic authentication, which ends at the first colon."""
    if not re.fullmatch(r"[!-9;-~]*", value.strip()):
        raise ValueError("must not contain spaces, colons or letters beyond ASCII")
    return value.strip()


def _secret(value: SecretStr) -> SecretStr:
    """A secret goes into an HTTP header: nothing but visible ASCII, and never into a message."""
    text = value.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError("must not contain spaces, line breaks or letters beyond ASCII")
    return SecretStr(text)


def _database_address(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not re.match(r"(postgresql|postgres)(\+psycopg)?://", text):
        raise ValueError(
            "must begin with postgresql://, or be empty for the embedded database "
            "(postgresql://user:password@host:5432/name)"
        )
    return value


def _full_path(value: str) -> str:
    """The full path of a group or project as it stands in its address."""
    path = value.strip().strip("/")
    if "://" in path:
        raise ValueError(f'must hold paths such as "my-group/my-project", not addresses: {path}')
    if not path or not re.fullmatch(r"[^\s*?/]+(/[^\s*?/]+)*", path):
        raise ValueError(f'must hold paths such as "my-group/my-project", not {shown(value)}')
    return path


def _glob(value: str) -> str:
    if not value.strip():
        raise ValueError('must not hold an empty glob, write "**" for everything')
    if re.search(r"[\[\]{}!]", value):
        raise ValueError(f"knows only **, * and ? as wildcards: {shown(value)}")
    return value.strip()


def _path_glob(value: str) -> str:
    if "://" in value or value.strip().startswith("/") or value.strip().endswith("/"):
        raise ValueError(f'must hold globs on paths such as "my-group/**", not {shown(value)}')
    return _glob(value)


def _zone(value: str) -> str:
    """A name of the IANA database, as it is written there."""
    zones = available_timezones()  # of the system, or of the package tzdata
    if value in zones:
        return value
    by_lower = {zone.lower(): zone for zone in zones}
    cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones, key=len)}
    known = {**cities, **by_lower}
    near = get_close_matches(value.lower().replace(" ", "_"), known, n=1, cutoff=0.6)
    suggestion = f', perhaps "{known[near[0]]}"' if near else ""
    raise ValueError(
        f'must be an IANA time zone such as "Europe/Berlin"{suggestion}, not {shown(value)}'
    )


def _network(value: str) -> str:
    """An IP address or a network of them (CIDR), as it is written shortest."""
    try:
        network = ip_network(value.strip())
    except ValueError:
        raise ValueError(
            f'must hold addresses or networks such as "10.0.0.0/8", not {shown(value)}'
        ) from None
    if network.prefixlen == 0:
        raise ValueError(f"must not hold every address there is: {shown(value)}")
    return str(network)


def _schedule(value: str) -> str:
    """Minute, hour, day of the month, month and day of the week as in a crontab."""
    if not value.strip():
        return ""
    from croniter import croniter  # late: a quarter of the time in which everything else is loaded

    if len(value.split()) != 5 or not croniter.is_valid(value):
        raise ValueError(
            f'must be five fields as in a crontab, such as "*/5 * * * *", not {shown(value)}'
        )
    return value.strip()


Day = Annotated[date, BeforeValidator(_day)]
Whole = Annotated[int, BeforeValidator(_number)]
Fraction = Annotated[float, BeforeValidator(_number)]
OptionalPath = Annotated[Path | None, BeforeValidator(_absent)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Address = Annotated[str, AfterValidator(_address)]
FullPath = Annotated[str, AfterValidator(_full_path)]
Glob = Annotated[str, AfterValidator(_glob)]
PathGlob = Annotated[str, AfterValidator(_path_glob)]
GitLabAddress = Annotated[Address, AfterValidator(_gitlab_address)]
GreenhouseAddress = Annotated[Address, AfterValidator(_greenhouse_address)]
TokenAddress = Annotated[Address, AfterValidator(_token_address)]
Client = Annotated[str, AfterValidator(_client)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(_database_address)]
Zone = Annotated[str, AfterValidator(_zone)]
Network = Annotated[str, AfterValidator(_network)]
Schedule = Annotated[str, AfterValidator(_schedule)]


class Section(BaseModel):
    """A section of the file: unknown keys are refused, values do not change after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@lru_cache(maxsize=10_000)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """A path glob as a pattern for `fullmatch`: `**` crosses `/`, `*` and `?` do not; case counts not."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts), re.IGNORECASE)
