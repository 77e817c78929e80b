"""Make tests/data/newest: what the newest transformers wrote, for the oldest to read. Run by hand, see its test."""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from tiny_models import save_model

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck

FOLDER = Path(__file__).parent / "data" / "newest"


def main() -> None:
    import tempfile

    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        model = save_model(Path(folder), hidden_size=16, intermediate_size=24, rope_theta=500.0)
        config = LLM4SegConfig(model=folder, layer=1, positions="rope")
        block = LLMBottleneck(4, config)
        assert "rope_parameters" in json.loads((model / "config.json").read_text())
    x = torch.randn(2, 4, 3, 3)
    spec = {**block.spec.to_dict(), "transformers": transformers.__version__}
    (FOLDER / "spec.json").write_text(json.dumps(spec, indent=1) + "\n")
    save_file({**block.state_dict(), "input": x, "output": block(x).detach()}, FOLDER / "case.safetensors")


if __name__ == "__main__":
    main()
