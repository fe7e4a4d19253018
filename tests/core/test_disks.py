"""Is a store on a network file system told from one on a disk of this machine?"""

from pathlib import Path

import pytest

from core import disks, doctor

LIST = """22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 27 0:40 / /home rw,relatime shared:9 master:2 - nfs4 server:/home rw,vers=4.2
41 40 8:2 / /home/ann/local rw,relatime - xfs /dev/sdb1 rw
42 27 0:42 / /mnt/with\\040space rw - fuse.sshfs host: rw
43 27 0:43 / /mnt/share rw - cifs //server/share rw
44 27 0:44 / /mnt/stick rw - fuseblk /dev/sdc1 rw
45 27 0:45 / /mnt/over rw - ext4 /dev/sdd1 rw
46 27 0:46 / /mnt/over rw - nfs server:/over rw
half a line
"""


@pytest.fixture
def mounts(tmp_path) -> Path:
    (tmp_path / "mountinfo").write_text(LIST)
    return tmp_path / "mountinfo"


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ann/store", "nfs4"),
        ("/mnt/with space/store", "fuse.sshfs"),
        ("/mnt/share", "cifs"),
        ("/mnt/over/store", "nfs"),
    ],
)
def test_a_folder_on_a_network_disk_is_told_with_its_kind_and_place(folder, kind, mounts):
    told = disks.shared(Path(folder), mounts)
    assert (
        told.startswith(f"{folder} lies on a network file system ({kind}, mounted at /") and "SQLite" in told
    )


@pytest.mark.parametrize("folder", ["/home/ann/local/store", "/homeless", "/mnt/stick/store", "/srv"])
def test_a_disk_of_this_machine_is_not(folder, mounts):
    assert disks.shared(Path(folder), mounts) == ""


def test_where_nobody_lists_what_is_mounted_nothing_is_said(tmp_path):
    assert disks.shared(tmp_path, tmp_path / "missing") == ""


def test_the_kernels_own_list_is_read():
    assert disks.kind_of(Path("/proc/self")) == ("proc", Path("/proc"))


def test_doctor_says_it_with_a_remedy(monkeypatch, mounts):
    monkeypatch.setattr(disks, "MOUNTS", mounts)
    found = doctor._local(Path("/home/ann/store"))
    assert found.level == "warning" and "nfs4" in found.finding and "INFLUENCE_STORE" in found.remedy
