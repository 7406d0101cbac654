"""The built-in stream as files with a Croissant description: core vocabulary 1.0 and responsible-AI vocabulary 1.0.

Facts about the format: https://docs.mlcommons.org/croissant/docs/croissant-spec.html and croissant-rai-spec.html.
"""

import datetime
import hashlib
import json
import pathlib
from collections.abc import Iterator

import numpy as np

from lasem_tf import files, types
from lasem_tf.data.streams import synthetic

DESCRIPTION_FILE, EXAMPLES_FILE = "croissant.json", "examples.jsonl"
_VERSION = "1.0.0"
_LICENSE = "https://www.apache.org/licenses/LICENSE-2.0"
# Terms of Croissant that a description may use without a prefix: the format's own list.
_TERMS = ("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
          "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
          "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform")
_JSON_TERMS = ("data", "examples")
_FIELDS = (
    ("task", "sc:Integer", "Number of the task in the stream, from 0."),
    ("group", "sc:Text", "What the task shares with the others of its group: texture, arrangement, both or nothing."),
    ("split", "sc:Text", "train, validation or test."),
    ("label", "sc:Integer", "Class within the task, from 0."),
    ("class_name", "sc:Text", "Name of the class."),
    ("index", "sc:Integer", "Number of the image, unique within its split."),
)


def write(stream: synthetic.Synthetic, folder: pathlib.Path, url: str) -> list[pathlib.Path]:
  """Writes all images of a stream, exactly, and the description that tools load them by.

  Args:
    stream: the built-in stream.
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


def _lines(stream: synthetic.Synthetic) -> Iterator[bytes]:
  for task in stream.tasks:
    for split in types.SPLITS:
      loaded = stream.load(task.task_id, split)
      for image, label, index in zip(loaded.images, loaded.labels, loaded.indices):
        facts = {"task": task.task_id, "group": task.details["group"], "split": split, "label": int(label),
                 "class_name": task.class_names[label], "index": int(index)}
        # Nine digits give every float32 back.
        pixels = ",".join(f"{value:.9g}" for value in np.ravel(image))
        yield f'{json.dumps(facts)[:-1]}, "image": [{pixels}]}}\n'.encode()


def description(stream: synthetic.Synthetic, sha256: str, url: str) -> dict:
  """The JSON-LD of the data set.

  Args:
    stream: the built-in stream.
    sha256: of the file of examples.
    url: of the data set.
  """
  num_examples = sum(map(sum, stream.counts().values()))
  return {
      "@context": _context(), "@type": "sc:Dataset", "name": f"lasem-planted-{stream.design_fingerprint}",
      "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
      "description": (f"{num_examples} generated images in {stream.num_tasks} classification tasks whose transfer "
                      "structure is planted: each task shares its textures, the arrangement of textures that tells its "
                      "classes apart, both or neither with the other tasks of its group. For lifelong and multi-task "
                      "learning."),
      "license": _LICENSE, "url": url, "version": _VERSION,
      "datePublished": datetime.date.today().isoformat(), "isLiveDataset": False,
      "creator": {"@type": "sc:Organization", "name": "lasem-tf"},
      "keywords": ["lifelong learning", "continual learning", "transfer", "synthetic"],
      "citeAs": "@software{lasem_tf, title = {lasem-tf: lifelong learning with selective layer transfer}}",
      "distribution": [{"@type": "cr:FileObject", "@id": EXAMPLES_FILE, "name": EXAMPLES_FILE,
                        "description": "One example a line.", "contentUrl": EXAMPLES_FILE,
                        "encodingFormat": "application/jsonlines", "sha256": sha256}],
      "recordSet": [{"@type": "cr:RecordSet", "@id": "examples", "name": "examples", "description": "All examples.",
                     "field": _fields(stream)}],
      **_responsible_ai(stream)}


def _context() -> dict:
  return {
      "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
      "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
      "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
      "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, **{term: f"cr:{term}" for term in _TERMS},
      **{term: {"@id": f"cr:{term}", "@type": "@json"} for term in _JSON_TERMS}}


def _fields(stream: synthetic.Synthetic) -> list[dict]:
  height, width, channels = stream.image_shape
  image = ("image", "sc:Float", f"{height} x {width} x {channels} values, row by row, channels last; of zero mean by "
                                "construction.")
  return [{"@type": "cr:Field", "@id": f"examples/{name}", "name": name, "description": said, "dataType": kind,
           **({"repeated": True} if name == "image" else {}),
           "source": {"fileObject": {"@id": EXAMPLES_FILE}, "extract": {"column": name}}}
          for name, kind, said in (*_FIELDS, image)]


def _responsible_ai(stream: synthetic.Synthetic) -> dict:
  return {
      "rai:dataCollection": ("Generated by lasem_tf.data.streams.synthetic.Synthetic with design seed "
                             f"{stream.context.design_seed} and seed {stream.context.seed}, from a counter-based "
                             "random generator; nothing was collected."),
      "rai:dataCollectionType": ["Software Collection"],
      "rai:dataCollectionMissingData": "None is missing.",
      "rai:dataPreprocessingProtocol": [f"Noise of standard deviation {stream.protocol['noise']} is added, and "
                                        f"{stream.protocol['replaced_cells']:.0%} of the cells show a random texture."],
      "rai:dataAnnotationProtocol": "A label is the arrangement that an image was generated from.",
      "rai:annotationsPerItem": "0",
      "rai:dataReleaseMaintenancePlan": ["The same seeds give the same images in every version of the software; the "
                                         "design fingerprint in the name identifies them."],
      "rai:personalSensitiveInformation": ["None: the images show random textures."],
      "rai:dataSocialImpact": "None is known: the data describe nobody.",
      "rai:dataBiases": ["Classes and splits are balanced by construction."],
      "rai:dataLimitations": ["The images have nothing in common with photographs. They show whether a method finds "
                              "planted structure, and nothing about its accuracy elsewhere."],
      "rai:dataUseCases": ["Testing and comparing methods of transfer, multi-task and lifelong learning."]}
