#!/bin/sh
# pip builds a package with C in it in a writable share, and either side uses and removes what the other installed.
# machines: none
# machines by hand: trixie
# flavour: net
. /opt/e2e/lib.sh
ok as alice au new -y
as alice mkdir -m 700 work
ok as alice au mount add --rw work
as alice mkdir -p work/package/counted
# A package that builds itself: no build tool has to come from anywhere.
as alice sh -c 'cat >work/package/pyproject.toml; cat >work/package/counted/count.c <<END
int count(const char *s) { int n = 0; while (*s++) n++; return n; }
END
cat >work/package/counted/__init__.py <<END
import ctypes, os
count = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "count.so")).count
END' <<'END'
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "counted"
version = "1.0"
END
as alice sh -c 'cat >work/package/backend.py' <<'END'
import subprocess, zipfile

def build_wheel(folder, settings=None, metadata=None):
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "counted/count.so", "counted/count.c"], check=True)
    files = {name: open(name, "rb").read() for name in ("counted/__init__.py", "counted/count.so")}
    files["counted-1.0.dist-info/METADATA"] = b"Metadata-Version: 2.1\nName: counted\nVersion: 1.0\n"
    files["counted-1.0.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
    files["counted-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files).encode()
    with zipfile.ZipFile(f"{folder}/counted-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return "counted-1.0-py3-none-any.whl"
END
pip="pip3 --quiet --disable-pip-version-check --python env/bin/python"
install="$pip install --no-index --no-build-isolation --no-cache-dir ./package"
use="env/bin/python -c 'import counted; print(counted.count(bytes([65] * 7)))'"

promise="installed by the agent, used by both, removed by the human"
ok as alice sh -c "cd work && au run sh -c \"python3 -m venv --without-pip env && $install\""
ok as alice sh -c "cd work && au run sh -c \"$use\""
says_exactly 7
ok as alice sh -c "cd work && $use"
says_exactly 7
ok as alice sh -c "cd work && $pip uninstall --yes counted"
fails 1 as alice sh -c "cd work && au run sh -c \"$use\""
complains "No module named 'counted'"

promise="installed by the human, in the environment that the agent made, and the other way round"
ok as alice sh -c "cd work && $install"
ok as alice sh -c "cd work && au run sh -c \"$use && $pip uninstall --yes counted && $install && $use\""
says "7
7"
ok find /home/alice/work ! -user alice
silent
ok as alice sh -c 'rm -rf work/* && ls -A work'
silent
