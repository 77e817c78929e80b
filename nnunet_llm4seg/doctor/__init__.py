"""`llm4seg doctor`: whether a training could start on this machine, and the next command if not."""

from __future__ import annotations

import warnings

from nnunet_llm4seg.doctor import data, hardware, installation, models
from nnunet_llm4seg.doctor.findings import Finding

_CHECKS = (
    installation.python,
    installation.packages,
    installation.fork,
    installation.trainers,
    data.folders,
    data.datasets,
    models.layers,
    hardware.hardware,
)


def examine() -> list[Finding]:
    """Check everything; a check that fails unexpectedly becomes a finding itself."""
    findings: list[Finding] = []
    for check in _CHECKS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the libraries that are imported
                findings += check()
        except Exception as error:  # a broken installation can raise anything, and the report is needed all the same
            findings.append(Finding("bad", check.__name__, f"{type(error).__name__}: {error}"))
    return findings


def next_command(findings: list[Finding]) -> str:
    """The one command to run next: for the first bad finding, else for a note, else a training."""
    for level in ("bad", "note"):
        for finding in findings:
            if finding.level == level and finding.command:
                return finding.command
    return "llm4seg train DATASET CONFIGURATION FOLD -p nnUNetPlans_LLM4Seg -tr nnUNetTrainerLLM4Seg"
