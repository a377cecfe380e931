"""Our schema against the specification: what the fake serves has GitLab's shape, to the letter."""

from typing import Any

import pytest
from graphql import (
    FieldDefinitionNode,
    GraphQLError,
    GraphQLScalarType,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    parse,
    print_ast,
)

from demo.gitlab.schema import GLOBAL_IDS, SOURCE, TYPES, schema
from tests.conftest import require_shared


def definitions(text: str) -> dict[str, Any]:
    """Each named definition of a schema's text."""
    return {
        node.name.value: node
        for node in parse(text, no_location=True).definitions
        if hasattr(node, "name") and node.name is not None
    }


def shape(field: FieldDefinitionNode) -> str:
    return print_ast(field.type)


def default(node: Any) -> str | None:
    return None if node.default_value is None else print_ast(node.default_value)


OURS = definitions(SOURCE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    path = require_shared("spec", "gitlab", "gitlab_subset.graphql")
    return definitions(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_definition_is_gitlabs(name: str, theirs: dict[str, Any]) -> None:
    mine, original = OURS[name], theirs[name]
    assert type(mine) is type(original)
    if not isinstance(mine, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        return
    their_fields = {field.name.value: field for field in original.fields}
    for field in mine.fields or ():
        their_field = their_fields[field.name.value]
        assert shape(field) == shape(their_field), field.name.value
        their_arguments = {one.name.value: one for one in their_field.arguments or ()}
        for argument in field.arguments or ():
            other = their_arguments[argument.name.value]
            assert print_ast(argument.type) == print_ast(other.type), argument.name.value
            assert default(argument) == default(other), argument.name.value
        # An argument that GitLab demands must be demanded here too.
        demanded = {n for n, a in their_arguments.items() if print_ast(a.type).endswith("!")}
        assert demanded <= {one.name.value for one in field.arguments or ()} | {
            n for n, a in their_arguments.items() if a.default_value is not None
        }
    implemented = {print_ast(one) for one in mine.interfaces or ()}
    assert implemented <= {print_ast(one) for one in original.interfaces or ()}


@pytest.mark.parametrize(
    "name", sorted(name for name, node in OURS.items() if hasattr(node, "values"))
)
def test_every_enum_value_is_gitlabs(name: str, theirs: dict[str, Any]) -> None:
    mine = {value.name.value for value in OURS[name].values}
    assert mine
    assert mine <= {value.name.value for value in theirs[name].values}


def test_every_field_has_a_resolver() -> None:
    """What no table resolves is read from dictionaries, and only these types are dictionaries."""
    dictionaries = {"DiffStats", "DiffStatsSummary", "Milestone"}
    for name, node in OURS.items():
        if not isinstance(node, ObjectTypeDefinitionNode) or name in dictionaries:
            continue
        if name.endswith(("Connection", "Edge")):
            continue
        assert {field.name.value for field in node.fields or ()} == set(TYPES[name]), name


def test_every_scalar_is_converted() -> None:
    scalars = {n for n, node in OURS.items() if isinstance(node, ScalarTypeDefinitionNode)}
    assert scalars == {"Time", *GLOBAL_IDS}
    for name in scalars:
        scalar = schema().type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        with pytest.raises(GraphQLError):
            scalar.parse_value("not one of these")
