"""GraphQL's ways in: groups, projects, users, and the lists of merge requests below them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from demo.gitlab.access import Viewer
from demo.gitlab.catalogue import MERGE_REQUEST_ORDERS, Catalogue, MergeRequestFilter
from demo.gitlab.connections import KeysetConnection
from demo.gitlab.ordering import Order, Sorted
from demo.gitlab.records import Group, MergeRequest, Project, User
from demo.gitlab.resolvers import Info, Resolver, address, gid

PAGE_ARGUMENTS = ("first", "last", "after", "before")

GROUP_ORDERS = {
    "ID": ("id", lambda group: group.id, int),
    "NAME": ("name", lambda group: group.name.lower(), str),
    "PATH": ("path", lambda group: group.path.lower(), str),
}
USER_ORDERS = {
    "CREATED": ("created_at", lambda user: user.created_at, datetime),
    "UPDATED": ("updated_at", lambda user: user.created_at, datetime),
}
NOT_AVAILABLE = (
    "The resource that you are attempting to access does not exist"
    " or you don't have permission to perform this action"
)
NEWEST_FIRST = Order("id", lambda item: item.id, int, descending=True)


def _sorting(name: str) -> tuple[str, bool]:
    """`UPDATED_ASC` → (`UPDATED`, ascending)."""
    column, _, direction = name.upper().rpartition("_")
    return column, direction == "DESC"


def merge_request_order(sort: str) -> Order:
    """The order behind a value of GraphQL's `MergeRequestSort`."""
    column, descending = _sorting(sort)
    names = {"CREATED": "created_at", "UPDATED": "updated_at", "TITLE": "title"}
    return MERGE_REQUEST_ORDERS[names.get(column, column.lower()), descending]


def last_activity(catalogue: Catalogue, project: Project) -> datetime:
    """When something happened in a project last."""
    latest: datetime = catalogue.keep(
        ("activity", project.id),
        lambda: max(
            (m.updated_at for m in project.merge_requests.values()), default=project.created_at
        ),
    )
    return latest


def _number(identifier: str, kind: str) -> int:
    """The number in a global id, or a bare number."""
    text = identifier.removeprefix(f"gid://gitlab/{kind}/")
    if not text.isdigit():
        raise GraphQLError(f'"{identifier}" does not represent an instance of {kind}')
    return int(text)


def _page(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in PAGE_ARGUMENTS if name in arguments}


def _filter(arguments: Mapping[str, Any]) -> MergeRequestFilter:
    iids = arguments.get("iids")
    if iids is not None:
        iids = [int(iid) for iid in iids if iid.isdigit()]
    return MergeRequestFilter(
        state=arguments.get("state"),
        draft=arguments.get("draft"),
        iids=iids,
        created_after=arguments.get("createdAfter"),
        created_before=arguments.get("createdBefore"),
        updated_after=arguments.get("updatedAfter"),
        updated_before=arguments.get("updatedBefore"),
        merged_after=arguments.get("mergedAfter"),
        merged_before=arguments.get("mergedBefore"),
        labels=arguments.get("labelName") or arguments.get("labels"),
        author_username=arguments.get("authorUsername"),
        reviewer_username=arguments.get("reviewerUsername"),
        search=arguments.get("search"),
        source_branches=arguments.get("sourceBranches"),
        target_branches=arguments.get("targetBranches"),
    )


def _merge_requests(
    catalogue: Catalogue, projects: Sequence[Project], arguments: Mapping[str, Any]
) -> KeysetConnection:
    order = merge_request_order(arguments.get("sort") or "created_desc")
    wanted = _filter(arguments)
    if wanted.iids is not None:
        found = catalogue.merge_requests_with_iids(projects, wanted.iids, order)
    else:
        found = catalogue.merge_requests(projects, order)
    return KeysetConnection(found, wanted.accept(), **_page(arguments))


def _group_merge_requests(group: Group, info: Info, **arguments: Any) -> KeysetConnection:
    context = info.context
    projects = context.catalogue.projects_of(
        group, context.viewer, subgroups=arguments["includeSubgroups"]
    )
    if not arguments["includeArchived"]:
        projects = [project for project in projects if not project.archived]
    return _merge_requests(context.catalogue, _enabled(projects), arguments)


def _project_merge_requests(project: Project, info: Info, **arguments: Any) -> KeysetConnection:
    return _merge_requests(info.context.catalogue, _enabled([project]), arguments)


def _enabled(projects: Sequence[Project]) -> list[Project]:
    """Those whose merge requests are not switched off: the others have none to show."""
    return [project for project in projects if project.merge_requests_enabled]


def _project_order(catalogue: Catalogue, sort: str | None) -> Order:
    if sort is None:
        return NEWEST_FIRST
    if sort == "ACTIVITY_DESC":
        return Order(
            "last_activity_at", lambda p: last_activity(catalogue, p), datetime, descending=True
        )
    column, descending = _sorting(sort)
    if column == "FULL_PATH":
        return Order("full_path", lambda p: p.full_path.lower(), str, descending)
    return Order("path", lambda p: p.path.lower(), str, descending)


def _group_projects(group: Group, info: Info, **arguments: Any) -> KeysetConnection:
    context = info.context
    found: Sequence[Project] = context.catalogue.projects_of(
        group, context.viewer, subgroups=arguments["includeSubgroups"]
    )
    if not arguments["includeArchived"]:
        found = [project for project in found if not project.archived]
    if arguments.get("archivedOnly"):
        found = [project for project in found if project.archived]
    found = _named(found, arguments)
    order = _project_order(context.catalogue, arguments.get("sort"))
    return KeysetConnection(Sorted(found, order), None, **_page(arguments))


def _named(projects: Sequence[Project], arguments: Mapping[str, Any]) -> Sequence[Project]:
    """Those with one of the ids and the searched text, where they are asked for."""
    if arguments.get("ids") is not None:
        ids = {_number(identifier, "Project") for identifier in arguments["ids"]}
        projects = [project for project in projects if project.id in ids]
    if arguments.get("search"):
        text = arguments["search"].lower()
        projects = [p for p in projects if text in p.name.lower() or text in p.path.lower()]
    return projects


def _projects(_root: None, info: Info, **arguments: Any) -> KeysetConnection:
    context = info.context
    found: Sequence[Project] = context.catalogue.visible_projects(context.viewer)
    if arguments.get("fullPaths") is not None:
        paths = {path.lower() for path in arguments["fullPaths"]}
        found = [project for project in found if project.full_path.lower() in paths]
    archived = arguments.get("archived")
    if archived in {"ONLY", "EXCLUDE"}:
        found = [project for project in found if project.archived is (archived == "ONLY")]
    found = _named(found, arguments)
    columns: dict[str, Order] = {
        "id_asc": Order("id", lambda p: p.id, int),
        "id_desc": NEWEST_FIRST,
        "path_asc": Order("path", lambda p: p.path.lower(), str),
        "path_desc": Order("path", lambda p: p.path.lower(), str, descending=True),
        "name_asc": Order("name", lambda p: p.name.lower(), str),
        "name_desc": Order("name", lambda p: p.name.lower(), str, descending=True),
    }
    order = columns.get(arguments["sort"].lower(), NEWEST_FIRST)
    return KeysetConnection(Sorted(found, order), None, **_page(arguments))


def _project(_root: None, info: Info, fullPath: str) -> Project | None:
    context = info.context
    project = context.store.find_project(fullPath)
    return project if project and context.viewer.sees_project(project) else None


def _group(_root: None, info: Info, fullPath: str) -> Group | None:
    context = info.context
    group = context.store.find_group(fullPath)
    return group if group and context.viewer.sees_group(group) else None


def _sorted_groups(groups: Sequence[Group], arguments: Mapping[str, Any]) -> KeysetConnection:
    if arguments.get("ids") is not None:
        ids = {_number(identifier, "Group") for identifier in arguments["ids"]}
        groups = [group for group in groups if group.id in ids]
    if arguments.get("search"):
        text = arguments["search"].lower()
        groups = [g for g in groups if text in g.name.lower() or text in g.path.lower()]
    column, descending = _sorting(arguments["sort"])
    name, read, kind = GROUP_ORDERS.get(column, GROUP_ORDERS["NAME"])
    return KeysetConnection(
        Sorted(groups, Order(name, read, kind, descending)), None, **_page(arguments)
    )


def _visible_groups(info: Info) -> list[Group]:
    context = info.context
    return [g for g in context.store.groups.values() if context.viewer.sees_group(g)]


def _groups(_root: None, info: Info, **arguments: Any) -> KeysetConnection:
    found = _visible_groups(info)
    if arguments["topLevelOnly"]:
        found = [group for group in found if group.parent is None]
    if arguments.get("parentPath") is not None:
        path = arguments["parentPath"].lower()
        found = [g for g in found if g.parent is not None and g.parent.full_path.lower() == path]
    return _sorted_groups(found, arguments)


def _descendants(group: Group, info: Info, **arguments: Any) -> KeysetConnection:
    found = [g for g in _visible_groups(info) if g is not group and group in g.lineage()]
    if not arguments["includeParentDescendants"]:
        found = [g for g in found if g.parent is group]
    return _sorted_groups(found, arguments)


def _merge_request(
    _root: None,
    info: Info,
    id: int,
) -> MergeRequest | None:
    context = info.context
    found = context.store.merge_requests.get(id)
    if found is None or not _enabled([found.project]):
        return None
    return found if context.viewer.sees_project(found.project) else None


def _project_merge_request(project: Project, _info: Info, iid: str) -> MergeRequest | None:
    if not iid.isdigit() or not _enabled([project]):
        return None
    return project.merge_requests.get(int(iid))


def _user(
    _root: None,
    info: Info,
    id: int | None = None,
    username: str | None = None,
) -> User | None:
    if (id is None) == (username is None):
        raise GraphQLError("Provide either a single username or id")
    store = info.context.store
    if id is not None:
        return store.users.get(id)
    return store.find_user(username or "")


def _users(_root: None, info: Info, **arguments: Any) -> KeysetConnection:
    if arguments.get("ids") is not None and arguments.get("usernames") is not None:
        raise GraphQLError("Provide either a list of usernames or ids")
    if info.context.viewer.user is None and not arguments.get("usernames"):
        raise GraphQLError(NOT_AVAILABLE)
    store = info.context.store
    found: Sequence[User] = list(store.users.values())
    if arguments.get("ids") is not None:
        ids = {_number(identifier, "User") for identifier in arguments["ids"]}
        found = [store.users[number] for number in ids if number in store.users]
    if arguments.get("usernames") is not None:
        given = {store.find_user(username) for username in arguments["usernames"]}
        found = [user for user in given if user is not None]
    tests: list[Callable[[User], bool]] = []
    if arguments.get("humans"):
        tests.append(lambda user: user.type == "HUMAN")
    if arguments.get("active"):
        tests.append(lambda user: user.state == "active" and user.type != "GHOST")
    if arguments.get("search"):
        text = arguments["search"].lower()
        tests.append(lambda user: text in user.username.lower() or text in user.name.lower())
    found = [user for user in found if all(test(user) for test in tests)]
    column, descending = _sorting(arguments["sort"])
    name, read, kind = USER_ORDERS[column]
    return KeysetConnection(
        Sorted(found, Order(name, read, kind, descending)), None, **_page(arguments)
    )


def _seen(group: Group | None, viewer: Viewer) -> Group | None:
    return group if group is not None and viewer.sees_group(group) else None


QUERY: Mapping[str, Resolver] = {
    "currentUser": lambda _root, info: info.context.viewer.user,
    "echo": lambda _root, info, text: (
        f'"{getattr(info.context.viewer.user, "username", None) or "nil"}" says: {text}'
    ),
    "group": _group,
    "groups": _groups,
    "mergeRequest": _merge_request,
    "metadata": lambda _root, info: info.context if info.context.viewer.user else None,
    "namespace": _group,
    "project": _project,
    "projects": _projects,
    "queryComplexity": lambda _root, info: info.context,
    "user": _user,
    "users": _users,
}

QUERY_COMPLEXITY: Mapping[str, Resolver] = {
    "limit": lambda context, _: context.limit,
    "score": lambda context, _: context.cost.score,
}

METADATA: Mapping[str, Resolver] = {
    "enterprise": lambda _context, _: False,
    "kas": lambda context, _: context,
    "revision": lambda _context, _: "0a1b2c3d4e5",
    "version": lambda context, _: context.version,
}

KAS: Mapping[str, Resolver] = {
    "enabled": lambda _context, _: False,
    "externalK8sProxyUrl": lambda _context, _: None,
    "externalUrl": lambda _context, _: None,
    "version": lambda _context, _: None,
}

GROUP: Mapping[str, Resolver] = {
    "descendantGroups": _descendants,
    "descendantGroupsCount": lambda group, info: sum(
        1 for other in info.context.store.groups.values() if other.parent is group
    ),
    "description": lambda _group, _: None,
    "fullName": lambda group, _: group.full_name,
    "fullPath": lambda group, _: group.full_path,
    "id": lambda group, _: gid("Group", group.id),
    "mergeRequests": _group_merge_requests,
    "name": lambda group, _: group.name,
    "parent": lambda group, info: _seen(group.parent, info.context.viewer),
    "path": lambda group, _: group.path,
    "projects": _group_projects,
    "projectsCount": lambda group, info: len(
        info.context.catalogue.projects_of(group, info.context.viewer, subgroups=False)
    ),
    "visibility": lambda group, _: group.visibility,
    "webUrl": lambda group, info: address(f"groups/{group.full_path}", info),
}

NAMESPACE: Mapping[str, Resolver] = {
    name: GROUP[name]
    for name in ("fullName", "fullPath", "id", "name", "path", "projects", "visibility", "webUrl")
}

PROJECT: Mapping[str, Resolver] = {
    "archived": lambda project, _: project.archived,
    "createdAt": lambda project, _: project.created_at,
    "description": lambda _project, _: None,
    "fullPath": lambda project, _: project.full_path,
    "group": lambda project, info: _seen(project.group, info.context.viewer),
    "id": lambda project, _: gid("Project", project.id),
    "lastActivityAt": lambda project, info: last_activity(info.context.catalogue, project),
    "mergeRequest": _project_merge_request,
    "mergeRequests": _project_merge_requests,
    "mergeRequestsEnabled": lambda project, _: project.merge_requests_enabled,
    "name": lambda project, _: project.name,
    "nameWithNamespace": lambda project, _: f"{project.group.full_name} / {project.name}",
    "namespace": lambda project, info: _seen(project.group, info.context.viewer),
    "openMergeRequestsCount": lambda project, _: sum(
        1 for m in project.merge_requests.values() if m.state == "opened"
    ),
    "path": lambda project, _: project.path,
    "webUrl": lambda project, info: address(project.full_path, info),
}
