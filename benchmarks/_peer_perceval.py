"""A peer: perceval's GitLab backend, one project after another.

Runs in an environment of its own that has perceval and nothing of teamgauge; see `_peers`.
"""

import json
import sys
from datetime import datetime
from time import perf_counter

from _peak import peak_mb  # type: ignore[import-not-found] # beside this script
from perceval.backends.core.gitlab import (  # type: ignore[import-not-found] # is in the peer's environment alone
    CATEGORY_MERGE_REQUEST,
    GitLab,
)


def main() -> None:
    """Reads a JSON job on standard input, prints a JSON answer."""
    job = json.load(sys.stdin)
    before = perf_counter()
    comments: dict[int, int] = {}
    newest = job["since"] or ""
    whole = True
    since = datetime.fromisoformat(job["since"].replace("Z", "+00:00")) if job["since"] else None
    for path in job["projects"]:
        owner, _, repository = path.partition("/")
        backend = GitLab(
            owner=owner,
            repository=repository.replace("/", "%2F"),
            api_token=job["token"],
            base_url=job["url"],
        )
        for item in backend.fetch(category=CATEGORY_MERGE_REQUEST, from_date=since):
            told = item["data"]
            comments[told["id"]] = sum(not note["system"] for note in told["notes_data"])
            newest = max(newest, told["updated_at"])
            if job["patience"] is not None and perf_counter() - before > job["patience"]:
                whole = False
                break
        if not whole:
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
