# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what a run sees mounted, a line each, "PLACE TYPE", but for file systems that hold files of the machine's (disks,
images, networks): those only where no run should find any. What something else has been mounted over is not seen."""

FILES = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "zfs", "overlay", "vfat", "exfat", "iso9660", "squashfs", "erofs", "nfs", "nfs4", "cifs", "9p", "virtiofs", "fuseblk"}
KERNELS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp")


def below(place, folder):
    return folder == "/" or place == folder or place.startswith(folder + "/")


mounts = {}
for line in open("/proc/self/mountinfo"):
    words = line.split()
    mounts[words[0]] = (words[1], words[4], words[words.index("-") + 1])


def seen(number):
    """Whether a walk to the place of a mount ends in that mount."""
    at = next(n for n, (parent, place, _) in mounts.items() if parent not in mounts)
    parts = [p for p in mounts[number][1].split("/") if p]
    for i in range(len(parts) + 1):
        prefix = "/" + "/".join(parts[:i])
        while True:
            over = [n for n, (parent, place, _) in mounts.items() if parent == at and place == prefix and n != at]
            if not over:
                break
            at = over[-1]
    return at == number


for number, (_, place, kind) in mounts.items():
    if seen(number) and (kind not in FILES or any(below(place, k) for k in KERNELS)):
        print(place, kind)
