# itself.py NAME: whether every mount that shows something below a folder NAME, but for those in the agent's home, is where that is.
import re
import sys

name = "/%s/" % sys.argv[1]


def elsewhere():
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            shown, point = (re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), word) for word in line.split()[3:5])
            below = shown.partition(name)[2]
            if below and not point.startswith("/home/agent/") and point.partition(name)[2] != below:
                yield line


# A rename between the two paths of a line makes them differ, for that once.
for _ in range(20):
    found = list(elsewhere())
    if not found:
        sys.exit(0)
sys.exit("".join(found))
