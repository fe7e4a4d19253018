"""Does an engine talk to those who know its token, and survive everybody else?"""

import os
import socket
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from core.engine import place, wire
from core.engine.client import connect
from core.engine.server import Server


@pytest.fixture
def server(store_root: Path):
    """An engine in a thread; it has opened no case."""
    served = Server(store_root, parent=os.getpid(), idle=60)
    thread = threading.Thread(target=served.run)
    thread.start()
    while place.published(store_root) is None:
        thread.join(0.01)
    yield served
    served._over.set()
    thread.join(5)
    assert not thread.is_alive()
    assert place.published(store_root) is None


def dialled(server: Server) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", server.address.port), timeout=5)
    wire.receive(line, wire.Limits())  # the challenge
    return line


def is_hung_up(line: socket.socket) -> bool:
    try:
        return line.recv(100) == b""
    except ConnectionResetError:
        return True


def test_the_token_lets_in(server, store_root):
    with connect(store_root) as line:
        wire.send(line, {"kind": "nonsense", "experiment": {}, "key": "x", "client": {"pid": 1}})
        assert is_hung_up(line)  # that was no question, but it was heard
    with connect(store_root) as line:
        assert line.getpeername()[1] == server.address.port


def test_a_wrong_token_is_refused_by_both_sides(server, store_root):
    with dialled(server) as line:
        wire.send(line, {"proof": "0" * 64, "challenge": "x"})
        assert is_hung_up(line)
    with socket.create_connection(("127.0.0.1", server.address.port)) as line, pytest.raises(wire.Gone):
        wire.greet(line, wire.new_token())


def test_the_page_does_not_talk_to_a_stranger_on_the_engines_port(store_root):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        line = socket.create_connection(stranger.getsockname())
        other, _ = stranger.accept()
        wire.send(other, {"challenge": "x"})
        wire.send(other, {"proof": "0" * 64})
        with line, other, pytest.raises(wire.Refused, match="not our engine"):
            wire.greet(line, wire.new_token())


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\0" * 64,
        wire.FRAME.pack(wire.MARK, 2**31, 0),
        wire.FRAME.pack(wire.MARK, 10, 2**62),
        wire.FRAME.pack(wire.MARK, 9, 0) + b"no json!!",
        wire.FRAME.pack(wire.MARK, 2, 0) + b"[]",
        wire.FRAME.pack(wire.MARK, 13, 0) + b'{"arrays": 9}',
        wire.FRAME.pack(wire.MARK, 16, 0) + b'{"arrays":"\\u0"}'[:16],
    ],
    ids=["http", "zeros", "large header", "large arrays", "no json", "a list", "no arrays", "bad arrays"],
)
def test_garbage_and_large_frames_are_hung_up_on_and_the_engine_lives(sent, server, store_root):
    with dialled(server) as line:
        line.sendall(sent)
        assert is_hung_up(line)
    with connect(store_root) as line:  # still there for those who may
        line.settimeout(5)
        line.sendall(sent)
        assert is_hung_up(line)
    assert place.published(store_root) == server.address


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_arrays_arrive_as_they_were_sent():
    here, there = pair()
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 4), np.int64)]
    with here, there:
        wire.send(here, {"event": "part"}, arrays)
        message = wire.receive(there, wire.Limits(arrays=10_000))
    assert message.header["event"] == "part"
    assert all(
        np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(arrays, message.arrays, strict=True)
    )


def test_pickled_arrays_are_neither_sent_nor_read():
    here, there = pair()
    with here, there:
        with pytest.raises(ValueError, match="allow_pickle"):
            wire.send(here, {}, [np.array([{}], dtype=object)])
        head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
        packed = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"cos\nsystem\n."
        here.sendall(wire.FRAME.pack(wire.MARK, 13, len(packed)) + b'{"arrays": 1}' + packed)
        with pytest.raises(wire.Refused, match="cannot be read"):
            wire.receive(there, wire.Limits(arrays=10_000))


def test_nobody_else_may_read_the_token(server, store_root):
    file = store_root / "engine" / "address.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert server.address.token in file.read_text()
