"""Generated streams as files: exact images, and a description of the form that Croissant 1.0 prescribes."""

import hashlib
import json

import numpy as np
import pytest

from benchmark import data
from benchmark.inspection import planted_facts
from lasem_tf import types
from lasem_tf.data.stream import StreamContext
from lasem_tf.data.streams.hierarchy import Hierarchy
from lasem_tf.data.streams.synthetic import Synthetic

_SMALL = {"test_images": 9, "first_train_images": 12, "train_images": 8, "validation_images": 4}
# Stream file, bindings, and the same stream made here.
_STREAMS = {
    "synthetic": (["GROUPS = ('texture', 'both')", "Synthetic.test_per_class = 3"],
                  lambda: Synthetic(StreamContext(), groups=("texture", "both"), test_per_class=3)),
    "planted_medium": (["TRAIN_IMAGES = 8", "CONFIGURATIONS = ('1111', '0110')",
                        *(f"Hierarchy.{name} = {value}" for name, value in _SMALL.items() if name != "train_images")],
                       lambda: Hierarchy(StreamContext(), configurations=("1111", "0110"), class_side=1,
                                         class_synonyms=1, **_SMALL))}
# What Croissant 1.0 and its vocabulary for responsible AI ask for, and the types of values.
_REQUIRED = {"@context": dict, "@type": str, "name": str, "description": str, "license": str, "url": str,
             "creator": dict, "datePublished": str, "version": str, "conformsTo": list, "citeAs": str,
             "distribution": list, "recordSet": list, "isLiveDataset": bool}
_REQUIRED_OF_FILE = {"@type": str, "@id": str, "name": str, "contentUrl": str, "encodingFormat": str, "sha256": str}
_RESPONSIBLE = ("dataCollection", "dataCollectionType", "dataPreprocessingProtocol", "dataAnnotationProtocol",
                "dataReleaseMaintenancePlan", "personalSensitiveInformation", "dataSocialImpact", "dataBiases",
                "dataLimitations", "dataUseCases")


@pytest.fixture(name="written", scope="module", params=_STREAMS)
def _written(request, tmp_path_factory):
  """The folder and the stream that is written there."""
  folder = tmp_path_factory.mktemp(request.param)
  bindings, make = _STREAMS[request.param]
  assert data.main(["data", "croissant", f"--stream={request.param}", *(f"--gin_param={each}" for each in bindings),
                    f"--output_dir={folder}", "--url=https://example.org/here"]) == 0
  return folder, make()


def test_examples_give_the_images_back_bit_for_bit(written):
  folder, stream = written
  lines = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
  assert len(lines) == sum(map(sum, stream.counts().values()))
  detail = planted_facts.of(stream).of_example
  for task in stream.tasks:
    for split in types.SPLITS:
      own = [line for line in lines if (line["task"], line["split"]) == (task.task_id, split)]
      loaded = stream.load(task.task_id, split)
      images = np.float32([line["image"] for line in own]).reshape(loaded.images.shape)
      np.testing.assert_array_equal(images, loaded.images)
      assert [line["label"] for line in own] == loaded.labels.tolist()
      assert {line[detail] for line in own} == {task.details[detail]}


def test_required_entries_are_there_and_fit_the_files(written):
  folder, stream = written
  described = json.loads((folder / "croissant.json").read_text())
  assert all(isinstance(described[name], kind) for name, kind in _REQUIRED.items())
  assert all(described[name] for name in _REQUIRED if name != "isLiveDataset")
  assert {"http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"} == {*described["conformsTo"]}
  assert described["@type"] == "sc:Dataset" and described["url"] == "https://example.org/here"
  assert stream.design_fingerprint in described["name"] and "task-incremental" in described["description"]
  (file,) = described["distribution"]
  assert all(isinstance(file[name], kind) for name, kind in _REQUIRED_OF_FILE.items())
  assert file["sha256"] == hashlib.sha256((folder / file["contentUrl"]).read_bytes()).hexdigest()
  assert all(described[f"rai:{name}"] for name in _RESPONSIBLE)
  # Every term without a prefix is schema.org's or in the context.
  used = {key for node in _nodes(described) for key in node if key[0] != "@" and ":" not in key and "/" not in key}
  of_schema_org = {"name", "description", "license", "url", "creator", "datePublished", "version", "keywords",
                   "distribution", "contentUrl", "encodingFormat", "sha256"}
  assert used - of_schema_org <= {*described["@context"]}


def _nodes(value):
  """All objects of a description, its context excepted."""
  if isinstance(value, dict):
    yield value
    for name, inner in value.items():
      if name != "@context":
        yield from _nodes(inner)
  elif isinstance(value, list):
    for inner in value:
      yield from _nodes(inner)


def test_fields_are_the_columns_of_the_files(written):
  folder, _ = written
  described = json.loads((folder / "croissant.json").read_text())
  examples, tasks = described["recordSet"]
  for record_set in (examples, tasks):
    assert (record_set["@type"], record_set["@id"]) == ("cr:RecordSet", record_set["name"])
    for field in record_set["field"]:
      assert field["@type"] == "cr:Field" and field["@id"] == f"{record_set['name']}/{field['name']}"
      assert field["description"] and field["dataType"] in ("sc:Integer", "sc:Text", "sc:Float")
  first = json.loads((folder / "examples.jsonl").read_text().partition("\n")[0])
  assert [field["source"]["extract"]["column"] for field in examples["field"]] == list(first)
  (file,) = described["distribution"]
  assert all(field["source"]["fileObject"] == {"@id": file["@id"]} for field in examples["field"])


def test_every_task_is_described_with_all_of_its_details(written):
  folder, stream = written
  tasks = json.loads((folder / "croissant.json").read_text())["recordSet"][1]
  assert {field["@id"] for field in tasks["field"]} == {*tasks["data"][0]} and tasks["key"] == {"@id": "tasks/task"}
  for task, row in zip(stream.tasks, tasks["data"], strict=True):
    assert row["tasks/task"] == task.task_id and row["tasks/classes"] == task.num_classes
    assert {name: row[f"tasks/{name}"] for name in task.details} == task.details
    for split in types.SPLITS:
      assert row[f"tasks/{split}_images"] == stream.counts()[split][task.task_id]
  assert planted_facts.of(stream).details.keys() == stream.tasks[0].details.keys()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of the libraries that it rests on.
def test_the_reference_library_reads_it(written):
  mlcroissant = pytest.importorskip("mlcroissant", reason="pip install 'lasem-tf[croissant]'")
  folder, stream = written
  dataset = mlcroissant.Dataset(folder / "croissant.json")
  assert not dataset.metadata.ctx.issues.errors and not dataset.metadata.ctx.issues.warnings
  found = next(iter(dataset.records("examples")))
  first = stream.load(0, "train").images[0]
  np.testing.assert_array_equal(np.float32(found["examples/image"]), first.ravel())
  assert [row["tasks/task"] for row in dataset.records("tasks")] == list(range(stream.num_tasks))


@pytest.mark.parametrize("arguments, message", [
    (["--stream=stl10_20"], "describes generated streams alone"),
    (["--stream=planted_medium"], "--output_dir is missing")])
def test_other_streams_are_refused(capsys, tmp_path, arguments, message):
  if "stl10" in arguments[0]:
    from tests.data import stl10_raw

    stl10_raw.write(tmp_path, 20, 3)
    arguments = [*arguments, f"--data_dir={tmp_path}", "--gin_param=STL10.images_per_class = 'any'"]
  with pytest.raises(SystemExit):
    data.main(["data", "croissant", *arguments])
  assert message in capsys.readouterr().err
