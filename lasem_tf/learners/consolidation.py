"""Groups of tasks whose adaptive weights nearly agree share them: the hierarchical consolidation of APD.

Yoon et al., "Scalable and order-robust continual learning with additive parameter decomposition" (ICLR 2020). No
TensorFlow here.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.cluster import vq


def cluster(vectors: np.ndarray, num_clusters: int, num_iterations: int = 100) -> list[list[int]]:
  """K-means from seeds that are far apart, so that nothing is drawn.

  Args:
    vectors: `[n, d]`.
    num_clusters: at most; equal vectors never part.
    num_iterations: of Lloyd's rule.

  Returns:
    Members of each cluster, ascending; clusters in the order of their first member.
  """
  seeds, distances = [0], np.linalg.norm(vectors - vectors[0], axis=1)
  while len(seeds) < num_clusters and distances.max() > 0.0:
    seeds.append(int(distances.argmax()))
    distances = np.minimum(distances, np.linalg.norm(vectors - vectors[seeds[-1]], axis=1))
  with warnings.catch_warnings():
    # A cluster that loses its last member keeps its centre and stays empty; SciPy warns of it.
    warnings.simplefilter("ignore", UserWarning)
    _, assignment = vq.kmeans2(vectors, vectors[seeds], iter=num_iterations, minit="matrix")
  members = [np.flatnonzero(assignment == number).tolist() for number in range(len(seeds))]
  return sorted(group for group in members if group)


def shared_part(members: Sequence[np.ndarray], tolerance: float) -> tuple[np.ndarray, list[np.ndarray]]:
  """Moves elements in which all members nearly agree from the members to a part they share.

  Args:
    members: adaptive weights of one group, same shapes.
    tolerance: beta; an element is shared if its largest and smallest value differ by no more.

  Returns:
    (the shared part: midway between largest and smallest value where shared, else 0; the members: 0 where shared, else
    as they were). A member's sum of both moves by at most half the tolerance.
  """
  stacked = np.stack(members)
  largest, smallest = stacked.max(axis=0), stacked.min(axis=0)
  agrees = largest - smallest <= tolerance
  return np.where(agrees, (largest + smallest) / 2, 0), [np.where(agrees, 0, member) for member in stacked]
