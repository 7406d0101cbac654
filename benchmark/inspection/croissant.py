"""A generated stream as files with a Croissant description: core vocabulary 1.0 and responsible-AI vocabulary 1.0.

Facts about the format: https://docs.mlcommons.org/croissant/docs/croissant-spec.html and croissant-rai-spec.html.
"""

import datetime
import hashlib
import json
import pathlib
from collections.abc import Iterator

import numpy as np

from benchmark.inspection import planted_facts
from lasem_tf import files, types

DESCRIPTION_FILE, EXAMPLES_FILE = "croissant.json", "examples.jsonl"
_VERSION = "1.0.0"
_LICENSE = "https://www.apache.org/licenses/LICENSE-2.0"
# Terms of Croissant that a description may use without a prefix: the format's own list.
_TERMS = ("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
          "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
          "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform")
_JSON_TERMS = ("data", "examples")
_TASK = ("task", "sc:Integer", "Number of the task in the stream, from 0.")
_FIELDS = (
    ("split", "sc:Text", "train, validation or test."),
    ("label", "sc:Integer", "Class within the task, from 0."),
    ("class_name", "sc:Text", "Name of the class."),
    ("index", "sc:Integer", "Number of the image, unique within its split."),
)


def write(stream: planted_facts.Planted, folder: pathlib.Path, url: str) -> list[pathlib.Path]:
  """Writes all images of a stream, exactly, and the description that tools load them by.

  Args:
    stream: of images that are generated.
    folder: gets `examples.jsonl`, one example a line, and `croissant.json`.
    url: where the data will be found; part of the description.

  Returns:
    The files written.
  """
  folder.mkdir(parents=True, exist_ok=True)
  examples, described = folder / EXAMPLES_FILE, folder / DESCRIPTION_FILE
  digest = hashlib.sha256()
  with files.atomic(examples) as file:
    for line in _lines(stream):
      digest.update(line)
      file.write(line)
  text = json.dumps(description(stream, digest.hexdigest(), url), indent=2)
  files.write_atomically(described, text + "\n")
  return [examples, described]


def _lines(stream: planted_facts.Planted) -> Iterator[bytes]:
  detail = planted_facts.of(stream).of_example
  for task in stream.tasks:
    for split in types.SPLITS:
      loaded = stream.load(task.task_id, split)
      for image, label, index in zip(loaded.images, loaded.labels, loaded.indices):
        facts = {"task": task.task_id, detail: task.details[detail], "split": split, "label": int(label),
                 "class_name": task.class_names[label], "index": int(index)}
        # Nine digits give every float32 back.
        pixels = ",".join(f"{value:.9g}" for value in np.ravel(image))
        yield f'{json.dumps(facts)[:-1]}, "image": [{pixels}]}}\n'.encode()


def description(stream: planted_facts.Planted, sha256: str, url: str) -> dict:
  """The JSON-LD of the data set.

  Args:
    stream: of images that are generated.
    sha256: of the file of examples.
    url: of the data set.
  """
  num_examples, facts = sum(map(sum, stream.counts().values())), planted_facts.of(stream)
  return {
      "@context": _context(), "@type": "sc:Dataset", "name": f"lasem-planted-{stream.design_fingerprint}",
      "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
      "description": (f"{num_examples} generated images in {stream.num_tasks} classification tasks whose transfer "
                      f"structure is planted: {facts.planted}. For lifelong and multi-task learning. Scenario: "
                      "task-incremental, the task of every test image is known."),
      "license": _LICENSE, "url": url, "version": _VERSION,
      "datePublished": datetime.date.today().isoformat(), "isLiveDataset": False,
      "creator": {"@type": "sc:Organization", "name": "lasem-tf"},
      "keywords": ["lifelong learning", "continual learning", "transfer", "synthetic"],
      "citeAs": "@software{lasem_tf, title = {lasem-tf: lifelong learning with selective layer transfer}}",
      "distribution": [{"@type": "cr:FileObject", "@id": EXAMPLES_FILE, "name": EXAMPLES_FILE,
                        "description": "One example a line.", "contentUrl": EXAMPLES_FILE,
                        "encodingFormat": "application/jsonlines", "sha256": sha256}],
      "recordSet": [{"@type": "cr:RecordSet", "@id": "examples", "name": "examples", "description": "All examples.",
                     "field": _fields(stream, facts)}, _tasks(stream, facts)],
      **_responsible_ai(stream, facts)}


def _context() -> dict:
  return {
      "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
      "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
      "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
      "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, **{term: f"cr:{term}" for term in _TERMS},
      **{term: {"@id": f"cr:{term}", "@type": "@json"} for term in _JSON_TERMS}}


def _fields(stream: planted_facts.Planted, facts: planted_facts.PlantedFacts) -> list[dict]:
  height, width, channels = stream.image_shape
  image = ("image", "sc:Float",
           f"{height} x {width} x {channels} values, row by row, channels last; {facts.images}.")
  detail = (facts.of_example, "sc:Text", facts.details[facts.of_example])
  return [{**_field("examples", name, kind, said), **({"repeated": True} if name == "image" else {}),
           "source": {"fileObject": {"@id": EXAMPLES_FILE}, "extract": {"column": name}}}
          for name, kind, said in (_TASK, detail, *_FIELDS, image)]


def _field(record_set: str, name: str, kind: str, said: str) -> dict:
  return {"@type": "cr:Field", "@id": f"{record_set}/{name}", "name": name, "description": said, "dataType": kind}


def _tasks(stream: planted_facts.Planted, facts: planted_facts.PlantedFacts) -> dict:
  """What each task is, in the description itself: few lines, and what makes the data worth having."""
  counts = stream.counts()
  rows = [{"task": task.task_id, "classes": task.num_classes,
           **{f"{split}_images": counts[split][task.task_id] for split in types.SPLITS}, **task.details}
          for task in stream.tasks]
  said = {"task": _TASK[2], "classes": "Number of classes.",
          **{f"{split}_images": f"Images of the {split} split." for split in types.SPLITS}, **facts.details}
  return {"@type": "cr:RecordSet", "@id": "tasks", "name": "tasks", "description": "What every task is.",
          "key": {"@id": "tasks/task"},
          "field": [_field("tasks", name, "sc:Integer" if isinstance(value, int) else "sc:Text", said[name])
                    for name, value in rows[0].items()],
          "data": [{f"tasks/{name}": value for name, value in row.items()} for row in rows]}


def _responsible_ai(stream: planted_facts.Planted, facts: planted_facts.PlantedFacts) -> dict:
  kind = type(stream)
  return {
      "rai:dataCollection": (f"Generated by {kind.__module__}.{kind.__name__} with design seed "
                             f"{stream.context.design_seed} and seed {stream.context.seed}, from a counter-based "
                             "random generator; nothing was collected."),
      "rai:dataCollectionType": ["Software Collection"],
      "rai:dataCollectionMissingData": "None is missing.",
      "rai:dataPreprocessingProtocol": [facts.preparation],
      "rai:dataAnnotationProtocol": facts.label,
      "rai:annotationsPerItem": "0",
      "rai:dataReleaseMaintenancePlan": ["The same seeds give the same images in every version of the software; the "
                                         "design fingerprint in the name identifies them."],
      "rai:personalSensitiveInformation": [f"None: the images show {facts.contents}."],
      "rai:dataSocialImpact": "None is known: the data describe nobody.",
      "rai:dataBiases": [facts.balance],
      "rai:dataLimitations": ["The images have nothing in common with photographs. They show whether a method finds "
                              "planted structure, and nothing about its accuracy elsewhere."],
      "rai:dataUseCases": ["Testing and comparing methods of transfer, multi-task and lifelong learning."]}
