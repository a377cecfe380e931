"""deploy/Caddyfile and deploy/nginx.conf: what the proxies themselves say of them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.deployments import ANSWERS, ROOT
from tests.ports import free_port

CADDYFILE = ROOT / "deploy/Caddyfile"
NGINX = ROOT / "deploy/nginx.conf"


@pytest.mark.skipif(shutil.which("caddy") is None, reason="LOUD: Caddy is not installed")
def test_caddy_accepts_its_file() -> None:
    done = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", CADDYFILE],
        env={**os.environ, **ANSWERS, "UPSTREAM": "web:8000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    shutil.which("nginx", path="/usr/sbin:/usr/bin") is None or shutil.which("openssl") is None,
    reason="LOUD: nginx or openssl is not installed",
)
def test_nginx_accepts_its_file(tmp_path: Path) -> None:
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=teamgauge.example.com",
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
    text = NGINX.read_text(encoding="utf-8").replace("/etc/ssl/teamgauge", str(tmp_path))
    # It tries the ports, and only root may have those of the file.
    text = re.sub(r"(listen (?:\[::\]:)?)\d+", lambda found: f"{found[1]}{free_port()}", text)
    (tmp_path / "site.conf").write_text(text, encoding="utf-8")
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; include {tmp_path}/site.conf; }}\n"
    )
    done = subprocess.run(
        ["/usr/sbin/nginx", "-t", "-p", tmp_path, "-c", whole],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_nginx_replaces_what_a_client_says_of_itself() -> None:
    text = NGINX.read_text(encoding="utf-8")
    headers = dict(re.findall(r"proxy_set_header (\S+) (\S+);", text))
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["X-Forwarded-Proto"] == "$scheme"
    assert headers["Host"] == "$host"


def test_people_are_sent_to_https_and_headers_come_from_one_place() -> None:
    nginx = NGINX.read_text(encoding="utf-8")
    assert "return 301 https://$host$request_uri;" in nginx
    for text in (nginx, CADDYFILE.read_text(encoding="utf-8")):
        assert "Strict-Transport-Security" not in text, "teamgauge has it on its answers already"
