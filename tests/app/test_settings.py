"""Configuration: what is read from where, and the sentence for each mistake."""

from datetime import date
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.settings import (
    Settings,
    bamboohr_key,
    gitlab_token,
    greenhouse_secret,
    load_settings,
    secrets,
    smtp_password,
)
from app.settings.load import DEFAULT_NAMES


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty; no configuration in the environment."""
    import os

    for name in os.environ:
        if name.startswith("TEAMGAUGE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(text: str, folder: Path) -> str:
    """The sentence for a configuration file with this content."""
    (folder / "teamgauge.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None)
    assert caught.value.status == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def load_settings_with(text: str) -> Settings:
    """The settings of a configuration file with this content."""
    Path("teamgauge.toml").write_text(text, encoding="utf-8")
    return load_settings(None)


def test_nothing_given_is_a_valid_configuration() -> None:
    settings = load_settings(None)
    assert settings == Settings()
    assert settings.configured_sources() == ()


def test_the_example_of_the_contract(folder: Path) -> None:
    (folder / "conf").mkdir()
    file = folder / "conf" / "teamgauge.toml"
    for name in DEFAULT_NAMES.values():
        (folder / "conf" / name).touch()
    file.write_text(
        """
        [database]
        url = ""
        data_dir = "data"
        [reporting]
        timezone = "Europe/Berlin"
        history_start = 2020-02-03
        fiscal_year_start_month = 4
        holidays = ["2026-12-25", 2026-12-26]
        [gitlab]
        url = "http://127.0.0.1:8999/gitlab/"
        token = "glpat-abc"
        concurrency = 4
        groups = ["my-group", "/other/sub/"]
        projects = ["a/b"]
        product_scope = ["my-group/**"]
        handbook = [{ project = "my-group/handbook", paths = ["docs/**"] }]
        community_label = "Community"
        bots = ["renovate-*"]
        exclude_drafts = true
        reviewer_rows = "all"
        [community]
        response_business_days = 3
        [targets]
        tolerance = 0.1
        [diversity]
        attribute = "gender"
        minimum = 8
        every = "quarter"
        [files]
        teams = "teams.yaml"
        plan = ""
        [server]
        host = "localhost"
        port = 0
        [auth]
        mode = "none"
        """
    )
    settings = load_settings(file)
    assert settings.path == file
    assert settings.database.data_dir == folder / "conf" / "data"
    assert settings.reporting.history_start == date(2020, 2, 3)
    assert settings.reporting.holidays == (date(2026, 12, 25), date(2026, 12, 26))
    assert settings.reporting.zone.key == "Europe/Berlin"
    assert settings.gitlab.url == "http://127.0.0.1:8999/gitlab"
    assert settings.gitlab.groups == ("my-group", "other/sub")
    assert settings.gitlab.handbook[0].paths == ("docs/**",)
    assert gitlab_token(settings) == "glpat-abc"
    assert settings.files.teams == folder / "conf" / "teams.yaml"
    assert settings.files.people == folder / "conf" / "people.csv"
    assert settings.files.plan is None
    assert settings.configured_sources() == ("files", "gitlab")
    assert "glpat-abc" not in repr(settings)


def test_file_named_in_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "other.toml").write_text("[server]\nport = 9000\n")
    (folder / "teamgauge.toml").write_text("[server]\nport = 9001\n")
    monkeypatch.setenv("TEAMGAUGE_CONFIG", "other.toml")
    assert load_settings(None).server.port == 9000
    assert load_settings(Path("teamgauge.toml")).server.port == 9001


def test_the_environment_goes_before_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "teamgauge.toml").write_text('[gitlab]\nconcurrency = 2\ngroups = ["a"]\n')
    for key, text in {
        "GITLAB__CONCURRENCY": "3",
        "GITLAB__GROUPS": "my-group, other/sub",
        "GITLAB__PROJECTS": '["a/b", "c/d"]',
        "GITLAB__HANDBOOK": '[{"project": "a/b", "paths": ["x/*"]}]',
        "GITLAB__EXCLUDE_DRAFTS": "true",
        "REPORTING__HOLIDAYS": "2026-12-25,2026-12-26",
        "REPORTING__HISTORY_START": "2021-05-06",
        "TARGETS__TOLERANCE": "0.5",
    }.items():
        monkeypatch.setenv(f"TEAMGAUGE_{key}", text)
    settings = load_settings(None)
    assert settings.gitlab.concurrency == 3
    assert settings.gitlab.groups == ("my-group", "other/sub")
    assert settings.gitlab.projects == ("a/b", "c/d")
    assert settings.gitlab.handbook[0].project == "a/b"
    assert settings.gitlab.exclude_drafts is True
    assert settings.reporting.holidays == (date(2026, 12, 25), date(2026, 12, 26))
    assert settings.reporting.history_start == date(2021, 5, 6)
    assert settings.targets.tolerance == 0.5


def test_an_empty_list_in_the_environment_empties_the_list(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "teamgauge.toml").write_text('[gitlab]\ngroups = ["a"]\n')
    monkeypatch.setenv("TEAMGAUGE_GITLAB__GROUPS", "")
    assert load_settings(None).gitlab.groups == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[gitlab]\nconcurrency = 0", ["gitlab.concurrency", "whole number from 1 to 64", "not 0"]),
        ('[gitlab]\nconcurrency = "many"', ["gitlab.concurrency", "whole number", '"many"']),
        ("[gitlab]\nconcurrency = true", ["gitlab.concurrency", "number", "not true"]),
        ("[server]\nport = 70000", ["server.port", "from 0 to 65535"]),
        ("[gitlab]\nexclude_drafts = 'x'", ["gitlab.exclude_drafts", "true or false"]),
        ("[gitlab]\nreviewer_rows = 'none'", ["gitlab.reviewer_rows", '"open" or "all"']),
        ("[gitlab]\ngroups = 'my-group'", ["gitlab.groups", "a list such as"]),
        ("[gitlab]\ngroups = [5]", ["gitlab.groups", "text in quotes"]),
        ("[gitlab]\ngroups = ['https://gitlab.com/x']", ["gitlab.groups", "not addresses"]),
        ("[gitlab]\ngroups = ['']", ["gitlab.groups", "paths such as"]),
        ("[gitlab]\nurl = 'gitlab.com'", ["gitlab.url", "https://", '"gitlab.com"']),
        ("[gitlab]\nurl = 'https://x/api/v4'", ["gitlab.url", "without /api"]),
        ("[gitlab]\nurl = 'http://x:99999'", ["gitlab.url", "port"]),
        ("[gitlab]\nurl = ''", ["gitlab.url", "empty"]),
        ("[greenhouse]\nurl = 'https://x/v3'", ["greenhouse.url", "without /v3"]),
        ("[greenhouse]\nurl = ''", ["greenhouse.url", "empty", "https://harvest.greenhouse.io"]),
        ("[greenhouse]\ntoken_url = ''", ["greenhouse.token_url", "empty"]),
        ("[greenhouse]\nclient_id = 'a:b'", ["greenhouse.client_id", "colons"]),
        ("[greenhouse]\nclient_secret = 'a'", ["greenhouse.client_secret", "client_id must be"]),
        ("[gitlab]\nproduct_scope = ['/a/**']", ["gitlab.product_scope", "globs"]),
        ("[gitlab]\nproduct_scope = ['a/{b,c}']", ["gitlab.product_scope", "**, * and ?"]),
        ("[gitlab]\nhandbook = [{ path = 'x' }]", ["gitlab.handbook", "project ="]),
        ("[reporting]\ntimezone = 'Berlin'", ["reporting.timezone", '"Europe/Berlin"']),
        ("[reporting]\ntimezone = 'Europe/Berln'", ["reporting.timezone", '"Europe/Berlin"']),
        ("[reporting]\ntimezone = 'CET+1 or so'", ["reporting.timezone", "IANA"]),
        ("[reporting]\nhistory_start = 2019", ["reporting.history_start", '"2019-01-01"']),
        ("[reporting]\nhistory_start = '2019-02-30'", ["reporting.history_start", "exists"]),
        ("[reporting]\nhistory_start = '2999-01-01'", ["reporting.history_start", "future"]),
        ("[reporting]\nholidays = ['25.12.2026']", ["reporting.holidays", "day such as"]),
        ("[reporting]\nfiscal_year_start_month = 13", ["fiscal_year_start_month", "1 to 12"]),
        ("[diversity]\nminimum = 4", ["diversity.minimum", "at least 5", "not 4"]),
        ("[targets]\ntolerance = 20", ["targets.tolerance", "a number from 0 to 1"]),
        ("[auth]\nmode = 'ldap'", ["auth.mode", '"none" or "oidc"']),
        ("[database]\nurl = 'mysql://u:geheim@h/d'", ["database.url", "postgresql://"]),
        ("[files]\nteams = 'absent.yaml'", ["files.teams", "absent.yaml does not exist"]),
        ("[gitlab]\nca_file = 'absent.pem'", ["gitlab.ca_file", "absent.pem does not exist"]),
        ("[gitlab]\ntoken_file = 'absent'", ["gitlab.token_file", "absent cannot be read"]),
        ("[gitlab]\ntokne = 'x'", ["gitlab.tokne is not a key", "gitlab.token"]),
        ("[gitlab]\ntimezone = 'UTC'", ["gitlab.timezone is not a key", "[reporting]"]),
        ("[gitlab]\nzzzzzz = 1", ["gitlab.zzzzzz is not a key", "concurrency"]),
        ("[gitlb]\nx = 1", ["[gitlb] is not a section", "[gitlab]"]),
        ("[zzzzzzzz]\nx = 1", ["[zzzzzzzz] is not a section", "reporting"]),
        ("timezone = 'UTC'", ["timezone belongs below [reporting]"]),
        ("path = 'x'", ["[path] is not a section"]),
        ("gitlab = 5", ["gitlab is a section", "[gitlab]"]),
        ("[gitlab\nx = 1", ["line 1", "not valid TOML"]),
        ("[gitlab]\nurl = https://x", ["line 2, column 7", "not valid TOML"]),
        ("[gitlab]\nurl = 'a'\nurl = 'b'\n", ["line 3", "overwrite"]),
        ("[gitlab]\nurl = 'a", ["line 2, column 9", "not valid TOML"]),
    ],
)
def test_every_mistake_is_one_sentence(text: str, parts: list[str], folder: Path) -> None:
    sentence = refusal(text, folder)
    assert sentence.startswith("teamgauge.toml")
    for part in parts:
        assert part in sentence
    assert "geheim" not in sentence
    assert "more)" not in sentence


def test_more_than_one_mistake_is_counted(folder: Path) -> None:
    sentence = refusal("[gitlab]\nx1 = 1\nx2 = 2\n[server]\nport = -1\n", folder)
    assert "gitlab.x1" in sentence
    assert sentence.endswith("(and 2 more).")


def test_a_secret_is_never_shown(folder: Path) -> None:
    for text in (
        '[gitlab]\ntoken = "glpat geheim"',
        '[gitlab]\ntoken = ["glpat-geheim"]',
        '[database]\nurl = "postgres:geheim"',
    ):
        assert "geheim" not in refusal(text, folder)


def test_token_and_token_file_together(folder: Path) -> None:
    (folder / "token").write_text("abc\n")
    sentence = refusal('[gitlab]\ntoken = "geheim"\ntoken_file = "token"', folder)
    assert "gitlab.token_file and gitlab.token are both set" in sentence
    assert "geheim" not in sentence


def test_token_from_a_file(folder: Path) -> None:
    (folder / "token").write_text("glpat-xyz\n")
    (folder / "teamgauge.toml").write_text('[gitlab]\ntoken_file = "token"\n')
    settings = load_settings(None)
    assert gitlab_token(settings) == "glpat-xyz"
    assert "glpat-xyz" in secrets(settings)


@pytest.mark.parametrize("content", [b"", b"two words\n", b"a\nb\n", b"\xff\xfe"])
def test_a_token_file_must_hold_a_token(content: bytes, folder: Path) -> None:
    (folder / "token").write_bytes(content)
    assert "gitlab.token_file" in refusal('[gitlab]\ntoken_file = "token"\n', folder)


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("TEAMGAUGE_GITLAB__CONCURENCY", "3", ["gitlab.concurrency is meant"]),
        ("TEAMGAUGE_GITHUB__TOKEN", "x", ["[github] is not a section", "[gitlab]"]),
        ("TEAMGAUGE_GITLAB_TOKEN", "x", ["TEAMGAUGE_GITLAB__TOKEN"]),
        ("TEAMGAUGE_GITLAB__CONCURRENCY", "x", ["gitlab.concurrency", "whole number"]),
        ("TEAMGAUGE_GITLAB__GROUPS", "[oops", ["gitlab.groups", "a list"]),
        ("TEAMGAUGE_FILES__PEOPLE", "absent.csv", ["files.people", "does not exist"]),
        ("TEAMGAUGE_CONFIG", "absent.toml", ["absent.toml", "does not exist"]),
    ],
)
def test_mistakes_in_the_environment_name_the_variable(
    name: str, text: str, parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None)
    for part in parts:
        assert part in str(caught.value)
    if "CONFIG" not in name:
        assert name in str(caught.value)


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMGAUGE_TEST_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("GITLAB_TOKEN", "x")
    assert load_settings(None) == Settings()


def test_a_file_that_is_not_text(folder: Path) -> None:
    (folder / "teamgauge.toml").write_bytes(b"[gitlab]\nurl = '\xe4'\n")
    with pytest.raises(ConfigurationError, match=r"teamgauge.toml, line 2: the file is not UTF-8"):
        load_settings(None)


def test_a_byte_order_mark_is_accepted(folder: Path) -> None:
    (folder / "teamgauge.toml").write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")
    assert load_settings(None).server.port == 1


def test_a_folder_is_not_a_configuration(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(folder)


def test_secrets_include_the_password_of_the_database(folder: Path) -> None:
    settings = Settings.model_validate(
        {"database": {"url": "postgresql://me:geheim@db/x"}, "gitlab": {"token": "glpat-1"}}
    )
    assert set(secrets(settings)) == {"postgresql://me:geheim@db/x", "geheim", "glpat-1"}


def test_the_password_of_the_database_is_a_secret_as_it_is_meant_too() -> None:
    settings = Settings.model_validate({"database": {"url": "postgresql://me:ge%40heim@db/x"}})
    assert {"ge%40heim", "ge@heim"} <= set(secrets(settings))


@pytest.fixture
def credentials(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemd hands over."""
    handed_over = folder / "credentials"
    handed_over.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed_over))
    return handed_over


def test_secrets_as_credentials_of_systemd(credentials: Path) -> None:
    (credentials / "gitlab.token").write_text("glpat-1\n")
    (credentials / "bamboohr.api_key").write_text("key-1")
    (credentials / "greenhouse.client_secret").write_text("hush-1")
    (credentials / "database.url").write_text("postgresql://me:geheim@db/x\n")
    (credentials / "gitlab.url").write_text("https://not.a.secret")
    (credentials / "unknown").write_text("of somebody else")
    settings = load_settings_with("[greenhouse]\nclient_id = 'me'\n")

    assert gitlab_token(settings) == "glpat-1"
    assert bamboohr_key(settings) == "key-1"
    assert greenhouse_secret(settings) == "hush-1"
    assert settings.gitlab.url == "https://gitlab.com"
    assert {"glpat-1", "key-1", "hush-1", "geheim"} <= set(secrets(settings))


def test_what_the_configuration_says_goes_before_a_credential(
    credentials: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (credentials / "gitlab.token").write_text("glpat-1")
    (credentials / "bamboohr.api_key").write_text("key-1")
    (folder / "key").write_text("key-2")
    monkeypatch.setenv("TEAMGAUGE_GITLAB__TOKEN", "glpat-2")
    settings = load_settings_with("[bamboohr]\napi_key_file = 'key'\n")

    assert (gitlab_token(settings), bamboohr_key(settings)) == ("glpat-2", "key-2")


def test_a_credential_that_is_none_is_told_without_its_content(credentials: Path) -> None:
    (credentials / "gitlab.token").write_text("two words")
    with pytest.raises(ConfigurationError) as error:
        load_settings(None)
    assert f"the credential {credentials / 'gitlab.token'} must hold the token" in str(error.value)
    assert "words" not in str(error.value)


def test_greenhouse_s_secret_in_a_file(folder: Path) -> None:
    (folder / "hush").write_text("hush-1\n")
    settings = load_settings_with("[greenhouse]\nclient_id = 'me'\nclient_secret_file = 'hush'\n")
    assert greenhouse_secret(settings) == "hush-1"
    assert "hush-1" in secrets(settings)
    with pytest.raises(ConfigurationError, match=r"client_secret_file and .* are both set"):
        load_settings_with(
            "[greenhouse]\nclient_id = 'me'\nclient_secret = 'x'\nclient_secret_file = 'hush'\n"
        )
    with pytest.raises(
        ConfigurationError, match=r"client_secret_file is set, so greenhouse.client_id"
    ):
        load_settings_with("[greenhouse]\nclient_secret_file = 'hush'\n")


def test_when_workers_collect_is_written_as_in_a_crontab(folder: Path) -> None:
    (folder / "teamgauge.toml").write_text('[worker]\ncollect_every = " */5 * * * 1-5 "\n')
    assert load_settings(None).worker.collect_every == "*/5 * * * 1-5"
    for wrong in ("5", "* * * *", "61 * * * *", "* * * * * *", "@daily", "every hour"):
        text = refusal(f'[worker]\ncollect_every = "{wrong}"\n', folder)
        assert (
            f'worker.collect_every must be five fields as in a crontab, such as "*/5 * * * *", not "{wrong}"'
            in text
        )


def test_where_alerts_go_is_a_secret_also_without_its_host() -> None:
    settings = load_settings_with("[alerts]\nwebhook_url = 'https://hooks.example.com/T1/geheim'\n")
    assert {"https://hooks.example.com/T1/geheim", "/T1/geheim"} <= set(secrets(settings))


def test_the_password_of_the_mail_server_in_a_file(folder: Path) -> None:
    (folder / "hush").write_text("hush-1\n")
    settings = load_settings_with("[alerts]\nsmtp_username = 'me'\nsmtp_password_file = 'hush'\n")
    assert smtp_password(settings) == "hush-1"
    assert "hush-1" in secrets(settings)
