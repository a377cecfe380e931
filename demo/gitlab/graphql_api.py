"""`POST /api/graphql`: parse and validate a text once, refuse what costs too much, execute the rest."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    validate,
)

from demo.gitlab.access import Viewer
from demo.gitlab.catalogue import Catalogue
from demo.gitlab.complexity import (
    DEPTH_ANONYMOUS,
    DEPTH_AUTHENTICATED,
    LIMIT_ANONYMOUS,
    LIMIT_AUTHENTICATED,
    cost,
)
from demo.gitlab.execution import execute
from demo.gitlab.resolvers import Context
from demo.gitlab.store import Store

MAX_TEXT = 10_000
UNKNOWN_FIELD = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'\.")
UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(\w+)' on field '(\w+)\.(\w+)'\.")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text that was parsed and validated; either errors or the document."""

    document: DocumentNode | None
    errors: tuple[dict[str, Any], ...] = ()


class GraphQLApi:
    """The endpoint. schema: what is served; max_complexity: instead of GitLab's limit, where set."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        schema: GraphQLSchema,
        *,
        url: Callable[[], str],
        version: str,
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.schema = schema
        self.url = url
        self.version = version
        self.max_complexity: int | None = None
        self._prepared: dict[str, Prepared] = {}

    def answer(self, body: Any, viewer: Viewer) -> tuple[int, Any]:
        """Status and JSON for a decoded body; a list of queries is answered by a list."""
        queries = body if isinstance(body, list) else [body]
        if not all(isinstance(query, Mapping) for query in queries):
            return 400, {"errors": [{"message": "Unexpected body"}]}
        if sum(len(str(query.get("query") or "")) for query in queries) > MAX_TEXT:
            return 422, {"errors": [{"message": "Query too large"}]}
        answers = [self._one(query, viewer) for query in queries]
        return 200, answers if isinstance(body, list) else answers[0]

    def operation_of(self, query: Mapping[str, Any]) -> OperationDefinitionNode | None:
        """The operation that a query would run; None where it cannot be run."""
        document = self._prepare(str(query.get("query") or "")).document
        return get_operation_ast(document, query.get("operationName")) if document else None

    def _prepare(self, text: str) -> Prepared:
        if text not in self._prepared:
            self._prepared[text] = self._parse(text)
        return self._prepared[text]

    def _parse(self, text: str) -> Prepared:
        if not text.strip():
            return Prepared(None, ({"message": "Unexpected end of document"},))
        try:
            document = parse(text)
        except GraphQLError as error:
            return Prepared(None, (dict(error.formatted),))
        errors = validate(self.schema, document, max_errors=5)
        if errors:
            return Prepared(None, tuple(_in_ruby_words(error) for error in errors))
        return Prepared(document)

    def _one(self, query: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
        prepared = self._prepare(str(query.get("query") or ""))
        if prepared.document is None:
            return {"errors": list(prepared.errors)}
        operation = self.operation_of(query)
        if operation is None:
            return {"errors": [{"message": "An operation name is required"}]}
        variables = query.get("variables") or {}
        spent = cost(self.schema, prepared.document, operation, variables)
        signed_in = viewer.user is not None
        limit = LIMIT_AUTHENTICATED if signed_in else LIMIT_ANONYMOUS
        if self.max_complexity is not None:
            limit = self.max_complexity
        deepest = DEPTH_AUTHENTICATED if signed_in else DEPTH_ANONYMOUS
        refusals = []
        if spent.score > limit:
            refusals.append(
                f"Query has complexity of {spent.score}, which exceeds max complexity of {limit}"
            )
        if spent.depth > deepest:
            refusals.append(
                f"Query has depth of {spent.depth}, which exceeds max depth of {deepest}"
            )
        if refusals:
            return {"errors": [{"message": message} for message in refusals]}
        context = Context(
            self.store, self.catalogue, viewer, self.url(), self.version, spent, limit
        )
        result = execute(self.schema, prepared.document, operation, context, variables)
        answer: dict[str, Any] = {} if result.data is None else {"data": result.data}
        if result.errors:
            answer["errors"] = list(result.errors)
        return answer


def _in_ruby_words(error: GraphQLError) -> dict[str, Any]:
    """A validation error in the words of GitLab's library, which clients match on."""
    formatted: dict[str, Any] = dict(error.formatted)
    field = UNKNOWN_FIELD.match(error.message)
    argument = UNKNOWN_ARGUMENT.match(error.message)
    if field:
        name, kind = field.groups()
        formatted["message"] = f"Field '{name}' doesn't exist on type '{kind}'"
        formatted["extensions"] = {
            "code": "undefinedField",
            "typeName": kind,
            "fieldName": name,
        }
    elif argument:
        name, kind, owner = argument.groups()
        formatted["message"] = f"Field '{owner}' doesn't accept argument '{name}'"
        formatted["extensions"] = {
            "code": "argumentNotAccepted",
            "typeName": "Field",
            "name": owner,
            "argumentName": name,
        }
    return formatted
