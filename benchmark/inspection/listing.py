"""Learners, streams and suites with what their files say of them, as lines of text. No TensorFlow."""

import dataclasses
import re
import textwrap
from collections.abc import Iterator

from benchmark.suites import binding_types, bindings as bindings_lib, catalogue, gin_files, gin_text, learner_names
from benchmark.suites.gin_files import ConfigurationError

KINDS = ("learners", "streams", "suites")
_SUITE_FOLDERS = ("suites", "papers")
_WIDTH = 120
_GIVEN = ("context", "self")  # parameters that no file binds
_OF_EVERY_STREAM = ("first_tasks", "task_order")  # parameters of `experiment` that choose among a stream's tasks


def lines(kind: str | None = None, name: str | None = None) -> list[str]:
  """All of a kind, or one by its name.

  Args:
    kind: one of `KINDS`; None for all three, in short.
    name: of a learner, a stream or a suite.

  Raises:
    ConfigurationError: there is no such kind or name.
  """
  if kind is None:
    return [line for each in KINDS for line in (f"{each}:", *_overview(each), "")] + [
        "More: python -m benchmark.list learners, or with a name: python -m benchmark.list streams folder"]
  if kind not in KINDS:
    raise ConfigurationError(f"{kind!r} is none of {', '.join(KINDS)}.")
  if name is None:
    return [*_overview(kind), *(_all_learners() if kind == "learners" else ())]
  if kind == "learners":
    source = learner_names.resolve(name)
    return [f"{name} = {source}", *_details(list(source.files), source.bindings, "experiment.learner")]
  if kind == "streams":
    return [*_details([f"streams/{name}.gin"], (), "experiment.stream", "experiment.network"), *_of_every_stream(name)]
  return _details([next((path for path in (f"{folder}/{name}.gin" for folder in _SUITE_FOLDERS)
                         if gin_files.find(path)), f"suites/{name}.gin")], ())


def _overview(kind: str) -> list[str]:
  if kind == "suites":
    return [line for folder in _SUITE_FOLDERS for line in _described(folder, f"--gin_file={folder}/{{}}.gin")]
  if kind == "streams":
    return _described("streams", "{}")
  parts = (("<knowledge>_<configuration>, such as hps_all, hps_top2, hps_0110; <knowledge> is one of", "knowledge"),
           ("<selection>_<knowledge>[_<variant>], such as lasem_hps, darts_tf; <selection>[_<variant>] is one of",
            "selection"))
  composed = [line for title, folder in parts
              for line in (f"  {title}", *(f"  {line}" for line in _described(f"learners/{folder}", "{}")))]
  return [*_described("learners", "{}"), *composed]


def _described(folder: str, pattern: str) -> list[str]:
  names = gin_files.names_in(folder)
  width = max((len(pattern.format(name)) for name in names), default=0)
  return [line for name in names for line in textwrap.wrap(
      _summary(f"{folder}/{name}.gin"), _WIDTH, max_lines=2, placeholder=" ...",
      initial_indent=f"  {pattern.format(name):{width}}  ", subsequent_indent=" " * (width + 4))]


def _all_learners() -> list[str]:
  return ["All names:", *textwrap.wrap(", ".join(learner_names.names()), _WIDTH, initial_indent="  ",
                                       subsequent_indent="  ", break_on_hyphens=False)]


def comment(text: str) -> str:
  """The comment that a gin file begins with, on one line."""
  said = []
  for line in text.splitlines():
    if not line.startswith("#"):
      break
    said.append(line.lstrip("# "))
  return " ".join(said)


def first_sentence(text: str) -> str:
  """The first sentence of a text; 'et al.' ends none."""
  return re.split(r"(?<=\.)(?<!\bal\.)\s", text)[0]


def _summary(file: str) -> str:
  """What a file says of itself, else what the class says that it names as learner."""
  said = comment(gin_files.read(gin_files.resolve(file)))
  if said:
    return first_sentence(said)
  text = gin_text.Reader().read([file])
  name = next(_referred(text.values, ("experiment.learner",)), "")
  known = catalogue.of_modules(tuple(text.modules))
  return known[name].summary if name in known else ""


def _details(files: list[str], bindings: tuple[str, ...], *roots: str) -> list[str]:
  """Comments and bindings of the files, and what else the classes that they name can be bound to."""
  text = gin_text.Reader().read(files, bindings)
  said = [comment(gin_files.read(gin_files.resolve(file))) for file in files]
  found = [line for each in said for line in textwrap.wrap(each, _WIDTH)]
  found += ["", "Bound:", *(f"  {name} = {gin_text.render(value)}" for name, value in text.values.items())]
  known = catalogue.of_modules(tuple(text.modules))
  for name in dict.fromkeys(_referred(text.values, roots)):
    if name in known:
      found += ["", f"{name}: {known[name].summary}", *_options(name, known[name], text.values)]
  return found


def _of_every_stream(name: str) -> list[str]:
  """How any stream is cut to some of its tasks."""
  text, known = gin_text.Reader().read([f"streams/{name}.gin"]), catalogue.of_modules(())[bindings_lib.ROOT]
  chosen = dataclasses.replace(known, parameters={parameter: (known.parameters or {})[parameter]
                                                  for parameter in _OF_EVERY_STREAM})
  return ["", f"{bindings_lib.ROOT}: Of every stream.", *_options(bindings_lib.ROOT, chosen, text.values)]


def _referred(values, roots: tuple[str, ...]) -> Iterator[str]:
  """Names of the classes that the roots refer to, directly or through others."""
  waiting = [value for root in roots for value in gin_text.parts(values.get(root))]
  seen = set()
  while waiting:
    value = waiting.pop(0)
    if isinstance(value, gin_text.Macro) and value.name in values:
      waiting += gin_text.parts(values[value.name])
    if isinstance(value, gin_text.Reference) and (name := gin_text.short(value.name)) not in seen:
      seen.add(name)
      yield name
      waiting += [part for bound, each in values.items() if bound.startswith(f"{name}.")
                  for part in gin_text.parts(each)]


def _options(name: str, configurable: catalogue.Configurable, values) -> Iterator[str]:
  for parameter, annotation in (configurable.parameters or {}).items():
    if parameter in _GIVEN:
      continue
    default = configurable.defaults.get(parameter, "gin.REQUIRED")
    state = "must be bound" if default == "gin.REQUIRED" else f"default {default}"
    if f"{name}.{parameter}" in values:
      state = f"bound to {bindings_lib.render(values[f'{name}.{parameter}'])}"
    yield f"  --gin_param='{name}.{parameter} = ...'  {binding_types.describe(annotation)}; {state}"
