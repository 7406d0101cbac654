"""The TensorFlow Datasets builder of Office-Home: a domain is a configuration, the archive is placed by hand."""

import re

import tensorflow_datasets as tfds

from lasem_tf.data.streams import office_home_classes

# All four domains of the archive; the streams of this suite use the last two.
DOMAINS = {"art": "Art", "clipart": "Clipart", "product": "Product", "real_world": "Real World"}


class Builder(tfds.core.GeneratorBasedBuilder):
  """Images as they are in the archive, not resized and all in "train": each trial of a stream draws its own splits."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "The archive of 10 July 2016."}
  BUILDER_CONFIGS = [
      tfds.core.BuilderConfig(name=name, description=f"The domain {folder}.") for name, folder in DOMAINS.items()
  ]
  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  Download the archive from the home page, unpack it, and name its folder OfficeHomeDataset, so that manual_dir holds
  OfficeHomeDataset/<domain>/<class>/00001.jpg with the domains Art, Clipart, Product and Real World (or RealWorld).
  """

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
        description="Office-Home: 65 classes of everyday objects in four domains.",
        features=tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=office_home_classes.CLASS_NAMES),
            "id": tfds.features.Text(),
        }),
        supervised_keys=("image", "label"),
        homepage="https://www.hemanthdv.org/officeHomeDataset.html",
        citation="""@inproceedings{venkateswara2017deep,
  title = {Deep Hashing Network for Unsupervised Domain Adaptation},
  author = {Venkateswara, Hemanth and Eusebio, Jose and Chakraborty, Shayok and Panchanathan, Sethuraman},
  booktitle = {Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2017},
}""",
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager):
    folder = dl_manager.manual_dir / "OfficeHomeDataset"
    official = DOMAINS[self.builder_config.name]
    candidates = [folder / official, folder / official.replace(" ", "")]
    for domain in candidates:
      if domain.exists():
        return {"train": self._generate_examples(domain)}
    raise FileNotFoundError(f"None of {', '.join(map(str, candidates))} exists. {self.MANUAL_DOWNLOAD_INSTRUCTIONS}")

  def _generate_examples(self, domain):
    """Yields (id, example) for every file named like the archive's; the id is `<class>/<number>`."""
    for label, name in enumerate(office_home_classes.CLASS_NAMES):
      if not (domain / name).exists():
        raise FileNotFoundError(f"{domain / name} is missing: unpack the archive again.")
      for path in sorted((domain / name).iterdir()):
        if re.fullmatch(r"\d{5}\.jpg", path.name):
          identifier = f"{name}/{path.stem}"
          yield identifier, {"image": path, "label": label, "id": identifier}
