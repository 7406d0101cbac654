"""Links in the built site: to pages, to files that pages include, to files that the site lacks, to nothing."""

import io
import pathlib

import pytest

# Sphinx and MyST use what the other is about to remove.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"),
              pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")]
_ROOT = pathlib.Path(__file__).resolve().parents[1]
_DEAD = ("../reports/none.html", "none.md", "../gin/README.md#nowhere", "#nothing")
_FILES = {
    "docs/index.md": """# Links

[a page](other.md#part), [the grammar](../gin/README.md#part), [README.md](../gin/README.md),
[the report](../reports/x.html), [reports](../reports), [somewhere](https://example.org).

```{toctree}
other
gin_files
dead
```
""",
    "docs/other.md": "# Other\n\n## Part\n",
    "docs/gin_files.md": "```{include} ../gin/README.md\n:relative-docs: ../docs/\n```\n",
    "docs/dead.md": "# Dead links\n\n" + "\n".join(f"[dead]({link})" for link in _DEAD),
    "gin/README.md": "# Grammar\n\n[the other](../docs/other.md#part)\n\n## Part\n",
    "reports/x.html": ""}


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory):
  """HTML by page, and what was warned of; the files are few, the configuration is that of docs/."""
  application = pytest.importorskip("sphinx.application", reason="pip install 'lasem-tf[docs]'")
  pytest.importorskip("myst_parser", reason="pip install 'lasem-tf[docs]'")
  root, warnings = tmp_path_factory.mktemp("site"), io.StringIO()
  for name, text in _FILES.items():
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)
  application.Sphinx(root / "docs", _ROOT / "docs", root / "out", root / "doctrees", "html", status=None,
                     warning=warnings, confoverrides={"extensions": ["myst_parser", "sphinx.ext.autodoc"],
                                                      "html_theme": "basic", "templates_path": []}).build()
  return {path.name: path.read_text() for path in (root / "out").glob("*.html")}, warnings.getvalue()


def test_links_lead_to_pages_and_other_files_are_named(site):
  page = site[0]["index.html"]
  for link in ("other.html#part", "gin_files.html#part", "gin_files.html", "https://example.org"):
    assert f'href="{link}"' in page
  assert "the report (<code" in page.replace("<span>", "").replace("</span>", "") and ">reports/x.html<" in page
  assert ">reports<" in page and 'href="../' not in page and "_downloads" not in page
  assert 'href="other.html#part"' in site[0]["gin_files.html"]


def test_dead_links_and_nothing_else_are_warned_of(site):
  lines = site[1].splitlines()
  assert len(lines) == len(_DEAD) and all("dead.md" in line for line in lines), site[1]
  for link in _DEAD:
    assert any(link.rpartition("#")[2] in line for line in lines), site[1]
