"""Published archives into the data folder: fetched, checked by digest, unpacked whole or not at all."""

import hashlib
import shutil
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from core import progress
from core.datasets import DataMissing

TIMEOUT = 20
"""Seconds without an answer after which a download fails."""
BLOCK = 256 * 1024


@dataclass(frozen=True)
class Archive:
    """A published .tar.gz or .tgz file, and the folder that it unpacks to."""

    url: str
    md5: str
    folder: str


def fetch(archive: Archive, root: Path) -> Path:
    """Download and unpack `archive` into `root`; the folder it unpacked to.

    Reports `download` in bytes, then `unpack`. Raises DataMissing where the network, the disk or the digest
    fails. A download that fails or is cancelled leaves nothing behind.
    """
    final = root / archive.folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as scratch:
            file = Path(scratch, "archive")
            _download(archive, file)
            _unpack(file, Path(scratch, "unpacked"))
            if not final.exists():  # another process may have been faster
                shutil.move(Path(scratch, "unpacked", archive.folder), final)
    except (OSError, HTTPException, tarfile.TarError, EOFError, ValueError) as error:
        raise DataMissing(f"{archive.url}: download failed ({error})") from error
    return final


def _download(archive: Archive, file: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    request = urllib.request.Request(archive.url, headers={"User-Agent": "influence-collapse-explorer"})
    opener = urllib.request.build_opener()  # urlopen's own would keep the proxies of its first use
    with opener.open(request, timeout=TIMEOUT) as answer, file.open("wb") as target:
        total, done = answer.length, 0  # the length counts down while reading
        while block := answer.read(BLOCK):
            target.write(block)
            digest.update(block)
            done += len(block)
            progress.update("download", done, total)
    if digest.hexdigest() != archive.md5:
        raise ValueError(f"md5 {digest.hexdigest()} of the file, expected {archive.md5}")


def _unpack(file: Path, target: Path) -> None:
    with tarfile.open(file, "r:gz") as tar:
        for done, member in enumerate(tar, 1):
            tar.extract(member, target, filter="data")  # refuses links and paths that lead outside
            if done % 200 == 0:
                progress.update("unpack", done, None)
