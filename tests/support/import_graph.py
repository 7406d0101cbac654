"""Who imports whom, read from the sources of the product."""

import ast
import dataclasses
import functools
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ("lasem_tf", "benchmark")


@dataclasses.dataclass(frozen=True)
class Import:
  """One import.

  Attributes:
    importer: module that holds it.
    imported: module of the product, or the name of a foreign one.
    line: where.
    at_start: whether importing the importer executes it (it stands outside functions).
  """

  importer: str
  imported: str
  line: int
  at_start: bool


@functools.cache
def sources() -> dict[str, pathlib.Path]:
  """Files of the product by module name."""
  found = {}
  for package in PACKAGES:
    for path in sorted((ROOT / package).rglob("*.py")):
      parts = path.relative_to(ROOT).with_suffix("").parts
      found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
  return found


@functools.cache
def imports() -> tuple[Import, ...]:
  """Every import of the product, nested ones included."""
  return tuple(found for module, path in sources().items()
               for found in _imports_of(module, ast.parse(path.read_text(), str(path)), at_start=True))


def _imports_of(module: str, tree: ast.AST, at_start: bool):
  for node in ast.iter_child_nodes(tree):
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield Import(module, alias.name, node.lineno, at_start)
    elif isinstance(node, ast.ImportFrom):
      if node.level:
        yield Import(module, "." * node.level, node.lineno, at_start)
      for alias in node.names:
        # `from package import module` imports the module; `from module import name` does not.
        deeper = f"{node.module}.{alias.name}"
        yield Import(module, deeper if deeper in sources() else str(node.module), node.lineno, at_start)
    inner = at_start and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    yield from _imports_of(module, node, inner)


def reached(module: str, through_packages: bool = True) -> dict[str, tuple[str, ...]]:
  """Everything that importing a module imports, foreign modules included, each with the chain that leads there.

  Args:
    module: where to begin.
    through_packages: follow also what the packages around a module import, which Python does before the module itself.
  """
  edges: dict[str, list[str]] = {}
  for found in imports():
    if found.at_start:
      edges.setdefault(found.importer, []).append(found.imported)
  chains, waiting = {module: (module,)}, [module]
  while waiting:
    current = waiting.pop()
    parts = current.split(".")
    is_followed = current in sources() and through_packages
    parents = [".".join(parts[:length]) for length in range(1, len(parts))] if is_followed else []
    for following in edges.get(current, []) + parents:
      if following not in chains:
        chains[following] = chains[current] + (following,)
        waiting.append(following)
  return chains
