import typer
from typer.testing import CliRunner

from nnunet_llm4seg.cli.many_folds import ManyFolds, spread


def test_folds_are_spread_until_the_next_word():
    assert spread(["7", "2d", "-f", "0", "1", "all", "--x", "2"], {"-f"}) == [
        *("7", "2d", "-f", "0", "-f", "1", "-f", "all", "--x", "2")
    ]
    assert spread(["-f", "0", "-f", "1"], {"-f"}) == ["-f", "0", "-f", "1"]


def test_a_command_takes_folds_as_nnunets_own_do():
    app = typer.Typer()

    @app.command(cls=ManyFolds)
    def show(dataset: str, folds: list[str] = typer.Option([], "-f", "--folds")) -> None:  # noqa: B008
        print(dataset, folds)

    for words in (
        ["7", "-f", "0", "1", "2"],
        ["7", "--folds", "0", "-f", "1", "2"],
        ["7", "-f", "0", "-f", "1", "-f", "2"],
    ):
        assert CliRunner().invoke(app, words).output.strip() == "7 ['0', '1', '2']"
