"""AdamW and one head, as 3D UX-Net is trained: both arms, all variants."""

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget
from nnunet_llm4seg.trainer.recipes import AdamW1en4NoDeepSupervision
from nnunet_llm4seg.trainer.variants.deepseek import nnUNetTrainerLLM4SegDeepSeek
from nnunet_llm4seg.trainer.variants.gated import nnUNetTrainerLLM4SegGated
from nnunet_llm4seg.trainer.variants.random import nnUNetTrainerLLM4SegRandom
from nnunet_llm4seg.trainer.variants.random_trainable import nnUNetTrainerLLM4SegRandomTrainable
from nnunet_llm4seg.trainer.variants.shuffled import nnUNetTrainerLLM4SegShuffled
from nnunet_llm4seg.trainer.variants.trainable import nnUNetTrainerLLM4SegTrainable


class nnUNetTrainerVanillaAdamW1en4NoDeepSupervision(AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerVanillaAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerVanillaAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerVanillaAdamW1en4NoDeepSupervision_50epochs(nnUNetTrainerVanillaAdamW1en4NoDeepSupervision):
    epochs = 50


class nnUNetTrainerVanillaAdamW1en4NoDeepSupervision_100epochs(nnUNetTrainerVanillaAdamW1en4NoDeepSupervision):
    epochs = 100


class nnUNetTrainerVanillaAdamW1en4NoDeepSupervision_250epochs(nnUNetTrainerVanillaAdamW1en4NoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4Seg, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision_50epochs(nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision_100epochs(nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision_250epochs(nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegDeepSeek, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegDeepSeekAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision(
    nnUNetTrainerLLM4SegTrainable, AdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegTrainableAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegRandom, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegRandomAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision(
    nnUNetTrainerLLM4SegRandomTrainable, AdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegRandomTrainableAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegShuffled, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegShuffledAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegGated, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision
):
    epochs = 250
