"""A peer: python-gitlab as people use it. The list of the group, then notes and reviewers of each.

Runs in an environment of its own that has python-gitlab and nothing of teamgauge; see `_peers`.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import perf_counter
from typing import Any

import gitlab
from _peak import peak_mb  # type: ignore[import-not-found] # beside this script

AT_ONCE = 100
"""Merge requests handed to the threads before the next of the list are looked at."""


def main() -> None:
    """Reads a JSON job on standard input, prints a JSON answer."""
    job = json.load(sys.stdin)
    before = perf_counter()
    client = gitlab.Gitlab(job["url"], private_token=job["token"])
    comments: dict[int, int] = {}
    newest = job["since"] or ""

    def details(listed: Any) -> tuple[Any, int]:
        project = client.projects.get(listed.project_id, lazy=True)
        one = project.mergerequests.get(listed.iid, lazy=True)
        notes = one.notes.list(get_all=True, per_page=100)
        one.reviewer_details.list(get_all=True, per_page=100)
        return listed, sum(not note.system for note in notes)

    since = {"updated_after": job["since"]} if job["since"] else {}
    listing = client.groups.get(job["group"], lazy=True).mergerequests.list(
        iterator=True, per_page=100, state="all", scope="all", **since
    )
    whole = True
    with ThreadPoolExecutor(job["threads"]) as pool:
        told = iter(listing)
        while portion := list(islice(told, AT_ONCE if job["threads"] > 1 else 1)):
            for listed, count in pool.map(details, portion):
                comments[listed.id] = count
                newest = max(newest, listed.updated_at)
            if job["patience"] is not None and perf_counter() - before > job["patience"]:
                whole = next(told, None) is None
                break
    answer = {
        "comments": comments,
        "newest": newest or None,
        "whole": whole,
        "seconds": perf_counter() - before,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
