"""nnUNetv2_plan_and_preprocess with fewer samples: it draws 10^8 intensities, however small the data set is."""

import sys

from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import DatasetFingerprintExtractor
from nnunetv2.experiment_planning.plan_and_preprocess_entrypoints import plan_and_preprocess_entry

original = DatasetFingerprintExtractor.__init__


def with_fewer(self: DatasetFingerprintExtractor, *arguments: object, **keywords: object) -> None:
    original(self, *arguments, **keywords)
    self.num_foreground_voxels_for_intensitystats = 10**4


if __name__ == "__main__":
    DatasetFingerprintExtractor.__init__ = with_fewer
    sys.exit(plan_and_preprocess_entry())
