"""`llm4seg env`: how the shell tells nnU-Net where the trainers are."""

import os
import shlex

from nnunet_llm4seg.cli import app


@app.command()
def env() -> None:
    """Print the line that lets nnU-Net's own commands find the trainers: eval "$(llm4seg env)"."""
    from nnunet_llm4seg.nnunet.environment import TRAINERS, with_trainers

    print(f"export {TRAINERS}={shlex.quote(with_trainers(os.environ.get(TRAINERS)))}")
