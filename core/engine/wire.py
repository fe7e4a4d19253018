"""Messages between the page and its engine: a frame is a JSON header and, behind it, arrays as .npy. No pickle.

Both sides prove that they know the token of the results folder before anything else is said; the token itself
never travels, so a stranger who listens where an engine was before learns nothing.
"""

import hmac
import json
import math
import secrets
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

VERSION = 1
FRAME = struct.Struct(">4sIQ")
"""Mark, length of the header, length of the arrays; in bytes."""
MARK = b"ICE1"
MAX_GREETING = 4096
MAX_HEADER = 256 * 2**10
MAX_ARRAYS = 256 * 2**20
MOST_ARRAYS = 64
PATIENCE = 5.0
"""Seconds that a greeting may take."""


class Refused(Exception):
    """The other side broke the rules: no token, a frame that is too large, or no frame at all."""


class Gone(ConnectionError):
    """The other side closed the connection."""


@dataclass(frozen=True)
class Message:
    """One frame, decoded."""

    header: dict[str, Any]
    arrays: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Limits:
    """The largest frame that is taken in, in bytes."""

    header: int = MAX_HEADER
    arrays: int = 0


def send(line: socket.socket, header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
    """Write one frame; raises Gone."""
    packed = BytesIO()
    for array in arrays:
        np.lib.format.write_array(packed, np.ascontiguousarray(array), allow_pickle=False)
    told = json.dumps(header | {"arrays": len(arrays)}).encode()
    try:
        line.sendall(FRAME.pack(MARK, len(told), packed.tell()) + told)
        line.sendall(packed.getbuffer())
    except OSError as error:
        raise Gone(str(error)) from error


def receive(line: socket.socket, limits: Limits) -> Message:
    """Read one frame; raises Refused for what is none, or is too large, before any of it is kept, and Gone."""
    mark, told, packed = FRAME.unpack(_exactly(line, FRAME.size))
    if mark != MARK:
        raise Refused("this is no message to an engine")
    if told > limits.header or packed > limits.arrays:
        raise Refused(f"a message of {told} + {packed} bytes; at most {limits.header} + {limits.arrays}")
    try:
        header = json.loads(_exactly(line, told))
        content, count = BytesIO(_exactly(line, packed)), header["arrays"]
        if type(count) is not int or not 0 <= count <= MOST_ARRAYS:
            raise ValueError("no number of arrays")
        arrays = [_array(content) for _ in range(count)]
    except (Gone, TimeoutError):
        raise
    except Exception as error:  # a reader fed with hostile bytes raises whatever it meets
        raise Refused(f"a message that cannot be read ({type(error).__name__})") from error
    return Message(header, tuple(arrays))


def _array(content: BytesIO) -> np.ndarray:
    """The next array; room is made for what is there, not for what its header says."""
    form = np.lib.format
    if form.read_magic(content) != (1, 0):
        raise ValueError("another version")
    shape, by_columns, kind = form.read_array_header_1_0(content)
    data = bytearray(content.read(math.prod(shape) * kind.itemsize))
    if kind.hasobject or len(data) != math.prod(shape) * kind.itemsize:
        raise ValueError("no array of numbers, or not all of it")
    return np.ndarray(shape, kind, data, order="F" if by_columns else "C")


def _exactly(line: socket.socket, length: int) -> bytearray:
    """The next `length` bytes."""
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        try:
            count = line.recv_into(rest)
        except OSError as error:
            raise Gone(str(error)) from error
        if not count:
            raise Gone("the connection was closed")
        rest = rest[count:]
    return content


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_hex(32)


def _proof(token: str, who: str, challenge: str) -> str:
    return hmac.digest(token.encode(), f"{who}/{challenge}".encode(), "sha256").hex()


def admit(line: socket.socket, token: str) -> None:
    """The engine's side of the greeting; raises Refused for someone without the token, and Gone."""
    challenge = secrets.token_hex(16)
    line.settimeout(PATIENCE)
    send(line, {"challenge": challenge})
    answer = receive(line, Limits(MAX_GREETING)).header
    if not hmac.compare_digest(str(answer.get("proof")).encode(), _proof(token, "page", challenge).encode()):
        raise Refused("wrong token")
    send(line, {"proof": _proof(token, "engine", str(answer.get("challenge")))})
    line.settimeout(None)


def greet(line: socket.socket, token: str) -> None:
    """The page's side of the greeting; raises Refused when it is not our engine that listens, and Gone."""
    challenge = secrets.token_hex(16)
    line.settimeout(PATIENCE)
    first = receive(line, Limits(MAX_GREETING)).header
    send(line, {"proof": _proof(token, "page", str(first.get("challenge"))), "challenge": challenge})
    answer = receive(line, Limits(MAX_GREETING)).header
    if not hmac.compare_digest(
        str(answer.get("proof")).encode(), _proof(token, "engine", challenge).encode()
    ):
        raise Refused("whoever listens there is not our engine")
    line.settimeout(None)
