"""From an image file's pixels to what a network sees, as a value that can be stored and applied to new images."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, get_args, Literal

import numpy as np

from lasem_tf import seeding

Fit = Literal["stretch", "crop", "pad"]
FITS: tuple[str, ...] = get_args(Fit)
_TURNS = (0, 90, 180, 270)


@dataclasses.dataclass(frozen=True)
class Preprocessing:
  """How the images of one task are prepared; `readers.prepared_images.read` applies it to an image file.

  The steps, in order: decoding to 8 bits a channel; turning as EXIF says; `fit` and anti-aliased resizing of values
  scaled to [0, 1]; then, element by element, `normalize`: offset, limits, mean and deviation, order of channels,
  rotation, permutation of pixels.

  Attributes:
    image_shape: (height, width, channels) of the result; with one channel, colours become their luminance (ITU-R 601).
    fit: what is done about another aspect ratio: 'stretch' ignores it, 'crop' takes the largest centred part of the
      right one, 'pad' puts the image in the centre of a black one.
    oriented: whether an image is turned as its EXIF entry says.
    offset: added to values in [0, 1].
    limits: (lowest, highest) value after that; empty for none.
    mean: subtracted from each channel; empty for none.
    deviation: each channel is divided by it; empty for none.
    channel_order: which channel of the image becomes channel 0, 1, ...; empty for the order it has.
    rotation: degrees, counter-clockwise, a multiple of 90.
    permutation_seed: what the fixed permutation of all pixels is drawn from; None for none.
  """

  image_shape: tuple[int, int, int]
  fit: Fit = "stretch"
  oriented: bool = True
  offset: float = 0.0
  limits: tuple[float, ...] = ()
  mean: tuple[float, ...] = ()
  deviation: tuple[float, ...] = ()
  channel_order: tuple[int, ...] = ()
  rotation: int = 0
  permutation_seed: int | None = None

  def __post_init__(self):
    for field in ("image_shape", "limits", "mean", "deviation", "channel_order"):
      object.__setattr__(self, field, tuple(getattr(self, field)))
    height, width, channels = self.image_shape
    if self.fit not in FITS or self.rotation not in _TURNS:
      raise ValueError(f"Preprocessing: fit is {self.fit!r}, one of {FITS} is needed, and rotation {self.rotation!r}, "
                       f"one of {_TURNS} is needed.")
    if self.rotation in (90, 270) and height != width:
      raise ValueError(f"Preprocessing: images of {height} x {width} cannot be turned by {self.rotation} degrees.")
    if not all(len(values) in (0, channels) for values in (self.mean, self.deviation, self.channel_order)):
      raise ValueError(f"Preprocessing: mean, deviation and channel_order need {channels} entries or none.")

  def normalize(self, images: np.ndarray) -> np.ndarray:
    """The steps that follow resizing, in float32 as streams take them.

    Args:
      images: float32 `[n, height, width, channels]` in [0, 1].

    Returns:
      float32 of the same shape.
    """
    images = images + np.float32(self.offset) if self.offset else images
    if self.limits:
      images = np.clip(images, *np.asarray(self.limits, np.float32))
    if self.mean:
      images = images - np.asarray(self.mean, np.float32)
    if self.deviation:
      images = images / np.asarray(self.deviation, np.float32)
    if self.channel_order:
      images = images[..., list(self.channel_order)]
    return self.rearrange(images)

  def rearrange(self, images: np.ndarray) -> np.ndarray:
    """The last steps alone, which move pixels and change none: rotation and permutation; shapes as `normalize`."""
    if self.rotation:
      images = np.rot90(images, self.rotation // 90, axes=(1, 2))
    order = self.pixel_order()
    if order is not None:
      images = images.reshape(len(images), len(order), -1)[:, order].reshape(images.shape)
    return np.ascontiguousarray(images)

  def pixel_order(self) -> np.ndarray | None:
    """int64 `[height * width]`: which pixel, row by row, comes to each place; None where pixels stay."""
    if self.permutation_seed is None:
      return None
    num_pixels = math.prod(self.image_shape[:2])
    return seeding.generator(self.permutation_seed, "pixel permutation").permutation(num_pixels)

  def to_json(self) -> dict[str, Any]:
    """Values that JSON keeps exactly; see `from_json`."""
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, values: Mapping[str, Any]) -> "Preprocessing":
    """The inverse of `to_json`, also after a detour through JSON's text."""
    return cls(**values)
