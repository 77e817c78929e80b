"""Evaluation: metrics, paired statistics and the report. Knows nothing of training."""

from nnunet_llm4seg.evaluation.comparison import compare
from nnunet_llm4seg.evaluation.folders import evaluate

__all__ = ["compare", "evaluate"]
