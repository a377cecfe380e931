"""The section [auth]: the sentence for each mistake."""

from pathlib import Path

import pytest

from .test_settings import folder, refusal

__all__ = ["folder"]

SIGN_IN = "[auth]\nmode = 'oidc'\n"
CLIENT = "client_id = 'a'\nclient_secret = 'b'\n"
GRANTS = "[auth]\ngrants = ["


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[auth]\nmode = 'oidc'", ["auth.mode", "auth.issuer must be set"]),
        (f"{SIGN_IN}issuer = 'https://x'", ["auth.mode", "auth.client_id must be set"]),
        (f"{SIGN_IN}{CLIENT}issuer = 'http://x'\nbase_url = 'https://y'", ["auth.issuer", "https"]),
        (
            f"{SIGN_IN}{CLIENT}issuer = 'https://x'\nbase_url = 'http://y'",
            ["auth.base_url", "https"],
        ),
        (
            f"{SIGN_IN}{CLIENT}issuer = 'https://x'\nbase_url = 'http://[::1]:8'\nscopes = ['email']",
            ["auth.scopes", '"openid"'],
        ),
        ("[auth]\nclient_secret_file = 'absent'", ["auth.client_secret_file", "cannot be read"]),
        ("[auth]\nca_file = 'absent.pem'", ["auth.ca_file", "absent.pem does not exist"]),
        ("[auth]\nidle_minutes = 1", ["auth.idle_minutes", "from 5 to 43200"]),
        ("[auth]\ngroups_claim = ''", ["auth.groups_claim", "empty"]),
        ("[auth]\nclient_id = 'a b'", ["auth.client_id", "spaces"]),
        ("[auth]\ngrants = ['x']", ["auth.grants (number 1)", "tables such as"]),
        (f"{GRANTS}{{ role = 'admin' }}]", ["auth.grants (number 1)", "groups or users"]),
        (
            f"{GRANTS}{{ role = 'admin', users = ['a'] }}, {{ role = 'boss', users = ['a'] }}]",
            ["auth.grants (number 2)", "role", '"director" or "admin"', '"boss"'],
        ),
        (f"{GRANTS}{{ role = 'director', users = ['a'] }}]", ["number 1", "teams"]),
        (f"{GRANTS}{{ role = 'viewer', users = ['a'], teams = ['b'] }}]", ["must not name teams"]),
        (f"{GRANTS}{{ role = 'admin', groups = 'a' }}]", ["groups", "a list such as", '"a"']),
        (f"{GRANTS}{{ role = 'admin', group = ['a'] }}]", ["has no key group", "groups"]),
        (f"{GRANTS}{{ users = ['a'] }}]", ["must have the key role"]),
        (f"{GRANTS}{{ role = 'admin', users = [' '] }}]", ["must not hold an empty text"]),
        ("[server]\ndrain_seconds = 301", ["server.drain_seconds", "from 0 to 300"]),
        ("[server]\naccess_log = 'loud'", ["server.access_log", "true or false"]),
        ("[alerts]\nemail_to = ['a@b']", ["alerts.email_to", "alerts.smtp_host must be"]),
        (
            "[alerts]\nmonthly_report = true\nsmtp_host = 'mail'",
            ["alerts.monthly_report", "alerts.email_from must be"],
        ),
        ("[alerts]\nemail_from = 'a@b, c@d'", ["alerts.email_from", "a@b, c@d"]),
        ('[alerts]\nemail_to = ["a@b\\nBcc: c@d"]', ["alerts.email_to", "addresses such as"]),
        ("[alerts]\nsmtp_host = 'mail/x'", ["alerts.smtp_host", "name of a mail server"]),
        ("[alerts]\nsmtp_password = 'a'", ["alerts.smtp_password", "alerts.smtp_username must be"]),
        (
            "[alerts]\nsmtp_host = 'mail'\nsmtp_security = 'none'\nsmtp_username = 'a'\n"
            "smtp_password = 'b'",
            ["alerts.smtp_security", "in the open"],
        ),
        (
            "[alerts]\nsmtp_security = 'ssl'",
            ["alerts.smtp_security", '"starttls", "tls" or "none"'],
        ),
        ("[alerts]\nwebhook_url = 'hooks.example.com/geheim'", ["alerts.webhook_url", "https://"]),
        ("[alerts]\nwebhook_url_file = 'absent'", ["alerts.webhook_url_file", "cannot be read"]),
        ("[alerts]\nindicators = ['diversity']", ["alerts.indicators", "never told"]),
        ("[alerts]\nteams = ['']", ["alerts.teams", "empty"]),
    ],
)
def test_every_mistake_is_one_sentence(text: str, parts: list[str], folder: Path) -> None:
    sentence = refusal(text, folder)
    assert sentence.startswith("teamgauge.toml")
    for part in parts:
        assert part in sentence
    assert "more)" not in sentence
