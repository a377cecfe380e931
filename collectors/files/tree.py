"""Reads teams.yaml: the tree of teams, and which projects each owns."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from app.store.tables.organisation import ROOT_TEAM
from collectors.files.problems import Problems
from collectors.files.records import TeamRecord
from collectors.files.sheet import near, read_text

KEYS = ("slug", "name", "parent", "owns")
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ROOT = TeamRecord(slug=ROOT_TEAM, name="Organisation", parent=None, owns=[])


@dataclass(frozen=True, slots=True)
class Entry:
    """A team as it stands in the file, with the nodes that know their lines."""

    node: Node
    parent_node: Node
    team: TeamRecord


@dataclass(frozen=True, slots=True)
class TreeReader:
    """Reads one file; mistakes go to `problems`."""

    file: str
    problems: Problems

    def refuse(self, node: Node, key: str, reason: str) -> None:
        """Notes a mistake where a node begins."""
        mark = node.start_mark
        column = f"{mark.column + 1} ({key})" if key else str(mark.column + 1)
        self.problems.add(self.file, mark.line + 1, column, reason)

    def entries(self, text: str) -> list[Entry] | None:
        """The teams that could be read; None: the file is not a list in YAML."""
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, str(mark.column + 1)) if mark else (0, "")
            reason = (error.problem or error.context or "the file is not valid YAML").strip()
            self.problems.add(self.file, line, column, f"this is not valid YAML, {reason}")
            return None
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            reason = f"the character U+{error.character:04X} is not allowed"
            self.problems.add(self.file, before.count("\n") + 1, "", reason)
            return None
        if root is None or _is_null(root):
            return []
        if not isinstance(root, SequenceNode):
            self.refuse(root, "", "the file must be a list, each team begins with `- slug: …`")
            return None
        read = (self._entry(node) for node in root.value)
        return [entry for entry in read if entry is not None]

    def _entry(self, node: Node) -> Entry | None:
        if not isinstance(node, MappingNode):
            self.refuse(node, "", "a team must be written as slug:, name:, parent: and owns:")
            return None
        fields: dict[str, Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else ""
            if key not in KEYS:
                known = near(key.lower(), KEYS) or f", the keys are {', '.join(KEYS)}"
                self.refuse(key_node, key, f"the key is not known{known}")
            elif key in fields:
                self.refuse(key_node, key, "the key is there twice")
            elif not _is_null(value):
                fields[key] = value
        slug = self._text(node, fields, "slug")
        name = self._text(node, fields, "name")
        parent = self._text(node, fields, "parent", needed=False)
        owns = self._globs(fields)
        if slug is None or name is None or parent is None:
            return None
        if not SLUG.fullmatch(slug):
            self.refuse(
                fields["slug"],
                "slug",
                f'"{slug}" must consist of letters, digits, -, _ and ., and begin with one of '
                "the first two",
            )
            return None
        if slug == ROOT_TEAM:
            if parent:
                self.refuse(
                    fields["parent"], "parent", f"{ROOT_TEAM} is the root, it has no parent"
                )
            team = TeamRecord(slug=slug, name=name, parent=None, owns=owns)
        else:
            team = TeamRecord(slug=slug, name=name, parent=parent or ROOT_TEAM, owns=owns)
        return Entry(fields["slug"], fields.get("parent", node), team)

    def _text(
        self, node: Node, fields: dict[str, Node], key: str, *, needed: bool = True
    ) -> str | None:
        """A text as it is written (`yes` and `2024` are names too); None if it was refused."""
        value = fields.get(key)
        if value is None:
            if needed:
                self.refuse(node, "", f"the team has no {key}")
                return None
            return ""
        if not isinstance(value, ScalarNode):
            self.refuse(value, key, "a text is expected here")
            return None
        text = str(value.value).strip()
        if needed and not text:
            self.refuse(value, key, "the text is empty")
            return None
        return text

    def _globs(self, fields: dict[str, Node]) -> list[str]:
        value = fields.get("owns")
        if value is None:
            return []
        if not isinstance(value, SequenceNode):
            self.refuse(
                value, "owns", 'a list of globs is expected, such as ["my-group/backend/**"]'
            )
            return []
        globs: list[str] = []
        for item in value.value:
            text = item.value.strip() if isinstance(item, ScalarNode) else ""
            if not text or "://" in text or text.startswith("/") or re.search(r"[\[\]{}\s]", text):
                self.refuse(
                    item,
                    "owns",
                    "a glob on a project's path is expected, such as my-group/backend/**",
                )
            elif text not in globs:
                globs.append(text)
        return globs


def read_teams(path: Path, problems: Problems) -> list[TeamRecord] | None:
    """The teams of the file, and the root whether it is there or not; None: the file is unreadable.

    Duplicate slugs, unknown parents and cycles are noted as problems.
    """
    text = read_text(path, problems)
    if text is None:
        return None
    reader = TreeReader(path.name, problems)
    entries: dict[str, Entry] = {}
    read = reader.entries(text)
    if read is None:
        return None
    for entry in read:
        first = next(
            (other for slug, other in entries.items() if slug.lower() == entry.team.slug.lower()),
            None,
        )
        if first is None:
            entries[entry.team.slug] = entry
        else:
            line = first.node.start_mark.line + 1
            reader.refuse(entry.node, "slug", f"{entry.team.slug} is already a team (line {line})")
    _check_parents(reader, entries)
    teams = [entry.team for entry in entries.values()]
    return teams if ROOT_TEAM in entries else [ROOT, *teams]


def _check_parents(reader: TreeReader, entries: dict[str, Entry]) -> None:
    known = [ROOT_TEAM, *entries]
    settled: set[str] = {ROOT_TEAM}
    for slug, entry in entries.items():
        parent = entry.team.parent
        if parent is not None and parent not in known:
            reason = f"there is no team {parent}{near(parent, known)}"
            reader.refuse(entry.parent_node, "parent", reason)
            settled.add(slug)
    for slug in entries:
        way = [slug]
        while way[-1] not in settled:
            parent = entries[way[-1]].team.parent
            assert parent is not None  # only the root has none, and it is settled
            if parent in way:
                circle = [*way[way.index(parent) :], parent]
                reason = f"the teams are below one another: {' → '.join(circle)}"
                reader.refuse(entries[way[-1]].parent_node, "parent", reason)
                break
            way.append(parent)
        settled.update(way)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"
