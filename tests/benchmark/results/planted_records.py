"""Invented records of a stream that declares its best configurations."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence

from benchmark.results import certificates
from benchmark.results.records import Record
from tests.benchmark import synthetic_records

BEST, DECIDED = ("111", "011", "101"), ("000", "111", "110")


def certify(folder: pathlib.Path, monkeypatch) -> None:
  """Certificates of the invented stream for 'hps' take the place of the shipped ones."""
  content = {"design_fingerprint": "design0", "knowledge": "hps", "decided": DECIDED, "problems": []}
  (folder / "invented.json").write_text(json.dumps(content))
  monkeypatch.setattr(certificates, "FOLDER", folder)


def record(learner: str, seed: int = 0, finals: Sequence[float] = (.9, .8, .7), configurations: Sequence[str] = BEST,
           own: Sequence[float] | None = None, stream: str = "planted_invented", best: Sequence[str] = BEST,
           design: str = "design0") -> Record:
  """A completed run.

  Args:
    learner: its name.
    seed: the trial.
    finals: accuracy of every task at the end.
    configurations: chosen ones.
    own: accuracy of every task right after learning; default: as at the end.
    stream: its name.
    best: what the stream declares.
    design: the stream's fingerprint.
  """
  own = finals if own is None else own
  count = len(finals)
  rows = [[own[task] if task <= visit else None for task in range(count)] for visit in range(count - 1)]
  rows.append([*finals[:-1], own[-1]])
  made = synthetic_records.record(stream, learner, seed, "paper", rows=rows, peaks=list(own), design=design)
  protocol = {"protocol": "clean", "best_configuration": list(best)}
  searches = learner.startswith(("lasem", "darts", "exhaustive"))
  chooses = searches or learner.startswith(("random", "planted"))
  result = {**made.result, "stream": {**made.result["stream"], "protocol": protocol},
            "configurations": list(configurations) if chooses else [None] * count}
  return dataclasses.replace(made, result=result)
