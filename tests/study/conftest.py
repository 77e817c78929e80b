import pytest
from stand_in import Bench
from tiny_models import save_model


@pytest.fixture
def ready(tmp_path, monkeypatch):
    """Make a study that is ready to be trained by the stand-in; keys of its file may be changed."""
    made = Bench(tmp_path)
    save_model(tmp_path / "llama")

    def ready(**changed: str) -> Bench:
        made.prepare(monkeypatch, **changed)
        return made

    yield ready
    made.kill_all()


@pytest.fixture
def bench(ready) -> Bench:
    """2 arms, 2 folds and 2 runs."""
    return ready()


@pytest.fixture
def small(ready) -> Bench:
    """2 arms, 1 fold and 1 run."""
    return ready(runs="1", folds="[0]")
