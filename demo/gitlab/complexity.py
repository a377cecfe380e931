"""How much a query costs by GitLab's rule, and how deep it is; over the limit it is not run.

The rule: a field with a fixed cost n costs n and its selection; a field with a resolver costs its
selection, 1, 1 more with a `sort` (a default counts) and 5 more with a `search`; where such a field is a
connection, its page size in percent comes on top, unless single numbers (iid, iids) are asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast_untyped,
)

MAX_PAGE = 100
LIMIT_ANONYMOUS = 200
LIMIT_AUTHENTICATED = 250
DEPTH_ANONYMOUS = 15
DEPTH_AUTHENTICATED = 20

FIXED = {
    ("Group", "descendantGroups"): 5,
    ("MergeRequest", "approved"): 2,
    ("MergeRequest", "assignees"): 5,
    ("MergeRequest", "closedAt"): 5,
    ("MergeRequest", "diffStats"): 2,
    ("MergeRequest", "diffStatsSummary"): 2,
    ("MergeRequest", "labels"): 5,
    ("MergeRequest", "mergedAt"): 5,
    ("MergeRequest", "reviewers"): 5,
    ("UserMergeRequestInteraction", "canMerge"): 2,
}
"""Fields with a declared cost, or 1 more because they ask the repository."""

RESOLVED = {
    ("Group", "mergeRequests"): 0,
    ("Group", "projects"): 10,
    ("MergeRequest", "notes"): 0,
    ("Namespace", "projects"): 10,
    ("Project", "mergeRequest"): 0,
    ("Project", "mergeRequests"): 0,
    ("Query", "echo"): 0,
    ("Query", "group"): 0,
    ("Query", "groups"): 0,
    ("Query", "metadata"): 0,
    ("Query", "namespace"): 0,
    ("Query", "project"): 0,
    ("Query", "projects"): 0,
    ("Query", "user"): 0,
    ("Query", "users"): 0,
}
"""Fields with a resolver, and what the resolver adds of its own."""


@dataclass(frozen=True, slots=True)
class Cost:
    """score: compared with the limit; depth: the deepest nesting of fields."""

    score: int
    depth: int


def cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Cost:
    """The cost of an operation that is valid. variables: as the client sent them."""
    assert schema.query_type is not None
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return _Costing(schema, document, {**defaults, **variables}).selection(
        operation.selection_set, schema.query_type
    )


class _Costing:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self.schema = schema
        self.variables = dict(variables)
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def selection(self, selections: SelectionSetNode | None, parent: Any) -> Cost:
        """The sum over a selection, and its depth. The same field twice is one field."""
        fields: dict[str, tuple[FieldNode, Any, list[SelectionSetNode]]] = {}
        if selections is not None:
            self._collect(selections, parent, fields)
        score = depth = 0
        for node, owner, nested in fields.values():
            one = self._field(node, owner, nested)
            score += one.score
            depth = max(depth, one.depth)
        return Cost(score, depth)

    def _collect(
        self,
        selections: SelectionSetNode,
        parent: Any,
        fields: dict[str, tuple[FieldNode, Any, list[SelectionSetNode]]],
    ) -> None:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                name = node.alias.value if node.alias else node.name.value
                _, _, nested = fields.setdefault(name, (node, parent, []))
                if node.selection_set is not None:
                    nested.append(node.selection_set)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                narrowed = (
                    self.schema.type_map[condition.name.value] if condition is not None else parent
                )
                self._collect(node.selection_set, narrowed, fields)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                narrowed = self.schema.type_map[fragment.type_condition.name.value]
                self._collect(fragment.selection_set, narrowed, fields)

    def _field(self, node: FieldNode, parent: Any, nested: list[SelectionSetNode]) -> Cost:
        name = node.name.value
        if name.startswith("__"):
            return Cost(1, 1)
        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
        field = parent.fields[name]
        inner = [self.selection(one, get_named_type(field.type)) for one in nested]
        children = sum(one.score for one in inner)
        depth = 1 + max((one.depth for one in inner), default=0)
        place = (parent.name, name)
        if place not in RESOLVED:
            return Cost(FIXED.get(place, 1) + children, depth)
        return Cost(self._resolved(node, field, children + RESOLVED[place]), depth)

    def _resolved(self, node: FieldNode, field: GraphQLField, inner: int) -> int:
        arguments = self._arguments(node, field)
        total = inner + 1
        total += arguments.get("sort") is not None
        total += 5 * bool(arguments.get("search"))
        if not get_named_type(field.type).name.endswith("Connection"):
            return total
        if arguments.get("iid") is not None or arguments.get("iids"):
            return total
        sizes = [arguments.get("first"), arguments.get("last"), MAX_PAGE]
        page = min(size for size in sizes if size is not None)
        return total + total * page // 100

    def _arguments(self, node: FieldNode, field: GraphQLField) -> dict[str, Any]:
        """The arguments with their values; those with a default are always there."""
        values: dict[str, Any] = {}
        for name, argument in field.args.items():
            if argument.ast_node is not None and argument.ast_node.default_value is not None:
                values[name] = value_from_ast_untyped(argument.ast_node.default_value)
        for given in node.arguments or ():
            value: ValueNode = given.value
            if isinstance(value, VariableNode):
                if value.name.value in self.variables:
                    values[given.name.value] = self.variables[value.name.value]
            else:
                values[given.name.value] = value_from_ast_untyped(value, self.variables)
        return values
