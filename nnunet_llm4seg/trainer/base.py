"""nnUNetTrainerLLM4Seg: nnU-Net's trainer with one LLM layer in the network; all else is nnU-Net's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import torch
from filelock import FileLock
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DistributedDataParallel

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.llm.source import PreparedLayer, prepare_known
from nnunet_llm4seg.network import inject
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.environment import dataset_id, require_folder
from nnunet_llm4seg.nnunet.names import DEBUG, FINAL_CHECKPOINT, PLANS, model_folder_name
from nnunet_llm4seg.nnunet.plans import ASKED, inherited
from nnunet_llm4seg.nnunet.shares import share_line, share_warning
from nnunet_llm4seg.tokens import refuse_too_many_tokens, strides_of
from nnunet_llm4seg.trainer.checkpoints import layer_from_siblings, newest_readable
from nnunet_llm4seg.trainer.numerics import NumericsWatch
from nnunet_llm4seg.trainer.settings import read_results, refuse_difference, resolve, settings_in, write_into
from nnunet_llm4seg.trainer.shares import ShareWatch, last_share, log_share
from nnunet_llm4seg.trainer.summary import describe_network, describe_settings
from nnunet_llm4seg.trainer.whole import WholeCheckpoints

# The layer that a first training has read, for the network that it builds; nnU-Net gives the builder only the plans.
_AT_HAND: ContextVar[PreparedLayer | None] = ContextVar("_AT_HAND", default=None)


class nnUNetTrainerLLM4Seg(WholeCheckpoints):
    """Train nnU-Net's network with an LLM layer; plans, data, loss, schedule and inference are nnU-Net's own.

    Settings come from `architecture.llm4seg` of the plans' configuration and from `variant`, see
    `trainer.settings`. Raises the errors of `trainer.settings.resolve` at construction, before anything is written.
    """

    variant: ClassVar[Mapping[str, Any]] = {}
    epochs: ClassVar[int | None] = None
    nnunetv2_version: ClassVar[str] = version("nnunetv2")  # nnU-Net writes all attributes into debug.json

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net's signature)
    ) -> None:
        name = type(self).__name__
        folder = model_folder_name(name, plans["plans_name"], configuration)
        results = require_folder("nnUNet_results") / plans["dataset_name"] / folder
        self.settings = resolve(plans, configuration, name, self.variant, results)
        write_into(plans, configuration, self.settings)
        self.to_continue = bool(plans.get("continue_training"))
        self.validated_checkpoint = FINAL_CHECKPOINT
        self.numerics, self.shares = NumericsWatch(), ShareWatch()
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.save_every = 10  # epochs; one epoch on CT takes minutes, and jobs are killed
        if self.epochs is not None:
            self.num_epochs = self.epochs
        if ASKED not in inherited(plans, configuration, "architecture"):
            self.print_to_log_file(
                f"The plans {plans['plans_name']!r} were not made by `llm4seg plan`, so these defaults are used. "
                f"{describe_settings(self.settings)}",
                add_timestamp=False,
            )

    @classmethod
    def build_network_architecture(
        cls,
        plans_manager: PlansManager,
        configuration_manager: ConfigurationManager,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """nnU-Net's network with the layer's skeleton, from the plans alone: no model files, no network access.

        In a first training, the skeleton gets its values at once.
        """
        network = super().build_network_architecture(  # of another parent, if the user's class has one
            plans_manager, configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )
        settings = settings_in(configuration_manager.configuration["architecture"])
        return inject(network, settings.config, spec=settings.spec, prepared=_AT_HAND.get())

    @property
    def bottleneck(self) -> LLMBottleneck:
        """The LLM bottleneck, also if DDP or torch.compile wraps the network."""
        bottleneck: LLMBottleneck = self._unwrapped().get_submodule("bottleneck")  # type: ignore[assignment]
        return bottleneck

    def _unwrapped(self) -> nn.Module:
        network = self.network
        if isinstance(network, DistributedDataParallel):
            network = network.module
        if isinstance(network, OptimizedModule):
            network = network._orig_mod
        return network

    def initialize(self) -> None:
        folder = Path(self.preprocessed_dataset_folder)
        if not folder.is_dir() or not any(folder.iterdir()):
            raise DatasetError(
                f"the data set is not preprocessed for {self.configuration_name} ({folder} is missing or empty); run "
                f"`nnUNetv2_preprocess -d {dataset_id(self.plans_manager.dataset_name)} -plans_name NAME -c "
                f"{self.configuration_name}` with the plans that these were made from."
            )
        token = _AT_HAND.set(self.settings.prepared)
        try:
            super().initialize()
        finally:
            _AT_HAND.reset(token)
        if not isinstance(getattr(self._unwrapped(), "bottleneck", None), LLMBottleneck):
            raise ConfigError(
                f"trainer: the network of {type(self).__name__} has no LLM layer, because another parent builds it; "
                f"name the LLM4Seg trainer first, `class {type(self).__name__}(nnUNetTrainerLLM4Seg, …)`."
            )

    def configure_optimizers(self):
        """nnU-Net's optimiser and schedule, only for the parameters that are trained."""
        optimizer, lr_scheduler = super().configure_optimizers()
        for group in optimizer.param_groups:
            group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
        return optimizer, lr_scheduler

    def on_train_start(self) -> None:
        if not self.was_initialized:
            self.initialize()
        patch_size = self.configuration_manager.patch_size
        refuse_too_many_tokens(strides_of(self.network), patch_size, self.settings.config)
        if self.local_rank == 0:
            self._claim_results()
        self._load_layer()
        super().on_train_start()
        self.print_to_log_file(describe_settings(self.settings), add_timestamp=False)
        self.print_to_log_file(describe_network(self.network, self.bottleneck, patch_size), add_timestamp=False)

    def on_train_end(self) -> None:
        super().on_train_end()
        if warning := share_warning(last_share(self.logger)):
            self.print_to_log_file(f"WARNING: {warning}")
        self.validated_checkpoint = FINAL_CHECKPOINT
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device) / 1e6
            self.print_to_log_file(f"Peak memory: {peak:.0f} MB on the GPU, as allocated by torch")

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """As nnU-Net's, but debug.json names the checkpoint that was validated, which `--val_best` changes."""
        if self.local_rank == 0:
            path = Path(self.output_folder) / DEBUG
            recorded = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            write_json(path, {**recorded, "validated_checkpoint": self.validated_checkpoint})
        super().perform_actual_validation(save_probabilities)

    def train_step(self, batch: dict) -> dict:
        result = super().train_step(batch)
        self.numerics.look(self.bottleneck, self.current_epoch, scaled=self.grad_scaler is not None)
        self.shares.look(self.bottleneck)
        return result

    def on_train_epoch_end(self, train_outputs: list[dict]) -> None:
        super().on_train_epoch_end(train_outputs)
        for sentence in self.numerics.finish_epoch(self.current_epoch):
            self.print_to_log_file(sentence)
        share, gate = self.shares.finish_epoch(), self.bottleneck.gate_value
        log_share(self.logger, share, gate, self.current_epoch)
        self.print_to_log_file(share_line(share, gate))

    def load_checkpoint(self, filename_or_checkpoint: dict | str) -> None:
        """As nnU-Net's, but --c uses the readable one of latest and best with the highest epoch, and logs it."""
        if isinstance(filename_or_checkpoint, str):
            path = Path(filename_or_checkpoint)
            if self.to_continue and path.name != FINAL_CHECKPOINT:
                path, epoch, problems = newest_readable(path.parent)
                for problem in problems:
                    self.print_to_log_file(f"WARNING: {problem}")
            else:
                epoch = read_checkpoint(path)["current_epoch"]
            self.to_continue = False  # what is loaded afterwards, for example by --val_best, is used as named
            self.print_to_log_file(f"Loading {path}, epoch {epoch}.")
            filename_or_checkpoint = str(path)
            self.validated_checkpoint = path.name
        super().load_checkpoint(filename_or_checkpoint)

    def _claim_results(self) -> None:
        """Write the resolved settings beside the folds; refuse if another fold has just written different ones."""
        folder = Path(self.output_folder_base)
        for stale in Path(self.output_folder).glob(".checkpoint_*.part"):
            stale.unlink()  # left by a training that was killed while writing
        with FileLock(folder / ".llm4seg.lock"):
            earlier = read_results(folder, self.configuration_name)
            if earlier is None:
                write_json(folder / PLANS, self.plans_manager.plans)
            else:
                refuse_difference(self.settings, earlier, folder)

    def _load_layer(self) -> None:
        """Fill the layer just before training, if neither resolving the settings nor a checkpoint has done it."""
        if self.bottleneck.loaded:
            return
        config, spec = self.settings.config, self.settings.spec
        sibling = None if config.trainable else layer_from_siblings(Path(self.output_folder_base), spec)
        if sibling is None:
            self.bottleneck.load_layer(prepare_known(config, spec))
        else:
            path, tensors = sibling
            self.print_to_log_file(f"Taking the frozen LLM layer from {path}.")
            self.bottleneck.layer.fill(tensors, spec.sha256)
