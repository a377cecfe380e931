"""The documentation names what there is, because it is drawn from the lists in the code."""

import re
from pathlib import Path

import pytest

from app.metrics import INDICATORS
from app.settings import Settings
from collectors import SOURCES
from dashboards.exports import EXPORTS
from dashboards.pages import PAGES
from docs.generate import DOCUMENTS, PARTS, rendered

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_generated_parts_are_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert rendered(text) == text, "run `make docs`"


def test_every_part_stands_in_a_document() -> None:
    texts = "".join((ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS)
    assert set(re.findall(r"<!-- begin: (\S+) -->", texts)) == set(PARTS)
    assert set(re.findall(r"<!-- end: (\S+) -->", texts)) == set(PARTS)


def test_every_indicator_is_named() -> None:
    definitions = (ROOT / "docs/indicators.md").read_text(encoding="utf-8")
    for indicator in INDICATORS:
        assert f"`{indicator.key}`" in README
        assert indicator.definition in definitions
        for variant in indicator.variants:
            assert variant.definition in definitions


def test_every_source_page_and_export_is_named() -> None:
    for source in SOURCES:
        assert source.title in README or f"`{source.name}`" in README
    for page in PAGES:
        assert f"`{page.route}`" in README
    for export in EXPORTS:
        assert f"`{export.route}" in README


def test_every_key_of_the_configuration_is_named() -> None:
    block = README.partition("<!-- begin: configuration -->")[2].partition("<!-- end:")[0]
    _, *rest = re.split(r"^\[(\w+)\]$", block, flags=re.M)
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    assert len(sections) > 5
    for section, field in Settings.model_fields.items():
        if section in sections:
            for key in getattr(field.annotation, "model_fields"):  # noqa: B009 - typed as Any
                assert re.search(rf"\b{key} = ", sections[section]), f"[{section}] {key}"
        elif section != "path":  # where the file was found: no key
            assert f"[{section}]" in block


def test_every_file_of_the_documentation_exists() -> None:
    for name in (*DOCUMENTS, "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert ((ROOT / name).parent / target).is_file(), f"{name} points to {target}"


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, re.M))
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.M))
        assert named
        assert named <= targets
