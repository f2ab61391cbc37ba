# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import contextlib
import json
import os
import pty
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from engine.telemetry import channel
from engine.telemetry.channel import Receiver, Sender
from engine.telemetry.log import EventLog
from engine.telemetry.terminal import LiveLine
from plugins.callback.progress import CallbackModule


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    # pytest's own folder may be too deep for a socket's name.
    folder = tempfile.mkdtemp(prefix="t-", dir="/tmp")
    monkeypatch.setattr(tempfile, "tempdir", folder)
    yield Path(folder)
    os.rmdir(folder)  # noqa: PTH106  fails where something was left


def test_what_is_sent_is_received_in_order():
    receiver = Receiver()
    sender = Sender(receiver.path)
    for number in range(3):
        assert sender.send({"event": "progress", "done": number})
    assert [receiver.receive(1.0)["done"] for _message in range(3)] == [0, 1, 2]
    sender.close()
    receiver.close()


def test_a_full_queue_drops_and_does_not_wait():
    receiver = Receiver()
    sender = Sender(receiver.path)
    assert all(sender.send({"event": "progress", "done": number}) for number in range(5000))
    sender.close()
    receiver.close()


def test_a_reader_that_is_gone_is_noticed_and_harms_nobody():
    receiver = Receiver()
    sender = Sender(receiver.path)
    receiver.close()
    assert sender.send({"event": "progress"}) is False
    sender.close()


@pytest.mark.parametrize("event", [{"text": "x" * 1_000_000}, {"text": object()}])
def test_an_event_that_cannot_travel_is_dropped(event):
    receiver = Receiver()
    sender = Sender(receiver.path)
    assert sender.send(event)
    sender.close()
    receiver.close()


@pytest.mark.parametrize("data", [b"\xff", b"[1]", b"{", b"null"])
def test_what_is_no_event_is_not_received(data):
    receiver = Receiver()
    sender = Sender(receiver.path)
    sender._socket.sendto(data, receiver.path)
    assert receiver.receive(1.0) is None
    sender.close()
    receiver.close()


def test_ansibles_own_events_keep_their_place_among_the_others_however_late_all_are_read():
    callback = CallbackModule()
    callback._receiver = Receiver()
    sender = Sender(callback._receiver.path)
    seen = []

    class Reporter:
        def handle(self, event, _now):
            seen.append(event["event"])

        def tick(self, _now):
            pass

        finish = tick

    callback._put("task_start")
    sender.send({"event": "phase"})
    sender.send({"event": "phase_end"})
    callback._put("task_start")
    callback._put("host_result")
    sender.send({"event": "note"})
    callback._queue.put({"event": "playbook_end"})  # whose call was dropped
    callback._ending.set()
    callback._follow(Reporter())
    sender.close()
    callback._receiver.close()
    assert seen == ["task_start", "phase", "phase_end", "task_start", "host_result", "note", "playbook_end"]


def test_the_socket_is_its_owners_alone_and_goes_away():
    receiver = Receiver()
    folder = Path(receiver.path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    receiver.close()
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(temporary):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = temporary / f"raywright-progress-{dead.pid}-x"
    used = temporary / f"raywright-progress-{os.getppid()}-x"
    left.mkdir()
    used.mkdir()
    Receiver().close()
    assert not left.exists()
    used.rmdir()


def test_a_process_has_one_reader():
    assert channel.claim()
    assert not channel.claim()
    channel.release()
    assert channel.claim()
    channel.release()


def test_the_log_keeps_names_and_numbers_only(tmp_path):
    log = EventLog(str(tmp_path / "log"))
    log.write({"event": "task_start", "task": "a", "args": {"password": "hunter2"}, "result": "ok", "msg": "hunter2"})
    log.write(
        {"event": "progress", "done": 1, "outcomes": {"changed": 1, "x": "hunter2"}, "fleet": {"done": "hunter2"}}
    )
    log.close()
    text = (tmp_path / "log").read_text()
    assert "hunter2" not in text
    first, second = map(json.loads, text.splitlines())
    assert first["time"].endswith("+00:00")
    assert (first["task"], second["outcomes"]) == ("a", {"changed": 1})
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


@pytest.fixture
def terminal():
    """A pair: what programs write to, and what arrives on the screen."""
    screen, side = pty.openpty()
    stream = os.fdopen(side, "w", encoding="utf-8")

    def arrived():
        stream.close()
        text = b""
        with contextlib.suppress(OSError):  # EIO: nobody writes any more
            while data := os.read(screen, 65536):
                text += data
        return text.decode()

    yield stream, arrived
    os.close(screen)


def test_the_line_is_cleared_before_anything_else_is_printed(terminal):
    stream, arrived = terminal
    line = LiveLine(stream, lock=threading.RLock())
    line.paint("[==--]")
    stream.write("ok: leaf1\n")
    line.paint("[===-]")
    line.close()
    stream.write("end\n")
    stream.flush()
    assert arrived() == "\r[==--]\x1b[K\r\x1b[Kok: leaf1\r\n\r[===-]\x1b[K\r\x1b[Kend\r\n"


def test_the_line_is_not_painted_behind_a_prompt(terminal):
    stream, arrived = terminal
    line = LiveLine(stream, lock=threading.RLock())
    stream.write("Type the name: ")
    line.paint("[==--]")
    stream.write("\n")
    line.paint("[==--]")
    line.close()
    assert arrived() == "Type the name: \r\n\r[==--]\x1b[K\r\x1b[K"


def test_a_line_that_has_not_changed_is_not_painted_again(terminal):
    stream, arrived = terminal
    line = LiveLine(stream, lock=threading.RLock())
    line.paint("[==--]")
    line.paint("[==--]")
    line.close()
    assert arrived().count("[==--]") == 1
