"""Style and script: hashed, compressed, kept for a year, and no larger than they may be."""

import gzip
from collections.abc import Iterator
from hashlib import sha256

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import sessionmaker

from dashboards import assets, pages

from .made import SETTINGS


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    pages.register(app, SETTINGS, sessionmaker())
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("name", ["app.css", "app.js", "theme.js", "icon.svg", "plotly.min.js"])
def test_asset_is_immutable_at_the_address_of_its_content(client: TestClient, name: str) -> None:
    address = assets.addresses_by_name()[name]
    answer = client.get(address, headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert address.split(".")[-2] == sha256(answer.content).hexdigest()[:12]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in answer.headers


def test_gzip_goes_to_who_takes_it(client: TestClient) -> None:
    asset = next(each for each in assets.ASSETS if each.name == "plotly.min.js")
    answer = client.get(asset.address, headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == asset.content
    assert int(answer.headers["content-length"]) == len(asset.compressed)
    assert len(asset.compressed) < len(asset.content) / 3
    assert gzip.decompress(asset.compressed) == asset.content


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("identity", False),
        ("", False),
    ],
)
def test_accept_encoding_is_read_as_it_is_meant(header: str, takes: bool) -> None:
    assert assets.accepts_gzip(header) is takes


@pytest.mark.parametrize("name", ["app.000000000000.css", "app.css", "..%2Fpages.py"])
def test_other_addresses_have_no_file(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_our_own_files_stay_small() -> None:
    size = {each.name: len(each.content) for each in assets.ASSETS}
    assert size["app.css"] <= 26 * 1024
    assert size["app.js"] + size["theme.js"] <= 10 * 1024
