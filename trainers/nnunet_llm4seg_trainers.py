"""Re-exports the trainers of the installed package, so that nnU-Net finds them by name.

nnU-Net forgets modules of this folder after each look-up, so classes defined here could not be pickled and would
not be the same class twice.
"""

from nnunet_llm4seg.trainer.variants import *  # noqa: F403
