"""The executable schema: schema.graphql, its scalars, and a resolver for each field that needs one."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

from demo.gitlab import resolvers, roots
from demo.gitlab.resolvers import Resolver, gid
from demo.gitlab.times import graphql_time, read_time

SOURCE = Path(__file__).with_name("schema.graphql")

GLOBAL_IDS = {
    "GroupID": "Group",
    "LabelID": "ProjectLabel",
    "MergeRequestID": "MergeRequest",
    "NoteID": "Note",
    "ProjectID": "Project",
    "SystemNoteMetadataID": "SystemNoteMetadata",
    "UserID": "User",
}
"""Scalars that are global ids, and the kind of record in them."""

TYPES: Mapping[str, Mapping[str, Resolver]] = {
    "Query": roots.QUERY,
    "QueryComplexity": roots.QUERY_COMPLEXITY,
    "Metadata": roots.METADATA,
    "Kas": roots.KAS,
    "Group": roots.GROUP,
    "Namespace": roots.NAMESPACE,
    "Project": roots.PROJECT,
    "PageInfo": resolvers.PAGE_INFO,
    "CurrentUser": resolvers.USER,
    "UserCore": resolvers.USER,
    "MergeRequestAuthor": resolvers.PARTICIPANT,
    "MergeRequestAssignee": resolvers.PARTICIPANT,
    "MergeRequestReviewer": resolvers.PARTICIPANT,
    "UserMergeRequestInteraction": resolvers.INTERACTION,
    "MergeRequest": resolvers.MERGE_REQUEST,
    "Note": resolvers.NOTE,
    "SystemNoteMetadata": resolvers.SYSTEM_NOTE,
    "Label": resolvers.LABEL,
}
"""Resolvers by type; every connection and edge has the same ones, other types read dictionaries."""


@cache
def schema() -> GraphQLSchema:
    """The schema that queries are validated and executed against."""
    return make_schema(SOURCE.read_text(encoding="utf-8"))


def make_schema(source: str) -> GraphQLSchema:
    """A schema from its text; a test may take fields away from the text first."""
    made = build_schema(source)
    for name, kind in made.type_map.items():
        if isinstance(kind, GraphQLScalarType):
            if name == "Time":
                _make_time(kind)
            elif name in GLOBAL_IDS:
                _make_global_id(kind, GLOBAL_IDS[name])
        elif isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            table = TYPES.get(name, {})
            if name.endswith("Connection"):
                table = resolvers.CONNECTION
            elif name.endswith("Edge"):
                table = resolvers.EDGE
            for field_name, field in kind.fields.items():
                if field_name in table:
                    field.resolve = table[field_name]
    return made


def _make_time(scalar: GraphQLScalarType) -> None:
    def read(value: Any) -> datetime:
        try:
            return read_time(value)
        except (ValueError, TypeError) as error:
            raise GraphQLError(f"{value!r} is not a valid Time") from error

    _assign(scalar, graphql_time, read)


def _make_global_id(scalar: GraphQLScalarType, kind: str) -> None:
    beginning = gid(kind, 0)[:-1]

    def read(value: Any) -> int:
        number = str(value).removeprefix(beginning)
        if not number.isdigit() or not str(value).startswith(beginning):
            raise GraphQLError(f'"{value}" does not represent an instance of {kind}')
        return int(number)

    _assign(scalar, lambda number: f"{beginning}{number}", read)


def _assign(scalar: GraphQLScalarType, write: Any, read: Any) -> None:
    """Gives a scalar of the text its conversions, under the names of graphql-core 3.3 and of 3.2."""
    for name in ("coerce_output_value", "serialize"):
        setattr(scalar, name, write)
    for name in ("coerce_input_value", "parse_value"):
        setattr(scalar, name, read)
