"""One head, as the paper's U-Net and CMUNeXt are trained: both arms, all variants."""

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget
from nnunet_llm4seg.trainer.recipes import NoDeepSupervision
from nnunet_llm4seg.trainer.variants.deepseek import nnUNetTrainerLLM4SegDeepSeek
from nnunet_llm4seg.trainer.variants.gated import nnUNetTrainerLLM4SegGated
from nnunet_llm4seg.trainer.variants.random import nnUNetTrainerLLM4SegRandom
from nnunet_llm4seg.trainer.variants.random_trainable import nnUNetTrainerLLM4SegRandomTrainable
from nnunet_llm4seg.trainer.variants.shuffled import nnUNetTrainerLLM4SegShuffled
from nnunet_llm4seg.trainer.variants.trainable import nnUNetTrainerLLM4SegTrainable

# nnU-Net's own vanilla arm is nnUNetTrainerNoDeepSupervision; it has no other lengths


class nnUNetTrainerVanillaNoDeepSupervision_smoke(SmokeBudget, NoDeepSupervision):
    pass


class nnUNetTrainerVanillaNoDeepSupervision_50epochs(NoDeepSupervision):
    epochs = 50


class nnUNetTrainerVanillaNoDeepSupervision_100epochs(NoDeepSupervision):
    epochs = 100


class nnUNetTrainerVanillaNoDeepSupervision_250epochs(NoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegNoDeepSupervision(nnUNetTrainerLLM4Seg, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegNoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision(nnUNetTrainerLLM4SegDeepSeek, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegDeepSeekNoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegTrainableNoDeepSupervision(nnUNetTrainerLLM4SegTrainable, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegTrainableNoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegTrainableNoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegTrainableNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegTrainableNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegTrainableNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegTrainableNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegTrainableNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegTrainableNoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegRandomNoDeepSupervision(nnUNetTrainerLLM4SegRandom, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegRandomNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegRandomNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegRandomNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegRandomNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegRandomNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegRandomNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegRandomNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegRandomNoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision(nnUNetTrainerLLM4SegRandomTrainable, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegRandomTrainableNoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegShuffledNoDeepSupervision(nnUNetTrainerLLM4SegShuffled, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegShuffledNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegShuffledNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegShuffledNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegShuffledNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegShuffledNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegShuffledNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegShuffledNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegShuffledNoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegGatedNoDeepSupervision(nnUNetTrainerLLM4SegGated, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegGatedNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegGatedNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegGatedNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegGatedNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegGatedNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegGatedNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegGatedNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegGatedNoDeepSupervision):
    epochs = 250
