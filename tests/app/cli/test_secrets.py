"""No secret leaves the commands: servers that repeat what they were sent, mistakes, pages, the database."""

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.app.cli.conftest import Finished, Running

Teamgauge = Callable[..., Finished]
Start = Callable[..., Running]

TOKEN = "glpat-Ge+heim/1&<2>%x"
KEY = "key-Ge+heim/3&<4>%y"
CLIENT_SECRET = "hush-Ge+heim/5&<6>%z"
PASSWORD = "pass-Ge+heim/7&8%w"
SECRETS = (TOKEN, KEY, CLIENT_SECRET, PASSWORD)

SENT_AS = (f"{KEY}:x", f"client:{CLIENT_SECRET}", TOKEN, KEY, CLIENT_SECRET, f"oauth2:{TOKEN}")
"""What base64 may be made of: for HTTP's Basic authentication, by us or by who repeats it."""


def forms() -> Iterator[str]:
    """Every secret as it may be written, by no code of ours."""
    for secret in SECRETS:
        yield secret
        yield json.dumps(secret)[1:-1]
        yield quote(secret, safe="")
        yield quote_plus(secret)
    for pair in SENT_AS:
        yield b64encode(pair.encode()).decode().rstrip("=")[2:-2]


FORMS = tuple(dict.fromkeys(forms()))


def shown(output: str | bytes) -> list[str]:
    """The secrets that stand in a text."""
    written = output.decode(errors="replace") if isinstance(output, bytes) else output
    return [form for form in FORMS if form in written or form in unescape(written)]


class _Echo(BaseHTTPRequestHandler):
    """Puts the headers of each request into the error that it answers with, in many ways."""

    server: "Echo"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = [value for name, value in self.headers.items() if name.lower() in NAMES]
        self.server.sent += sent
        self.server.asked.set()
        if not self.server.go_on.wait(60):
            return
        heard = []
        for value in sent:
            credential = value.rpartition(" ")[2]
            heard += [value, quote(credential, safe=""), b64encode(value.encode()).decode()]
            if value.startswith("Basic "):
                heard.append(b64decode(credential).decode())
        words = " and ".join(f"not with {each}" for each in heard)
        body = json.dumps(
            {
                "message": words,
                "error_description": words,
                "detail": words,
                "errors": [{"message": words}],
            }
        ).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-BambooHR-Error-Message", words)
        self.send_header("Location", f"https://sign-in.test/{words}?state={words}")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


NAMES = ("authorization", "private-token")


class Echo(ThreadingHTTPServer):
    """The server of all sources. sent: what it was sent to be let in."""

    status = 400

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        super().__init__(("127.0.0.1", 0), _Echo)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def variables(echo: Echo, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Every source at the echo, each secret given in another way."""
    url = f"http://127.0.0.1:{echo.server_port}"
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "bamboohr.api_key").write_text(KEY)
    with_password = make_url(database_url).set(password=PASSWORD)
    return {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "TEAMGAUGE_DATABASE__URL": with_password.render_as_string(hide_password=False),
        "TEAMGAUGE_GITLAB__URL": url,
        "TEAMGAUGE_GITLAB__TOKEN_FILE": "token",
        "TEAMGAUGE_GITLAB__GROUPS": "acme",
        "TEAMGAUGE_BAMBOOHR__URL": f"{url}/api/gateway.php/acme",
        "TEAMGAUGE_GREENHOUSE__URL": url,
        "TEAMGAUGE_GREENHOUSE__TOKEN_URL": f"{url}/token",
        "TEAMGAUGE_GREENHOUSE__CLIENT_ID": "client",
        "TEAMGAUGE_GREENHOUSE__CLIENT_SECRET": CLIENT_SECRET,
        "TEAMGAUGE_SERVER__PORT": "0",
    }


def process_list() -> list[str]:
    """The command lines of every process."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has just ended
    return lines


def stored(url: str) -> str:
    """Every row of every table, as text."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        tables = connection.execute(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
        )
        rows = [
            str(row[0])
            for table in tables.scalars().all()
            for row in connection.execute(text(f"SELECT t::text FROM {table} t"))
        ]
    return "\n".join(rows)


def test_nothing_that_a_command_says_or_stores_has_a_secret(
    teamgauge: Teamgauge,
    start: Start,
    variables: dict[str, str],
    echo: Echo,
    database_url: str,
) -> None:
    said: list[str] = []

    def told(done: Finished, status: int) -> str:
        assert done.returncode == status, done.stdout + done.stderr
        said.append(done.stdout + done.stderr)
        return said[-1]

    for status in (400, 307):
        echo.status = status
        words = told(teamgauge("collect", **variables), 1)
        for source in ("gitlab", "bamboohr", "greenhouse"):
            assert f"{source}: failed" in words or f"{source}: partial" in words, words
    echo.status = 400
    assert told(teamgauge("check", **variables), 1).count("***") >= 3

    web = start("serve", **variables)
    assert web.stdout is not None
    base = web.stdout.readline().split()[2]
    pages = ("", "data", "api/v1/runs", "api/v1/data-quality", "openapi.json", "api/v1/no-such")
    said += [httpx.get(base + page, timeout=120).text for page in pages]
    assert "***" in said[-5], "what the servers repeated is on the page about the data"

    echo.asked.clear()
    echo.go_on.clear()
    cron = start("collect", "gitlab", **variables)
    assert echo.asked.wait(120)
    said += process_list()
    assert any("teamgauge" in line for line in said[-200:])
    echo.go_on.set()
    said += cron.communicate(timeout=120)
    web.terminate()
    said += web.communicate(timeout=120)

    kept = stored(database_url)
    assert "not with ***" in kept
    for value in (TOKEN, b64encode(f"{KEY}:x".encode()).decode()):
        assert any(value in each for each in echo.sent), "the servers were sent no secret"
    assert [shown(each) for each in [*said, kept] if shown(each)] == []


@pytest.mark.parametrize(
    "mistake",
    [
        {"TEAMGAUGE_GITLAB__TOKEN": f"{TOKEN} {TOKEN}", "TEAMGAUGE_GITLAB__CONCURRENCY": "many"},
        {
            "TEAMGAUGE_DATABASE__URL": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x",
            "TEAMGAUGE_GITLAB__TOKEN_FILE": "",
            "TEAMGAUGE_GITLAB__TOKEN": TOKEN,
        },
        {"TEAMGAUGE_DATABASE__URL": f"postgresql://me:{PASSWORD}@x@127.0.0.1:1/x"},
    ],
)
def test_a_mistake_in_the_configuration_shows_none(
    teamgauge: Teamgauge, variables: dict[str, str], mistake: dict[str, str]
) -> None:
    done = teamgauge("collect", **{**variables, **mistake})

    assert done.returncode == 2, done.stdout + done.stderr
    assert shown(done.stdout + done.stderr) == []


def test_init_writes_none(teamgauge: Teamgauge, variables: dict[str, str], tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    done = teamgauge("init", **variables)

    assert done.returncode == 0, done.stdout + done.stderr
    written = [each.read_text() for each in set(tmp_path.rglob("*")) - before if each.is_file()]
    assert written
    assert [shown(each) for each in (*written, done.stdout, done.stderr) if shown(each)] == []
