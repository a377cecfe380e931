"""What every route of REST starts from: who asks for which record, and the refusal where it is not there."""

from collections.abc import Callable
from dataclasses import dataclass

from demo.gitlab.access import Viewer
from demo.gitlab.answer import Answer
from demo.gitlab.catalogue import Catalogue
from demo.gitlab.records import Group, MergeRequest, Project, User
from demo.gitlab.rest_entities import Entities
from demo.gitlab.rest_paging import Query, Refusal
from demo.gitlab.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of REST: its parameters, who asks, and the parts of its path by name."""

    query: Query
    viewer: Viewer
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A path below `/api/v4`, as a pattern, and what answers it."""

    pattern: str
    name: str
    answer: Callable[[Asked], Answer]


class Moved(Exception):
    """A project was asked for by a former path."""

    def __init__(self, project: Project) -> None:
        super().__init__(project.full_path)
        self.project = project


class Lookup:
    """Finds the records that paths name. url: the beginning of every address in answers."""

    def __init__(
        self, store: Store, catalogue: Catalogue, *, url: Callable[[], str], version: str
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.url = url
        self.version = version

    @property
    def entities(self) -> Entities:
        """Writes records with the instance's present address."""
        return Entities(self.url())

    def project(self, asked: Asked) -> Project:
        """The project of the path, by id or by path. Raises Refusal, Moved."""
        given = asked.parts["project"]
        if given.isdigit():
            found = self.store.projects.get(int(given))
        else:
            found = self.store.find_project(given)
            former = None if found else self.store.redirected_project(given)
            if former is not None and asked.viewer.sees_project(former):
                raise Moved(former)
        if found is None or not asked.viewer.sees_project(found):
            raise Refusal(404, {"message": "404 Project Not Found"})
        return found

    def group(self, asked: Asked) -> Group:
        """The group of the path, by id or by path. Raises Refusal."""
        given = asked.parts["group"]
        if given.isdigit():
            found = self.store.groups.get(int(given))
        else:
            found = self.store.find_group(given)
        if found is None or not asked.viewer.sees_group(found):
            raise Refusal(404, {"message": "404 Group Not Found"})
        return found

    def merge_request(self, asked: Asked) -> MergeRequest:
        """The merge request of the path. Raises Refusal, Moved."""
        project = self.project(asked)
        if not project.merge_requests_enabled:
            raise Refusal(403, {"message": "403 Forbidden"})
        found = project.merge_requests.get(int(asked.parts["iid"]))
        if found is None:
            raise Refusal(404, {"message": "404 Not found"})
        return found

    def signed_in(self, asked: Asked) -> User:
        """Who asks. Raises Refusal without a token."""
        if asked.viewer.user is None:
            raise Refusal(401, {"message": "401 Unauthorized"})
        return asked.viewer.user
