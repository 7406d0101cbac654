"""The configuration hash of every committed record is what its requested configuration gives today."""

import json
import pathlib
import re

import pytest

from benchmark.results import records, run_files
from benchmark.suites import bindings, gin_text, learner_names, suite

_GIN = pathlib.Path(__file__).parents[1] / "gin"
_REPORTS = sorted(path.parent for path in (pathlib.Path(__file__).parents[1] / "reports").glob(
    f"**/{run_files.COLLECTION_FILE}"))


@pytest.mark.parametrize("report", _REPORTS, ids=lambda path: path.name)
def test_hashes_of_committed_records(report):
  found = {record.identity: record for record in records.load_records([report])}
  lines = (report / run_files.DETAILS_FILE).read_text(encoding="utf-8").splitlines()
  requested = {entry["identity"]: entry["requested"] for entry in map(json.loads, lines)}
  assert set(requested) == set(found)
  for identity, text in requested.items():
    values = bindings.bound_values(text)
    provenance = found[identity].provenance
    assert suite.configuration_hash(values, provenance["design_seed"]) == found[identity].result["configuration_hash"]


@pytest.mark.parametrize("report", _REPORTS, ids=lambda path: path.name)
def test_names_of_committed_learners_still_stand_for_what_was_trained(report):
  found = {record.identity: record for record in records.load_records([report])}
  for line in (report / run_files.DETAILS_FILE).read_text(encoding="utf-8").splitlines():
    entry = json.loads(line)
    requested = bindings.bound_values(entry["requested"])
    source = learner_names.resolve(found[entry["identity"]].named.method)
    today = gin_text.Reader().read(source.files, source.bindings).values
    # What a variant's name binds, as in 'ewc[strength=10]', is its own.
    varied = re.findall(r"(\w+)=", found[entry["identity"]].learner)
    today = {name: value for name, value in today.items() if name.rpartition(".")[2].lower() not in varied}
    assert {name: requested.get(name) for name in today} == today, entry["identity"]


_OF_A_SUITE = [report for report in _REPORTS if (_GIN / "suites" / f"{report.name}.gin").is_file()]


@pytest.mark.parametrize("report", _OF_A_SUITE, ids=lambda path: path.name)
def test_the_suite_of_a_reports_name_trains_its_runs(report):
  planned = {run.identity: run.configuration_hash
             for run in suite.load([str(_GIN / "suites" / f"{report.name}.gin")])[1]}
  found = {record.identity: record.result["configuration_hash"] for record in records.load_records([report])}
  assert found and {identity: planned.get(identity) for identity in found} == found


def test_most_reports_have_a_suite_of_their_name():
  assert len(_OF_A_SUITE) >= 6
