"""A plain page for each merge request, so that the addresses in answers lead somewhere in the demo."""

import re
from html import escape
from urllib.parse import unquote, urlsplit

from demo.gitlab.access import Viewer
from demo.gitlab.answer import Answer
from demo.gitlab.records import MergeRequest
from demo.gitlab.store import Store
from demo.gitlab.times import graphql_time

ADDRESS = re.compile(r"/(?P<path>.+?)/-/merge_requests/(?P<iid>\d+)")


class Pages:
    """Everything outside the APIs. Callers hold the store's lock."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def answer(self, path: str, viewer: Viewer) -> Answer:
        """The page of a merge request that everybody may see; 404 for all else."""
        match = ADDRESS.fullmatch(unquote(urlsplit(path).path))
        project = self.store.find_project(match["path"]) if match else None
        if match is None or project is None or not viewer.sees_project(project):
            return _page(404, "404 Page Not Found", "<p>There is nothing here.</p>")
        merge_request = project.merge_requests.get(int(match["iid"]))
        if merge_request is None:
            return _page(404, "404 Page Not Found", "<p>There is nothing here.</p>")
        return _page(200, f"{merge_request.title} (!{merge_request.iid})", _body(merge_request))


def _body(merge_request: MergeRequest) -> str:
    facts = [
        f"{merge_request.project.full_path}!{merge_request.iid}, {merge_request.state}",
        f"opened {graphql_time(merge_request.created_at)} by @{merge_request.author.username}",
    ]
    if merge_request.merged_at:
        facts.append(f"merged {graphql_time(merge_request.merged_at)}")
    if merge_request.closed_at:
        facts.append(f"closed {graphql_time(merge_request.closed_at)}")
    notes = "".join(
        f"<li>{graphql_time(note.created_at)} @{escape(note.author.username)}: {escape(note.body)}</li>"
        for note in merge_request.notes
    )
    paragraphs = "".join(f"<p>{escape(fact)}</p>" for fact in facts)
    return f"{paragraphs}<ol>{notes}</ol>"


def _page(status: int, title: str, body: str) -> Answer:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1>{body}<p>A page of the demo: no GitLab is behind it.</p></html>"
    )
    return Answer(status, text.encode(), content_type="text/html; charset=utf-8")
