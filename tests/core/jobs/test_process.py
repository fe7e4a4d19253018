import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest

from core.jobs.process import ask_to_stop, boot_id, identify, is_alive, kill_group


def test_this_process_is_alive():
    assert is_alive(identify(os.getpid()))


def test_a_recycled_number_is_not_taken_for_the_old_process(sleeper: Popen[bytes]):
    process = identify(sleeper.pid)
    old = replace(process, started=process.started - 1)
    assert not is_alive(old)
    ask_to_stop(old)
    kill_group(old)
    assert is_alive(process)


def test_a_process_of_an_earlier_boot_is_not_alive(sleeper: Popen[bytes]):
    process = identify(sleeper.pid)
    before = replace(process, boot="earlier " + boot_id())
    assert not is_alive(before)
    kill_group(before)
    assert is_alive(process)


def test_an_ended_process_that_nobody_collected_is_not_alive(sleeper: Popen[bytes], until: Callable):
    process = identify(sleeper.pid)
    ask_to_stop(process)
    until(lambda: not is_alive(process))
    assert sleeper.returncode is None


def test_a_process_that_never_was_cannot_be_identified(sleeper: Popen[bytes]):
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(ProcessLookupError, match="has ended"):
        identify(sleeper.pid)


def test_a_name_with_brackets_and_blanks_does_not_confuse(tmp_path: Path):
    command = tmp_path / "a) Z (b 1"
    command.symlink_to(shutil.which("sleep"))
    with Popen([command, "60"]) as process:
        assert is_alive(identify(process.pid))
        process.kill()
