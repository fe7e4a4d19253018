"""On what kind of disk a folder lies, as the kernel lists what is mounted: some share no reliable locks."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "lustre",
    "glusterfs",
    "beegfs",
    "gpfs",
    "ncpfs",
}
ALONE = {"fuseblk", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse", "fuse.fuse-overlayfs"}
"""Of programs that stand between, but have a disk of this machine behind them."""


def kind_of(folder: Path, mounts: Path | None = None) -> tuple[str, Path]:
    """The file system that a folder lies on, or would, and where that is mounted; nothing where nobody tells."""
    try:
        lines, place = (mounts or MOUNTS).read_text(errors="surrogateescape").splitlines(), folder.resolve()
    except OSError:  # no Linux
        return "", Path("/")
    found = "", Path("/")
    for line in lines:
        told, _, rest = line.partition(" - ")
        if len(fields := told.split(" ")) < 5 or not rest:
            continue
        at = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), fields[4]))
        if place.is_relative_to(at) and len(at.parts) >= len(
            found[1].parts
        ):  # of two at one place the later one
            found = rest.split(" ")[0], at
    return found


def shared(folder: Path, mounts: Path | None = None) -> str:
    """That a folder lies where several machines may write, and what follows; empty for a disk of this machine."""
    kind, at = kind_of(folder, mounts)
    if kind not in NETWORK and (not kind.startswith("fuse") or kind in ALONE):
        return ""
    return f"{folder} lies on a network file system ({kind}, mounted at {at}), where the locks of SQLite are not reliable"


REMEDY = "set INFLUENCE_STORE to a folder on a local disk; share finished cases as bundles"
