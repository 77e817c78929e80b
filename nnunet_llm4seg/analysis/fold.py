"""A trained fold of a results folder: its network and its cases, loaded by nnU-Net's own code."""

from __future__ import annotations

import pickle
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nnunet_llm4seg.errors import CheckpointError, DatasetError, first_line, one_line
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.environment import folder_if_set
from nnunet_llm4seg.nnunet.files import read_dataset, read_splits
from nnunet_llm4seg.nnunet.names import DATASET, FINAL_CHECKPOINT, PLANS, SPLITS, TRAINING_IMAGES
from nnunet_llm4seg.nnunet.plans import read_trained_plans
from nnunet_llm4seg.nnunet.trainers import find_trainer

# what torch, pickle and nnU-Net raise for a file that is damaged or of another network
_NOT_LOADED = (RuntimeError, LookupError, EOFError, pickle.UnpicklingError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True)
class TrainedFold:
    """A fold that nnU-Net's predictor has loaded.

    Attributes:
        predictor: An initialised `nnUNetPredictor`.
        fold: Its number, or `all`.
    """

    predictor: Any
    fold: int | str

    @classmethod
    def load(cls, model_folder: Path, fold: int | str, device: torch.device) -> TrainedFold:
        """Load `model_folder/fold_K/checkpoint_final.pth`.

        Raises:
            DatasetError: the folder is not a results folder, or lacks the trained fold.
            CheckpointError: nnU-Net cannot load the checkpoint.
        """
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        for name, read in ((PLANS, read_trained_plans), (DATASET, read_dataset)):
            if not (model_folder / name).is_file():
                raise DatasetError(
                    f"model folder: {model_folder} has no {name}; give a folder TRAINER__PLANS__CONFIGURATION of "
                    "nnUNet_results."
                )
            read(model_folder)
        path = model_folder / f"fold_{fold}" / FINAL_CHECKPOINT
        if not path.is_file():
            trained = sorted(
                p.parent.name.removeprefix("fold_") for p in model_folder.glob(f"fold_*/{FINAL_CHECKPOINT}")
            )
            raise DatasetError(
                f"fold: {fold} has no {FINAL_CHECKPOINT} in {model_folder}, where the completely trained folds are "
                f"{', '.join(trained) or 'none'}; choose one of them with --fold or finish the training."
            )
        find_trainer(str(read_checkpoint(path).get("trainer_name")))
        try:
            with redirect_stdout(StringIO()):  # the folders in which it searched for the trainer are in its errors too
                predictor = nnUNetPredictor(device=device, perform_everything_on_device=device.type == "cuda")
                predictor.initialize_from_trained_model_folder(str(model_folder), (fold,), FINAL_CHECKPOINT)
        except _NOT_LOADED as error:
            raise CheckpointError(
                f"{path} cannot be loaded ({type(error).__name__}: {first_line(error)}); train this "
                "fold again, or use the nnU-Net and the nnunet_llm4seg that trained it."
            ) from error
        if predictor.configuration_manager.previous_stage_name is not None:
            raise DatasetError(
                f"model folder: {model_folder} is the second stage of a cascade, which needs the first one's "
                "predictions; analyse a configuration without a previous stage."
            )
        return cls(predictor, fold)

    @property
    def network(self) -> nn.Module:
        """On the predictor's device, without torch.compile's wrapper."""
        network = self.predictor.network
        return getattr(network, "_orig_mod", network).to(self.predictor.device)

    @property
    def patch_size(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self.predictor.configuration_manager.patch_size)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Millimetres along the axes of the patch."""
        return tuple(float(s) for s in self.predictor.configuration_manager.spacing)

    def validation_cases(self) -> list[str]:
        """The fold's validation cases, from splits_final.json of nnUNet_preprocessed, else of nnUNet_raw.

        The fold `all` is trained on every case and validated on the same ones.

        Raises:
            DatasetError: there is no such file, or no such fold in it.
        """
        for path in (folder / SPLITS for folder in self._dataset_folders()):
            if path.is_file():
                splits = read_splits(path)
                if self.fold == "all":
                    return sorted({*splits[0]["train"], *splits[0]["val"]})
                if int(self.fold) >= len(splits):
                    raise DatasetError(f"fold: {self.fold} is not in {path}, which has folds 0 to {len(splits) - 1}.")
                return sorted(splits[int(self.fold)]["val"])
        raise DatasetError(
            "cases: there is no splits_final.json of this data set in nnUNet_preprocessed or nnUNet_raw; name the "
            "cases with --cases."
        )

    def load_case(self, case: str) -> tuple[np.ndarray, np.ndarray]:
        """A case as the network sees it: from nnUNet_preprocessed, as in validation, else made from nnUNet_raw.

        Returns:
            Image (channels, z, y, x), and foreground (z, y, x): every label except background and the ignore label.

        Raises:
            DatasetError: it is in neither.
        """
        from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
        from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

        p = self.predictor
        for folder in self._dataset_folders():
            stored = folder / p.configuration_manager.data_identifier
            if (stored / f"{case}.pkl").is_file():
                try:
                    image, labels, *_ = infer_dataset_class(str(stored))(str(stored), [case]).load_case(case)
                    return np.asarray(image[:]), self._foreground(np.asarray(labels[:]))
                except Exception as error:  # each of nnU-Net's formats raises its own
                    raise DatasetError(
                        f"cases: {case!r} in {stored} cannot be read ({one_line(error)}); preprocess again."
                    ) from error
            if (folder / TRAINING_IMAGES).is_dir():
                files = get_filenames_of_train_images_and_targets(str(folder)).get(case)
                if files:
                    preprocessor = p.configuration_manager.preprocessor_class(verbose=False)
                    image, labels, _ = preprocessor.run_case(
                        files["images"], files["label"], p.plans_manager, p.configuration_manager, p.dataset_json
                    )
                    return image, self._foreground(labels)
        looked = ", ".join(map(str, self._dataset_folders())) or "no folder: neither variable is set"
        raise DatasetError(
            f"cases: {case!r} is not a training case in nnUNet_preprocessed or nnUNet_raw ({looked}); check the name "
            "and the two variables."
        )

    def _dataset_folders(self) -> list[Path]:
        roots = [folder_if_set(name) for name in ("nnUNet_preprocessed", "nnUNet_raw")]
        return [root / self.predictor.plans_manager.dataset_name for root in roots if root]

    def _foreground(self, labels: np.ndarray) -> np.ndarray:
        """(1, z, y, x) label numbers -> (z, y, x) boolean; -1 is what nnU-Net writes outside the nonzero region."""
        return (labels[0] > 0) & (labels[0] != self.predictor.label_manager.ignore_label)
