"""The certificate of a stream with planted structure: are its declared configurations the better ones?

  python -m benchmark.run --gin_file=gin/suites/certificate_planted_medium.gin --output_dir=runs/certificate
  python -m benchmark.certificate --results_dir=runs/certificate --stream=planted_medium

Reads records of planted_<knowledge>, of planted_<knowledge>_flip_<task>_<layer>, in which one bit is flipped, and of
stl, <knowledge>_all and random_<knowledge>; writes <stream>_<knowledge>.md and .json. Only bits that a certificate in
reports/certificates says are decided count for recovery. Needs no TensorFlow.

Exit status: 0 the stream is certified; 1 it is not, and the output says why; 2 a flag or a record is wrong.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from benchmark import command_line
from benchmark.reporting import cells, certification, comparisons
from benchmark.reporting.cells import Cell
from benchmark.reporting.certification import Certificate, Comparison
from benchmark.results import measures, methods, record_schema, records
from lasem_tf.files import write_atomically
from lasem_tf.metrics import statistics

_POINTS = measures.Measure("accuracy", "Accuracy", "pp", 100, 2, "higher", "")


def to_json(found: Certificate) -> str:
  """All numbers, and what is certified: the test of committed certificates compares streams with it."""
  content = {**dataclasses.asdict(found), "decided": found.decided, "problems": found.problems}
  return json.dumps(content, indent=1, sort_keys=True) + "\n"


def markdown(found: Certificate) -> str:
  """The certificate to read."""
  verdict = "certified" if not found.problems else "not certified: " + "; ".join(found.problems)
  lines = [
      f"# Certificate of {found.stream} for {methods.learner_label(found.knowledge)}", "",
      f"Verdict: **{verdict}**. {len(found.seeds)} seeds; design {found.design_fingerprint}; paired two-sided t-tests, "
      f"Holm-corrected, level {certification.LEVEL}.", "",
      "Declared configurations by task, from the layer nearest the input; 1 = shared: "
      f"{', '.join(found.best)}. Decided bits (1): {', '.join(found.decided)}; the others are never scored.", "",
      "## Final accuracy", "", cells.markdown_table(*_learner_table(found)), ""]
  if not found.bits:
    return "\n".join([*lines, "No bit was flipped.", ""])
  lines += [
      "## What flipping one bit costs", "",
      "Accuracy with the declared bits less accuracy with one of them flipped, in percentage points: of the task right "
      "after learning, of earlier tasks at the end, and of all tasks at the end. p: Holm-corrected over the tests of "
      "both of the first two columns.", "", cells.markdown_table(*_bit_table(found)), ""]
  return "\n".join(lines)


def _learner_table(found: Certificate) -> tuple[list[str], list[list[Cell]]]:
  gains = {each.name: each for each in found.learners}
  rows = []
  for name, estimate in found.finals.items():
    gain = gains.get(name)
    rows.append([Cell(methods.learner_label(name), value=name), Cell(_text(estimate), value=estimate.mean),
                 *(_comparison(gain) if gain else [Cell(""), Cell("")])])
  return ["Learner", "Final (%)", "Planted gains (pp)", "p"], rows


def _bit_table(found: Certificate) -> tuple[list[str], list[list[Cell]]]:
  rows = []
  for bit in found.bits:
    rows.append([Cell(str(bit.task)), Cell(found.best[bit.task], value=found.best[bit.task]), Cell(str(bit.layer + 1)),
                 Cell("shared" if bit.is_shared else "own", value="bit"), Cell(str(bit.num_seeds)),
                 *_comparison(bit.own), *_comparison(bit.earlier), Cell(_text(bit.final.difference)),
                 Cell("yes" if bit.holds else "no", value="holds")])
  return ["Task", "Configuration", "Layer", "Bit", "n", "Own (pp)", "p own", "Earlier (pp)", "p earlier", "All (pp)",
          "Decided"], rows


def _comparison(each: Comparison) -> list[Cell]:
  return [Cell(_text(each.difference)), Cell(comparisons.p_value_text(each.p_value))]


def _text(estimate: statistics.Estimate) -> str:
  return cells.estimate_text(estimate, _POINTS)


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_multi_string("results_dir", [], "Folder with records, at any depth. May be repeated.",
                            flag_values=values)
  flags.DEFINE_string("stream", None, "Name of the stream's file, such as planted_medium.", flag_values=values)
  flags.DEFINE_string("knowledge", "hps", "Knowledge that is certified: hps, tf or dfcnn.", flag_values=values)
  flags.DEFINE_string("output_dir", "reports/certificates", "Folder of the certificate.", flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  for flag in ("results_dir", "stream"):
    if not values[flag].value:
      command_line.fail(f"--{flag} is missing, such as --results_dir=runs/certificate --stream=planted_medium.")
  return command_line.run_or_fail(lambda: _run(values), (record_schema.RecordError,), command_line.STOPPED)


def _run(values: flags.FlagValues) -> int:
  found = certification.certify(records.load_records(values.results_dir), values.stream, values.knowledge)
  folder, name = pathlib.Path(values.output_dir), f"{found.stream}_{found.knowledge}"
  folder.mkdir(parents=True, exist_ok=True)
  write_atomically(folder / f"{name}.md", markdown(found))
  write_atomically(folder / f"{name}.json", to_json(found))
  print(f"{markdown(found)}\nWritten to {folder / name}.md")
  return 1 if found.problems else 0


if __name__ == "__main__":
  sys.exit(main(sys.argv))
