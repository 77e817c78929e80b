import os
from pathlib import Path

import pytest
from filelock import FileLock
from project import Project, add_dataset_2d

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def prepared_2d(tmp_path_factory) -> Project:
    """A 2D data set, preprocessed and planned with few features, for tests to copy; made once for all processes."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    done, project = root / "prepared2d.done", Project(root / "prepared2d")
    with FileLock(root / "prepared2d.lock"):
        if not done.exists():
            dataset = add_dataset_2d(project, 902)
            words = ("-d", 902, "-c", "2d", "-np", 1, "-npfp", 1, "--verify_dataset_integrity")
            project.run("nnUNetv2_plan_and_preprocess", *words, installed=True)
            assert (project.preprocessed / dataset / "nnUNetPlans_2d").is_dir()
            project.make_narrow(dataset, "2d")
            done.touch()
    return project
