"""The numbers of a run: those that come from its record, from other runs, and from what the learner reports."""

import math

import pytest

from benchmark.reporting import tables
from benchmark.results import comparison, course, measures, record_schema, records, run_details
from benchmark.results.run_details import RunDetails
from tests.benchmark import synthetic_records


def _run(learner, rows, seed=0, **options):
  return synthetic_records.record(learner=learner, seed=seed, rows=rows, peaks=[.5] * len(rows), **options)


def _value(runs, learner, name, **options):
  frame = measures.runs_frame(runs, **options).set_index("learner")
  return frame.loc[learner, name]


_ROWS = {"stl": [[.6, None], [.6, .7]], "joint": [[.6, None], [.7, .9]], "hps_all": [[.5, None], [.4, .8]]}


def test_transfer_is_taken_between_runs_of_one_seed():
  runs = [_run(learner, rows) for learner, rows in _ROWS.items()]
  assert _value(runs, "hps_all", "forward_transfer") == pytest.approx(.1)  # Of the second task alone.
  assert _value(runs, "hps_all", "intransigence") == pytest.approx((.1 + .1) / 2)
  assert _value(runs, "stl", "forward_transfer") == 0 and _value(runs, "joint", "intransigence") == 0
  assert _value(runs, "hps_all", "learning") == pytest.approx(.65)
  assert _value(runs, "hps_all", "incremental") == pytest.approx((.5 + .6) / 2)


def test_a_tuned_reference_is_one_unless_there_are_several():
  runs = [_run("hps_all", _ROWS["hps_all"]), _run("stl[LEARNING_RATE=0.1]", _ROWS["stl"])]
  assert _value(runs, "hps_all", "forward_transfer") == pytest.approx(.1)
  runs.append(_run("stl[LEARNING_RATE=0.2]", _ROWS["stl"]))
  assert math.isnan(_value(runs, "hps_all", "forward_transfer"))


@pytest.mark.parametrize("other", [{"seed": 1}, {"data": "other"}, {"scale": "paper"}, {"stream": "stl10"}])
def test_other_images_are_no_reference(other):
  runs = [_run("hps_all", _ROWS["hps_all"])] + [_run(learner, _ROWS[learner], **other) for learner in ("stl", "joint")]
  assert math.isnan(_value(runs, "hps_all", "forward_transfer"))
  assert math.isnan(_value(runs, "hps_all", "intransigence"))


@pytest.mark.parametrize("details, floats", [
    ({}, math.nan), ({"retention_floats": 0}, 0), ({"retention_floats": 10, "memory_bytes": 100}, 35),
    ({"memory_bytes": 8, "memory_logits": 6, "memory_examples": 3}, 8), ({"retention_floats": "many"}, math.nan),
    ({"retention_floats": True}, math.nan), ({"memory_bytes": 10**400}, math.nan)])
def test_memory_is_what_the_learner_reports_in_floats(details, floats):
  run = _run("ewc", _ROWS["stl"])
  run.result["learner_summary"][-1] = details
  assert _value([run], "ewc", "memory_floats") == pytest.approx(floats, nan_ok=True)


def test_latency_is_a_mean_over_tasks():
  run = _run("stl", _ROWS["stl"])
  assert math.isnan(_value([run], "stl", "latency"))
  run.provenance["latency_seconds"] = [1e-5, 3e-5]
  assert _value([run], "stl", "latency") == pytest.approx(2e-5)
  assert measures.LATENCY.render(2e-5) == "20.0"


def test_what_provenance_says_of_memory_goes_before_the_summary():
  run = _run("ewc", _ROWS["stl"])
  run.result["learner_summary"][-1] = {"retention_floats": 7}
  run.provenance["memory_floats"] = 0.25
  assert _value([run], "ewc", "memory_floats") == .25


def test_columns_that_no_row_knows_are_left_out():
  runs = [_run(name, _ROWS["stl"]) for name in ("stl", "ewc")]
  shown = {measure.name for measure in comparison.panels(runs)[0].columns}
  assert shown == {measure.name for measure in measures.SHOWN} - {"class_incremental", "memory_floats", "latency"}
  runs[1].provenance.update(memory_floats=2000.0, latency_seconds=[1e-5])
  panel, = comparison.panels(runs)
  assert panel.columns == tuple(measure for measure in measures.SHOWN if measure.name != "class_incremental")
  text = tables.markdown([panel])
  lines = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[1:-1]]
           for line in text.splitlines() if line.startswith("|")}
  shown = dict(zip(lines["Learner"], lines["EWC (own last layer)"]))
  assert (shown["Memory (floats)"], shown["Latency per image (µs)"]) == ("2.00 k", "10.0")
  assert list(shown).index("Latency per image (µs)") == list(shown).index("MACs per image") + 1
  assert dict(zip(lines["Learner"], lines["STL"]))["Memory (floats)"] == "-"


def test_columns_are_chosen_by_name():
  assert measures.find(["final", "learning"]) == (measures.FINAL, measures.LEARNING)
  with pytest.raises(record_schema.RecordError, match="--columns: 'finale' is no measure; did you mean 'final'"):
    measures.find(["finale"])
  panel, = comparison.panels([_run("stl", _ROWS["stl"])], columns=measures.find(["incremental"]))
  assert [measure.title for measure in panel.columns] == ["Incremental"]


def test_class_incremental_accuracy_is_a_column_of_panels_that_have_it():
  plain, measured = (_run(learner, _ROWS[learner]) for learner in ("stl", "hps_all"))
  elsewhere = synthetic_records.record("stl10")
  measured.result["over_all_heads"] = [[.5, None], [.2, .4]]
  with_it, without = comparison.panels([plain, measured, elsewhere])
  assert with_it.columns[:3] == (measures.PEAK, measures.FINAL, measures.CLASS_INCREMENTAL)
  assert without.columns == tuple(each for each in with_it.columns if each is not measures.CLASS_INCREMENTAL)
  assert {row.learner: row.estimates["class_incremental"].mean for row in with_it.rows} == {
      "stl": None, "hps_all": pytest.approx(.3)}
  text = tables.markdown([with_it, without])
  assert text.count("Class-incremental (%)") == 1 and "Class-incremental: it is not" in text
  assert "Class-incremental" not in tables.markdown([without])
  named, _ = comparison.panels([plain, measured, elsewhere], columns=(measures.FINAL,))
  assert named.columns == (measures.FINAL,)


def test_the_course_of_a_run_gives_the_area_under_its_curves():
  run = _run("stl", _ROWS["stl"])
  epochs = {"visit": [0, 0, 0, 1], "task": [0, 0, 0, 1], "global_epoch": [0, 1, 2, 3], "loss": [None] * 4,
            "validation_accuracy": [.9, .2, .4, .5], "test_accuracy": [None] * 4, "prior": [None] * 4}
  found = course.of_runs([run], {run.identity: RunDetails("", "", epochs)})
  assert found == {run.identity: {"learning_curve": pytest.approx((.3 + .5) / 2)}}, "the untrained network is left out"
  assert _value([run], "stl", "learning_curve", course=found) == pytest.approx(.4)
  assert course.of_runs([run], {}) == {run.identity: {}}


def _with_curve(folder, line):
  path = synthetic_records.write_run(_run("stl", _ROWS["stl"]), folder)
  with open(path.parent / "events.jsonl", "a", encoding="utf-8") as file:
    file.write(line + "\n")
  return records.load_records([folder])


def test_evaluations_within_visits_give_the_worst_case(tmp_path):
  line = '{"event": "curve", "visit": 1, "task": 1, "global_epoch": 7, "accuracies": {"test": [0.25, 0.1]}}'
  found = _with_curve(tmp_path, line)
  assert course.of_runs(found, {})["cifar100/stl/smoke/seed0"] == {"worst_case": pytest.approx((.25 + .7) / 2)}
  assert set(course.of_runs(found, run_details.load_details(found))["cifar100/stl/smoke/seed0"]) == {
      "learning_curve", "worst_case"}
  for other in ('{"event": "curve", "visit": 9, "accuracies": {"test": [0.25, 0.1]}}',
                '{"event": "curve", "visit": 1, "accuracies": {"test": [0.25]}}',
                '{"event": "curve", "visit": 1, "accuracies": {"test": ["a", 2]}}', '"curve"'):
    with pytest.raises(record_schema.RecordError, match="not a curve of this run"):
      course.of_runs(_with_curve(tmp_path / str(len(other)), other), {})


@pytest.mark.parametrize("mean, half_width, text", [
    (.5, .1, "50.00 ± 10.00"), (.935, .2859, "93.50 [64.91, 100.00]"), (.01, .02, "1.00 [0.00, 3.00]"),
    (1.0, 0.0, "100.00 ± 0.00"), (.6, 1.27, "60.00 [0.00, 100.00]")])
def test_intervals_end_at_what_is_possible(mean, half_width, text):
  assert measures.FINAL.render_interval(mean, half_width) == text


def test_changes_end_at_a_hundred_points_and_ratios_nowhere():
  assert measures.BACKWARD_TRANSFER.render_interval(-.1, 1.3) == "-10.00 [-100.00, 100.00]"
  assert measures.RETENTION.render_interval(.9, 2.2) == "90.00 ± 220.00"


@pytest.mark.parametrize("value, text", [
    (0, "0 MAC"), (12.5, "12.5 MAC"), (999, "999 MAC"), (999.4, "999 MAC"), (999.7, "1.00 kMAC"), (1000, "1.00 kMAC"),
    (314_000, "314 kMAC"), (24_740_000, "24.7 MMAC"), (999_600_000, "1.00 GMAC"), (3.4e9, "3.40 GMAC"),
    (5e15, "5000 TMAC")])
def test_counts_have_three_digits_and_a_prefix(value, text):
  assert measures.MACS.render(value) == text


def test_the_half_width_of_a_count_has_the_prefix_of_its_mean():
  assert measures.PARAMETERS.render_interval(6_192_172, 284_331) == "6.19 ± 0.28 M"
  assert measures.PARAMETERS.render_interval(46_728, 3_780) == "46.7 ± 3.8 k"
  assert measures.PARAMETERS.heading == "Parameters" and measures.MEMORY.heading == "Memory (floats)"
