"""The benchmark of serving runs: small, against the tests' Postgres, with wrk where it is installed."""

from pathlib import Path
from shutil import which

import pytest
from sqlalchemy import Engine

from benchmarks import company, serve
from benchmarks._processes import address
from benchmarks._web import product, read_wrk

SAID = """Running 3s test @ http://127.0.0.1:44039/
  Latency Distribution
     50%    1.46s
     99%  {p99}
  27 requests in 3.03s, 2.17MB read
Requests/sec:   1008.92
"""


def test_what_wrk_says() -> None:
    found = read_wrk(SAID.format(p99="850.50us "))
    assert (found.per_second, found.p50) == (1008.92, 1.46)
    assert found.p99 == pytest.approx(0.0008505)
    with pytest.raises(
        RuntimeError, match=r"Not every answer was one\. Non-2xx or 3xx responses: 4"
    ):
        read_wrk(SAID.format(p99="1.00ms") + "  Non-2xx or 3xx responses: 4\n")


def test_days_that_are_not_the_same() -> None:
    days = [("01", 2, 1.5), ("02", 0, None), ("03", 1, 4.0)]
    points = [{"period": day, "n": n, "value": value} for day, n, value in days]
    assert serve.differing(points, {"01": (2, 1.5), "03": (1, 4.0)}) == 0
    assert serve.differing(points, {"01": (2, 1.6), "03": (2, 4.0), "04": (1, 1.0)}) == 3
    assert serve.differing(points, {"01": (2, 1.5), "02": (1, 1.0)}) == 2


def test_a_company_is_served(engine: Engine, tmp_path: Path) -> None:
    settings = company.settings(tmp_path)
    serve.filled(engine, settings, company.Size(merge_requests=400, teams=4, people=20))
    with product(settings, address(engine)) as site:
        one = serve.series(engine, site, asked=3)
        assert one.differing == 0
        assert 0 < one.kept < one.anew
        assert "| drawn anew |" in serve.series_table(one)
        if which("wrk") is None:
            pytest.skip("LOUD: wrk is not installed, nothing was loaded")
        found = serve.pages(engine, site, clients=2, seconds=1)
    assert found.teams == 6
    assert found.anew.per_second < min(found.kept.per_second, found.unchanged.per_second)
    assert "| overview of 6 teams |" in serve.pages_table(found)
    assert serve.sentence(found).startswith("304 is answered")
