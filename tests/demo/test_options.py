"""Options of the demo that cannot be used are refused before anything is made."""

import pytest
from rich.console import Console

from nnunet_llm4seg.demo.recipe import Demo
from nnunet_llm4seg.demo.run import run_demo
from nnunet_llm4seg.errors import LLM4SegError


@pytest.mark.parametrize(("layer", "sentence"), [(9, "layer: 9 is out of range"), (-1, "layer: -1 is not allowed")])
def test_a_layer_that_the_model_lacks_is_refused_before_anything_is_made(llama, tmp_path, layer, sentence):
    folder = tmp_path / "demo"
    with pytest.raises(LLM4SegError, match=sentence):
        run_demo(Demo(folder=folder, model=str(llama), layer=layer), Console(quiet=True))
    assert not folder.exists()


def test_a_file_in_place_of_the_folder_is_named(llama, tmp_path):
    (tmp_path / "demo").touch()
    with pytest.raises(LLM4SegError, match=r"-o: .*demo cannot be made \(File exists\)"):
        run_demo(Demo(folder=tmp_path / "demo", model=str(llama), layer=1), Console(quiet=True))
