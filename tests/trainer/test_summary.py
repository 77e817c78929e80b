from dataclasses import replace

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.source import LayerSpec
from nnunet_llm4seg.trainer.settings import Settings
from nnunet_llm4seg.trainer.summary import describe_settings


def test_log_names_the_quantisation_of_a_quantised_layer_only():
    plain = Settings(LLM4SegConfig(), LayerSpec({}, {}, "0" * 64))
    quantised = replace(plain, spec=replace(plain.spec, quantisation="Q4_1"))
    assert "weights pretrained (frozen) ||" in describe_settings(plain)
    assert "weights pretrained (frozen, Q4_1: 4-bit weights, dequantised) ||" in describe_settings(quantised)
