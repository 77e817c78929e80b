import os
from pathlib import Path

import pytest
from project import Project, add_dataset_2d

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def _no_download_progress():
    os.environ["TQDM_DISABLE"] = "1"  # keeps the commands' output readable where a test fails


@pytest.fixture(scope="session")
def prepared_2d(tmp_path_factory) -> Project:
    """A 2D data set, planned and preprocessed, for tests to copy."""
    project = Project(tmp_path_factory.mktemp("prepared2d"))
    dataset = add_dataset_2d(project, 902)
    words = ("-d", 902, "-c", "2d", "-np", 1, "-npfp", 1, "--verify_dataset_integrity")
    project.run("nnUNetv2_plan_and_preprocess", *words)
    assert (project.preprocessed / dataset / "nnUNetPlans_2d").is_dir()
    return project
