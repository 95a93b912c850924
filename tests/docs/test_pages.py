"""The generated parts of docs/ are current, and the pages fit the source."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MAX_WORDS = 1200


@pytest.mark.parametrize("script", ["recipe_keys.py", "surprisal_picture.py"])
def test_what_a_script_writes_is_current(script):
    subprocess.run([sys.executable, "-W", "ignore", ROOT / "tools" / script, "--check"], check=True)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= MAX_WORDS


def test_every_page_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in PAGES:
        assert f": {page.name}\n" in menu, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
        found = page.parent / target if target else page
        assert found.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{target}#{anchor}"


def slug(heading: str) -> str:
    """As mkdocs makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading.encode("ascii", "ignore").decode()).strip().lower())


def test_messages_are_those_of_the_source():
    said = [
        node.value
        for path in (ROOT / "wavegen").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| `([^`]*)`", text, re.MULTILINE)
    assert len(quoted) > 15
    everything = "\n".join(said)
    for message in quoted:
        for part in re.split(r"…|this model was |\.toml: [\w.]+|nade|[(),;]|warning: |cuda |--[\w-]+", message):
            part = part.strip(" :;")
            assert len(part) < 8 or part in everything, f"{message}: {part}"
