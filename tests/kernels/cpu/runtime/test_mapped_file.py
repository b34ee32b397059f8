"""Files of the cache in memory: mapped, or copied where another machine may cut them short."""

from __future__ import annotations

import os

from speccompiler.kernels.cpu.runtime import mapped_file


def test_a_file_system_is_known_by_its_type(tmp_path):
    assert not mapped_file.may_be_cut(os.stat(tmp_path).st_dev)
    assert not mapped_file.may_be_cut(os.makedev(4095, 77))
    mounts = (
        "22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        "28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "31 28 0:45 /home /home rw - nfs4 server:/home rw,vers=4.2\n"
    )
    kinds = [mapped_file.file_system(mounts, os.makedev(*d)) for d in ((254, 0), (0, 45), (0, 4))]
    assert kinds == ["ext4", "nfs4", ""]
    assert {"nfs4"} <= mapped_file._OF_A_NETWORK
