"""REST's instance, users, groups and projects."""

from collections.abc import Callable
from typing import Any

from demo.gitlab.answer import Answer, json_answer
from demo.gitlab.records import Group, Project
from demo.gitlab.rest_lookup import Asked, Lookup, Route
from demo.gitlab.rest_paging import Refusal, page, page_after_id
from demo.gitlab.roots import last_activity

GROUP = r"groups/(?P<group>[^/]+)"
PROJECT = r"projects/(?P<project>[^/]+)"


class Organisation(Lookup):
    """The routes of everything but merge requests."""

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("version", "version", self._version),
            Route("metadata", "version", self._version),
            Route("user", "user", self._current_user),
            Route("personal_access_tokens/self", "token", self._token),
            Route("users", "users", self._users),
            Route(r"users/(?P<user>\d+)", "user", self._user),
            Route("groups", "groups", self._groups),
            Route(GROUP, "group", self._show_group),
            Route(f"{GROUP}/(?:subgroups|descendant_groups)", "subgroups", self._subgroups),
            Route(f"{GROUP}/projects", "group projects", self._group_projects),
            Route(f"{GROUP}/members(?:/all)?", "group members", self._group_members),
            Route("projects", "projects", self._projects),
            Route(PROJECT, "project", self._show_project),
            Route(f"{PROJECT}/members(?:/all)?", "project members", self._project_members),
        )

    def _version(self, asked: Asked) -> Answer:
        self.signed_in(asked)
        return json_answer(
            {"version": self.version, "revision": "0a1b2c3d4e5", "enterprise": False}
        )

    def _current_user(self, asked: Asked) -> Answer:
        user = self.signed_in(asked)
        return json_answer({**self.entities.user_in_full(user), "email": user.public_email or ""})

    def _token(self, asked: Asked) -> Answer:
        user = self.signed_in(asked)
        return json_answer(
            {
                "id": 1,
                "name": "teamgauge",
                "revoked": False,
                "scopes": list(asked.viewer.scopes),
                "user_id": user.id,
                "active": True,
                "expires_at": asked.viewer.expires_at,
            }
        )

    def _users(self, asked: Asked) -> Answer:
        if asked.viewer.user is None:
            raise Refusal(
                403, {"message": "403 Forbidden - Not authorized to access /api/v4/users"}
            )
        query = asked.query
        found = [user for user in self.store.users.values() if user.type != "GHOST"]
        username = query.text("username")
        if username is not None:
            found = [user for user in found if user.username.lower() == username.lower()]
        search = query.text("search")
        if search is not None:
            text = search.lower()
            found = [u for u in found if text in u.username.lower() or text in u.name.lower()]
        if query.flag("humans"):
            found = [user for user in found if user.type == "HUMAN"]
        if query.flag("active"):
            found = [user for user in found if user.state == "active"]
        if query.text("pagination") == "keyset":
            return page_after_id(query, found, self.entities.user)
        found.sort(key=lambda user: -user.id)
        return page(query, found, self.entities.user, by_key=True)

    def _user(self, asked: Asked) -> Answer:
        found = self.store.users.get(int(asked.parts["user"]))
        if found is None:
            raise Refusal(404, {"message": "404 User Not Found"})
        return json_answer(self.entities.user_in_full(found))

    def _groups(self, asked: Asked) -> Answer:
        found = [g for g in self.store.groups.values() if asked.viewer.sees_group(g)]
        if asked.query.flag("top_level_only"):
            found = [group for group in found if group.parent is None]
        return self._group_page(asked, found)

    def _group_page(self, asked: Asked, groups: list[Group]) -> Answer:
        search = asked.query.text("search")
        if search is not None:
            text = search.lower()
            groups = [g for g in groups if text in g.name.lower() or text in g.path.lower()]
        return page(
            asked.query, sorted(groups, key=lambda g: (g.name.lower(), g.id)), self.entities.group
        )

    def _show_group(self, asked: Asked) -> Answer:
        return json_answer(self.entities.group(self.group(asked)))

    def _subgroups(self, asked: Asked) -> Answer:
        group = self.group(asked)
        visible = [g for g in self.store.groups.values() if asked.viewer.sees_group(g)]
        if asked.query.address.endswith("/subgroups"):
            return self._group_page(asked, [g for g in visible if g.parent is group])
        below = [g for g in visible if g is not group and group in g.lineage()]
        return self._group_page(asked, below)

    def _group_members(self, asked: Asked) -> Answer:
        return self._members(asked, self.group(asked))

    def _project_members(self, asked: Asked) -> Answer:
        return self._members(asked, self.project(asked).group)

    def _members(self, asked: Asked, group: Group) -> Answer:
        """Members of a group; with `/all` those of the groups above it too."""
        everyone = asked.query.address.endswith("/all")
        levels: dict[int, int] = {}
        for above in group.lineage() if everyone else [group]:
            for number, level in above.members.items():
                levels[number] = max(level, levels.get(number, 0))
        users = [
            self.store.users[number] for number in sorted(levels) if number in self.store.users
        ]
        entities = self.entities
        return page(asked.query, users, lambda user: entities.member(user, levels[user.id]))

    def _group_projects(self, asked: Asked) -> Answer:
        group = self.group(asked)
        subgroups = asked.query.flag("include_subgroups")
        found = self.catalogue.projects_of(group, asked.viewer, subgroups=subgroups)
        return self._project_page(asked, found, by_key=False)

    def _projects(self, asked: Asked) -> Answer:
        return self._project_page(asked, self.catalogue.visible_projects(asked.viewer), by_key=True)

    def _project_page(self, asked: Asked, projects: list[Project], *, by_key: bool) -> Answer:
        query = asked.query
        if query.text("archived") is not None:
            archived = query.flag("archived")
            projects = [project for project in projects if project.archived is archived]
        search = query.text("search")
        if search is not None:
            text = search.lower()
            projects = [p for p in projects if text in p.name.lower() or text in p.path.lower()]
        if by_key and query.text("pagination") == "keyset":
            return page_after_id(query, projects, self._written_project)
        column = query.choice(
            "order_by",
            ("id", "name", "path", "created_at", "updated_at", "last_activity_at"),
            "created_at",
        )
        keys: dict[str, Callable[[Project], Any]] = {
            "id": lambda p: p.id,
            "name": lambda p: p.name.lower(),
            "path": lambda p: p.path.lower(),
            "created_at": lambda p: p.created_at,
            "updated_at": lambda p: last_activity(self.catalogue, p),
            "last_activity_at": lambda p: last_activity(self.catalogue, p),
        }
        descending = query.choice("sort", ("asc", "desc"), "desc") == "desc"
        newest = sorted(projects, key=lambda p: -p.id)
        ordered = sorted(newest, key=keys[column], reverse=descending)
        return page(query, ordered, self._written_project, by_key=by_key)

    def _written_project(self, project: Project) -> dict[str, Any]:
        return self.entities.project(project, last_activity(self.catalogue, project))

    def _show_project(self, asked: Asked) -> Answer:
        return json_answer(self._written_project(self.project(asked)))
