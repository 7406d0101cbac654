"""The built-in stream as files: exact images, and a description of the form that Croissant 1.0 prescribes."""

import hashlib
import json

import numpy as np
import pytest

from benchmark import data
from lasem_tf import types
from lasem_tf.data.stream import StreamContext
from lasem_tf.data.streams.synthetic import Synthetic


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("planted")
  assert data.main(["data", "croissant", "--stream=synthetic", "--gin_param=GROUPS = ('texture', 'both')",
                    "--gin_param=Synthetic.test_per_class = 3", f"--output_dir={folder}",
                    "--url=https://example.org/here"]) == 0
  return folder


def test_examples_give_the_images_back_bit_for_bit(folder):
  stream = Synthetic(StreamContext(), groups=("texture", "both"), test_per_class=3)
  lines = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
  assert len(lines) == 2 * 4 * (10 + 10 + 3)
  for task in stream.tasks:
    for split in types.SPLITS:
      own = [line for line in lines if (line["task"], line["split"]) == (task.task_id, split)]
      loaded = stream.load(task.task_id, split)
      images = np.float32([line["image"] for line in own]).reshape(loaded.images.shape)
      np.testing.assert_array_equal(images, loaded.images)
      assert [line["label"] for line in own] == loaded.labels.tolist()


def test_the_description_fits_the_files_and_the_vocabulary(folder):
  described = json.loads((folder / "croissant.json").read_text())
  assert {"http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"} == {*described["conformsTo"]}
  required = ("name", "description", "license", "url", "creator", "datePublished", "@context", "@type")
  assert all(described[name] for name in required) and described["url"] == "https://example.org/here"
  (file,) = described["distribution"]
  assert file["sha256"] == hashlib.sha256((folder / file["contentUrl"]).read_bytes()).hexdigest()
  (record_set,) = described["recordSet"]
  first = json.loads((folder / "examples.jsonl").read_text().partition("\n")[0])
  assert [field["source"]["extract"]["column"] for field in record_set["field"]] == list(first)
  assert all(field["source"]["fileObject"] == {"@id": file["@id"]} for field in record_set["field"])
  terms = {key for key in described if not key.startswith(("@", "rai:"))} | {*file} | {*record_set}
  assert {term for term in ("recordSet", "citeAs", "isLiveDataset") if term in terms} <= {*described["@context"]}
  for name in ("dataCollection", "dataBiases", "dataLimitations", "dataUseCases", "personalSensitiveInformation"):
    assert described[f"rai:{name}"]


def test_the_reference_library_reads_it(folder):
  mlcroissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant")
  found = next(iter(mlcroissant.Dataset(folder / "croissant.json").records("examples")))
  assert len(found["examples/image"]) == 16 * 16 * 3


@pytest.mark.parametrize("arguments, message", [
    (["--stream=stl10_20"], "describes the built-in stream alone"),
    (["--stream=synthetic"], "--output_dir is missing")])
def test_other_streams_are_refused(capsys, tmp_path, arguments, message):
  if "stl10" in arguments[0]:
    from tests.data import stl10_raw

    stl10_raw.write(tmp_path, 20, 3)
    arguments = [*arguments, f"--data_dir={tmp_path}", "--gin_param=STL10.images_per_class = 'any'"]
  with pytest.raises(SystemExit):
    data.main(["data", "croissant", *arguments])
  assert message in capsys.readouterr().err
