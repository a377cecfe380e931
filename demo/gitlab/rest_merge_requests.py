"""REST's merge requests and what belongs to one."""

from collections.abc import Callable, Sequence
from datetime import datetime

from demo.gitlab.answer import Answer, json_answer
from demo.gitlab.catalogue import MERGE_REQUEST_ORDERS, MergeRequestFilter
from demo.gitlab.records import MergeRequest, Project
from demo.gitlab.rest_lookup import Asked, Lookup, Route
from demo.gitlab.rest_organisation import GROUP, PROJECT
from demo.gitlab.rest_paging import Query, Refusal, page
from demo.gitlab.times import read_time

ONE = rf"{PROJECT}/merge_requests/(?P<iid>\d+)"
STATES = ("opened", "closed", "locked", "merged", "all")


class MergeRequests(Lookup):
    """The routes of merge requests."""

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("merge_requests", "all merge requests", self._all_merge_requests),
            Route(f"{GROUP}/merge_requests", "group merge requests", self._group_merge_requests),
            Route(f"{PROJECT}/merge_requests", "merge requests", self._project_merge_requests),
            Route(ONE, "merge request", self._show_merge_request),
            Route(f"{ONE}/notes", "notes", self._notes),
            Route(rf"{ONE}/notes/(?P<note>\d+)", "note", self._note),
            Route(f"{ONE}/discussions", "discussions", self._discussions),
            Route(f"{ONE}/reviewers", "reviewers", self._reviewers),
            Route(f"{ONE}/approvals", "approvals", self._approvals),
            Route(f"{ONE}/resource_state_events", "state events", self._state_events),
            Route(f"{ONE}/diffs", "diffs", self._diffs),
        )

    def _project_merge_requests(self, asked: Asked) -> Answer:
        return self._merge_request_page(asked, [self.project(asked)])

    def _group_merge_requests(self, asked: Asked) -> Answer:
        projects = self.catalogue.projects_of(self.group(asked), asked.viewer, subgroups=True)
        if asked.query.flag("non_archived", default=True):
            projects = [project for project in projects if not project.archived]
        return self._merge_request_page(asked, projects)

    def _all_merge_requests(self, asked: Asked) -> Answer:
        scope = asked.query.choice(
            "scope",
            ("created_by_me", "created-by-me", "assigned_to_me", "assigned-to-me", "all"),
            "created_by_me",
        )
        projects = self.catalogue.visible_projects(asked.viewer)
        if scope == "all":
            return self._merge_request_page(asked, projects)
        user = self.signed_in(asked)
        if scope.startswith("created"):
            return self._merge_request_page(asked, projects, lambda m: m.author is user)
        return self._merge_request_page(asked, projects, lambda m: user in m.assignees)

    def _merge_request_page(
        self,
        asked: Asked,
        projects: Sequence[Project],
        also: Callable[[MergeRequest], bool] | None = None,
    ) -> Answer:
        query = asked.query
        order = MERGE_REQUEST_ORDERS[
            query.choice(
                "order_by", ("created_at", "updated_at", "merged_at", "title"), "created_at"
            ),
            query.choice("sort", ("asc", "desc"), "desc") == "desc",
        ]
        wanted = _filter(query)
        if wanted.iids is not None:
            found = self.catalogue.merge_requests_with_iids(projects, wanted.iids, order)
        else:
            found = self.catalogue.merge_requests(projects, order)
        items = found.matching(wanted.accept())
        if also is not None:
            items = [item for item in items if also(item)]
        entities = self.entities
        if query.text("view") == "simple":
            return page(query, items, entities.merge_request_simple)
        details = query.flag("with_labels_details")
        return page(query, items, lambda m: entities.merge_request(m, labels_details=details))

    def _show_merge_request(self, asked: Asked) -> Answer:
        return json_answer(self.entities.merge_request_in_full(self.merge_request(asked)))

    def _notes(self, asked: Asked) -> Answer:
        merge_request = self.merge_request(asked)
        shown = asked.query.choice(
            "activity_filter", ("all_notes", "only_comments", "only_activity"), "all_notes"
        )
        notes = [
            note
            for note in merge_request.notes
            if shown == "all_notes" or note.system is (shown == "only_activity")
        ]
        column = asked.query.choice("order_by", ("created_at", "updated_at"), "created_at")
        descending = asked.query.choice("sort", ("asc", "desc"), "desc") == "desc"
        notes.sort(key=lambda note: (getattr(note, column), note.id), reverse=descending)
        entities = self.entities
        return page(asked.query, notes, lambda note: entities.note(note, merge_request))

    def _note(self, asked: Asked) -> Answer:
        merge_request = self.merge_request(asked)
        wanted = int(asked.parts["note"])
        note = next((note for note in merge_request.notes if note.id == wanted), None)
        if note is None:
            raise Refusal(404, {"message": "404 Note Not Found"})
        return json_answer(self.entities.note(note, merge_request))

    def _discussions(self, asked: Asked) -> Answer:
        merge_request = self.merge_request(asked)
        entities = self.entities
        return page(
            asked.query, merge_request.notes, lambda note: entities.discussion(note, merge_request)
        )

    def _reviewers(self, asked: Asked) -> Answer:
        rows = self.merge_request(asked).reviewers
        return json_answer([self.entities.reviewer(row) for row in rows])

    def _approvals(self, asked: Asked) -> Answer:
        return json_answer(self.entities.approvals(self.merge_request(asked)))

    def _state_events(self, asked: Asked) -> Answer:
        merge_request = self.merge_request(asked)
        entities = self.entities
        return page(
            asked.query,
            merge_request.state_events,
            lambda event: entities.state_event(event, merge_request),
        )

    def _diffs(self, asked: Asked) -> Answer:
        return page(asked.query, self.merge_request(asked).paths, self.entities.diff)


def _time(query: Query, name: str) -> datetime | None:
    text = query.text(name)
    if text is None:
        return None
    try:
        return read_time(text)
    except ValueError as error:
        raise Refusal(400, {"error": f"{name} is invalid"}) from error


def _numbers(query: Query, name: str) -> list[int] | None:
    texts = query.texts(name)
    if texts is None:
        return None
    if not all(text.isdigit() for text in texts):
        raise Refusal(400, {"error": f"{name} is invalid"})
    return [int(text) for text in texts]


def _filter(query: Query) -> MergeRequestFilter:
    draft = {"yes": True, "no": False}.get(query.text("wip") or query.text("draft") or "")
    labels = query.texts("labels")
    source, target = query.text("source_branch"), query.text("target_branch")
    return MergeRequestFilter(
        state=query.choice("state", STATES, "all"),
        draft=draft,
        iids=_numbers(query, "iids"),
        created_after=_time(query, "created_after"),
        created_before=_time(query, "created_before"),
        updated_after=_time(query, "updated_after"),
        updated_before=_time(query, "updated_before"),
        merged_after=_time(query, "merged_after"),
        merged_before=_time(query, "merged_before"),
        labels=None if labels in (["None"], ["Any"]) else labels,
        labelled={"None": False, "Any": True}.get(query.text("labels") or ""),
        author_username=query.text("author_username"),
        author_id=query.number("author_id"),
        reviewer_username=query.text("reviewer_username"),
        reviewer_id=query.number("reviewer_id"),
        search=query.text("search"),
        source_branches=[source] if source else None,
        target_branches=[target] if target else None,
    )
