"""How Sphinx builds the documentation: `make docs`, which treats every warning as an error."""

import importlib.metadata
import itertools
import pathlib
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

project = "lasem-tf"
author = "The maintainers of lasem-tf"
release = version = importlib.metadata.version("lasem-tf")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon",
              "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = "LASEM in TensorFlow 2"

# Names that a module hands on are described where they come from.
autodoc_default_options = {"members": True, "show-inheritance": True, "ignore-module-all": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "literal"

# Files outside of docs/ that are pages of the site, by the page that includes them.
INCLUDED = {"gin/README.md": "gin_files", "CONTRIBUTING.md": "contributing"}


class LinksOutOfTheSite(SphinxTransform):
  """Links to files of the repository that are no pages, such as a report or a suite.

  Where Markdown is read beside the files, such a link leads to the file. The site is served without them: the link
  leads to the page that includes the file, if there is one, else the file's path stands in its place. A link to what
  does not exist stays, and is an error.
  """

  default_priority = 500

  def apply(self, **kwargs) -> None:
    """Replaces links of the document, which has been read."""
    del kwargs
    for node in list(self.document.findall(addnodes.pending_xref)) + list(
        self.document.findall(addnodes.download_reference)):
      path = self._file_outside(node)
      if path in INCLUDED:
        page = addnodes.pending_xref("", *node.children, refdomain="doc", reftype="myst", reftarget=INCLUDED[path],
                                     reftargetid=_fragment(node), refdoc=self.env.docname, refexplicit=True)
        page.source, page.line = node.source, node.line
        node.replace_self(page)
      elif path is not None:
        node.replace_self(_path_in_place(node, path))

  def _file_outside(self, node) -> str | None:
    """The path, from the root of the repository, of what a Markdown link names, if that is no part of docs/."""
    if node.get("reftype") != "myst":
      return None
    docs = pathlib.Path(self.env.srcdir).resolve()
    if node["refdomain"] == "doc":  # The target is a document's name: its path without the suffix.
      place = docs / f"{node['reftarget']}.md"
    else:
      target = node["reftarget"].partition("#")[0]
      place = docs.joinpath(self.env.docname).parent / target if target else docs
    place = place.resolve()
    if not place.exists() or place.is_relative_to(docs) or not place.is_relative_to(docs.parent):
      return None
    return place.relative_to(docs.parent).as_posix()


def _fragment(node) -> str | None:
  return node.get("reftargetid") or node["reftarget"].partition("#")[2] or None


def _path_in_place(node, path: str) -> nodes.inline:
  """The path in code, behind the link's text unless this is how the path begins or ends."""
  text = node.astext().strip("./")
  if path.startswith(text) or path.endswith(text):
    return nodes.inline("", "", nodes.literal(path, path))
  return nodes.inline("", "", nodes.inline("", "", *node[0].children), nodes.Text(" ("), nodes.literal(path, path),
                      nodes.Text(")"))


def _escape(line):
  """Bars, stars and final underscores outside of quotation mean something to reStructuredText."""
  parts = line.split("`")
  return "`".join([re.sub(r"([|*]|_(?!\w))", r"\\\1", part) if index % 2 == 0 else part
                   for index, part in enumerate(parts)])


def _to_restructured_text(app, what, name, obj, options, lines):
  """Docstrings are plain text: bars are bars, and what a module's docstring indents stays as it is."""
  del app, name, obj, options
  found = []
  for is_indented, group in itertools.groupby(lines, lambda line: what == "module" and line.startswith(" ")):
    block = list(group)
    found += ["", "::", "", *block, ""] if is_indented else list(map(_escape, block))
  lines[:] = found


def _leave_out(app, what, name, obj, skip, options):
  """What answers every question about itself alike cannot be described."""
  del app, what, obj, options
  return True if name == "Opaque" else skip


def setup(app):
  """Called by Sphinx. Before napoleon, which comes at 500."""
  app.connect("autodoc-process-docstring", _to_restructured_text, priority=400)
  app.connect("autodoc-skip-member", _leave_out)
  app.add_transform(LinksOutOfTheSite)
