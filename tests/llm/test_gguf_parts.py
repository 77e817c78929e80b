"""The parts of a split GGUF model, and files that are none."""

from dataclasses import replace

import gguf
import pytest
import torch
from gguf_models import MODELS, save_gguf
from test_gguf_files import shapes_of

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.gguf_files import GGUFModel
from nnunet_llm4seg.llm.gguf_header import read_header
from nnunet_llm4seg.llm.gguf_parts import read_parts


def test_parts_of_a_split_model_are_read_together(tmp_path):
    whole = GGUFModel(save_gguf(tmp_path / "whole.gguf"))
    first, second = tmp_path / "m-00001-of-00002.gguf", tmp_path / "m-00002-of-00002.gguf"
    reader = gguf.GGUFReader(tmp_path / "whole.gguf")
    for path, part in ((first, reader.tensors[:5]), (second, reader.tensors[5:])):
        writer = gguf.GGUFWriter(path, "llama")
        for key, value in MODELS["llama"][0].items():
            (writer.add_float32 if isinstance(value, float) else writer.add_uint32)(f"llama.{key}", value)
        for tensor in part:
            writer.add_tensor(tensor.name, tensor.data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    split = GGUFModel(second)
    shapes = shapes_of(whole)
    for name, tensor in split.read_layer(1, shapes).items():
        assert torch.equal(tensor, whole.read_layer(1, shapes)[name])
    first.unlink()
    with pytest.raises(ModelFilesError, match=r"one of 2 parts, and m-00001-of-00002\.gguf is missing"):
        GGUFModel(second)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"token_embd\.weight is in m-00001-of-00002\.gguf and in .*, which are not parts of one model"),
        ({"split.no": 1, "split.count": 3}, r"is part 1 of 2, but its header says split\.no 1 .* of 3; download"),
        ({"split.no": "x"}, r"split\.no 'x'"),
    ],
)
def test_files_that_are_not_the_parts_of_one_model_are_refused(values, message, tmp_path, monkeypatch):
    for part in (1, 2):
        save_gguf(tmp_path / f"m-0000{part}-of-00002.gguf")

    def with_split(path):
        header = read_header(path)
        return replace(header, values={**header.values, **values})

    monkeypatch.setattr("nnunet_llm4seg.llm.gguf_parts.read_header", with_split)
    with pytest.raises(ModelFilesError, match=message):
        GGUFModel(tmp_path / "m-00001-of-00002.gguf")


@pytest.mark.parametrize("name", ["m-00000-of-00000.gguf", "m-00003-of-00002.gguf"])
def test_a_name_with_an_impossible_number_is_refused(name, tmp_path):
    with pytest.raises(ModelFilesError, match=r"is not one of \d parts by its name"):
        read_parts(tmp_path / name)
