"""Commands of `warm_python` behave as processes that a shell starts."""

import os
import signal
import subprocess
import time

import pytest
import warm_python

pytestmark = pytest.mark.skipif(not warm_python.possible(), reason="commands are started cold on this system")
SHOW = """
import json, os, sys
keep = [bool(os.environ.get(name)) for name in ("GIVEN", "PATH")]
print(json.dumps([sys.argv, os.getcwd(), keep, __name__, "torch" in sys.modules, sys.stdin.read()]))
print("aside", file=sys.stderr)
sys.exit(int(sys.argv[-1]))
"""


def python(*words, **options):
    variables = {**warm_python.environment(), **options.pop("variables", {})}
    del variables["PATH"]
    return subprocess.Popen(
        [warm_python.commands() / "python", *map(str, words)],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def test_a_command_has_its_own_words_folder_variables_output_and_exit_code(tmp_path):
    (tmp_path / "show.py").write_text(SHOW)
    for words, name in ((["-c", SHOW], "-c"), (["show.py"], "show.py"), (["-m", "show"], str(tmp_path / "show.py"))):
        process = python(*words, 7, cwd=tmp_path, variables={"GIVEN": "1"})
        output, aside = process.communicate("typed")
        said = f'[["{name}", "7"], "{tmp_path}", [true, false], "__main__", true, "typed"]\n'
        assert (process.returncode, output, aside) == (7, said, "aside\n")


def test_spawned_workers_are_warm_and_start_afresh(tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(
        "import multiprocessing, os, sys\nchanged = []\n"
        "def ask(_):\n    return 'torch' in sys.modules, changed, os.getpid()\n"
        "if __name__ == '__main__':\n    changed.append(1)\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        (warm, seen, pid), = pool.map(ask, [0])\n"
        "    print(warm, seen, pid != os.getpid())\n"
    )
    output, aside = python(script).communicate()
    assert output == "True [] True\n", aside


def test_other_values_of_variables_that_imports_read_are_respected(tmp_path):
    code = "import sys; print('torch' in sys.modules)"
    assert python("-c", code).communicate()[0] == "True\n"
    assert python("-c", code, variables={"HF_HOME": str(tmp_path)}).communicate()[0] == "False\n"


def test_no_two_commands_draw_the_same_random_numbers():
    code = "import numpy, random; print(numpy.random.rand(), random.random())"
    one, other = (python("-c", code).communicate()[0].split() for _ in range(2))
    assert not set(one) & set(other)


def test_a_failure_and_a_signal_are_seen_as_such():
    process = python("-c", "raise ValueError('no')")
    assert process.communicate()[1].endswith("ValueError: no\n") and process.returncode == 1
    for number in (signal.SIGTERM, signal.SIGINT):
        process = python("-c", "import time; print(1, flush=True); time.sleep(60)")
        assert process.stdout.readline() == "1\n"
        os.killpg(process.pid, number)
        assert process.wait(60) == -number


def test_who_kills_a_command_ends_it_and_its_workers(tmp_path):
    code = (
        "import subprocess, sys, time, os\n"
        "child = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'\n"
        "subprocess.Popen([sys.executable, '-c', child])\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    )
    process = python("-c", code)
    pids = [int(process.stdout.readline()) for _ in range(2)]
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
