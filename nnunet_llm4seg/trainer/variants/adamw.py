"""AdamW as MedNeXt is trained: both arms, all variants."""

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget
from nnunet_llm4seg.trainer.recipes import AdamW
from nnunet_llm4seg.trainer.variants.deepseek import nnUNetTrainerLLM4SegDeepSeek
from nnunet_llm4seg.trainer.variants.gated import nnUNetTrainerLLM4SegGated
from nnunet_llm4seg.trainer.variants.random import nnUNetTrainerLLM4SegRandom
from nnunet_llm4seg.trainer.variants.random_trainable import nnUNetTrainerLLM4SegRandomTrainable
from nnunet_llm4seg.trainer.variants.shuffled import nnUNetTrainerLLM4SegShuffled
from nnunet_llm4seg.trainer.variants.trainable import nnUNetTrainerLLM4SegTrainable


class nnUNetTrainerVanillaAdamW(AdamW):
    pass


class nnUNetTrainerVanillaAdamW_smoke(SmokeBudget, nnUNetTrainerVanillaAdamW):
    pass


class nnUNetTrainerVanillaAdamW_50epochs(nnUNetTrainerVanillaAdamW):
    epochs = 50


class nnUNetTrainerVanillaAdamW_100epochs(nnUNetTrainerVanillaAdamW):
    epochs = 100


class nnUNetTrainerVanillaAdamW_250epochs(nnUNetTrainerVanillaAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegAdamW(nnUNetTrainerLLM4Seg, AdamW):
    pass


class nnUNetTrainerLLM4SegAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegAdamW):
    pass


class nnUNetTrainerLLM4SegAdamW_50epochs(nnUNetTrainerLLM4SegAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegAdamW_100epochs(nnUNetTrainerLLM4SegAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegAdamW_250epochs(nnUNetTrainerLLM4SegAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegDeepSeekAdamW(nnUNetTrainerLLM4SegDeepSeek, AdamW):
    pass


class nnUNetTrainerLLM4SegDeepSeekAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegDeepSeekAdamW):
    pass


class nnUNetTrainerLLM4SegDeepSeekAdamW_50epochs(nnUNetTrainerLLM4SegDeepSeekAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegDeepSeekAdamW_100epochs(nnUNetTrainerLLM4SegDeepSeekAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegDeepSeekAdamW_250epochs(nnUNetTrainerLLM4SegDeepSeekAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegTrainableAdamW(nnUNetTrainerLLM4SegTrainable, AdamW):
    pass


class nnUNetTrainerLLM4SegTrainableAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegTrainableAdamW):
    pass


class nnUNetTrainerLLM4SegTrainableAdamW_50epochs(nnUNetTrainerLLM4SegTrainableAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegTrainableAdamW_100epochs(nnUNetTrainerLLM4SegTrainableAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegTrainableAdamW_250epochs(nnUNetTrainerLLM4SegTrainableAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegRandomAdamW(nnUNetTrainerLLM4SegRandom, AdamW):
    pass


class nnUNetTrainerLLM4SegRandomAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegRandomAdamW):
    pass


class nnUNetTrainerLLM4SegRandomAdamW_50epochs(nnUNetTrainerLLM4SegRandomAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegRandomAdamW_100epochs(nnUNetTrainerLLM4SegRandomAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegRandomAdamW_250epochs(nnUNetTrainerLLM4SegRandomAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegRandomTrainableAdamW(nnUNetTrainerLLM4SegRandomTrainable, AdamW):
    pass


class nnUNetTrainerLLM4SegRandomTrainableAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegRandomTrainableAdamW):
    pass


class nnUNetTrainerLLM4SegRandomTrainableAdamW_50epochs(nnUNetTrainerLLM4SegRandomTrainableAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegRandomTrainableAdamW_100epochs(nnUNetTrainerLLM4SegRandomTrainableAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegRandomTrainableAdamW_250epochs(nnUNetTrainerLLM4SegRandomTrainableAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegShuffledAdamW(nnUNetTrainerLLM4SegShuffled, AdamW):
    pass


class nnUNetTrainerLLM4SegShuffledAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegShuffledAdamW):
    pass


class nnUNetTrainerLLM4SegShuffledAdamW_50epochs(nnUNetTrainerLLM4SegShuffledAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegShuffledAdamW_100epochs(nnUNetTrainerLLM4SegShuffledAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegShuffledAdamW_250epochs(nnUNetTrainerLLM4SegShuffledAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegGatedAdamW(nnUNetTrainerLLM4SegGated, AdamW):
    pass


class nnUNetTrainerLLM4SegGatedAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegGatedAdamW):
    pass


class nnUNetTrainerLLM4SegGatedAdamW_50epochs(nnUNetTrainerLLM4SegGatedAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegGatedAdamW_100epochs(nnUNetTrainerLLM4SegGatedAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegGatedAdamW_250epochs(nnUNetTrainerLLM4SegGatedAdamW):
    epochs = 250
