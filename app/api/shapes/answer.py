"""What all answers of the JSON API have in common."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """A JSON object with exactly these fields; the text below a field is its description there."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, use_attribute_docstrings=True)


class OfKind(Answer):
    """What sort of row it is."""

    kind: str
    """Why something waits (`in_review`, `community`, `opening`, `orphaned`), or which finding it is of."""
