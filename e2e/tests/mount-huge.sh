#!/bin/sh
# Adding a read-only share costs the same for 200,000 files as for ten, a read-write one a look at each folder; the check takes seconds.
# machines: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
as alice python3 - <<'END'
import os
os.chdir(os.path.expanduser("~"))
for top, folders, files in ("small", 1, 10), ("large", 500, 400):
    for d in range(folders):
        os.makedirs(f"{top}/{d:03}")
        for f in range(files):
            open(f"{top}/{d:03}/{f:03}", "w").close()
END
calls() { # FILE COMMAND…: counts the times that COMMAND looks at files
	file=$1
	shift
	ok as alice strace -f -c -e trace=%file,getdents64 -o "/home/alice/$file" "$@"
	awk '$NF == "total" {print $4}' "/home/alice/$file"
}
small=$(calls small.txt au mount add small)
large=$(calls large.txt au mount add large)
echo "system calls of mount add: $small for 10 files, $large for 200,000"
[ "$small" -gt 30 ] && [ "$large" -lt $((small + 100)) ] || fail "mount add took $small calls for 10 files and $large for 200,000"
ok as alice au mount remove large
writable=$(calls writable.txt au mount add --rw large)
echo "system calls of mount add --rw: $writable for 200,000 files in 500 folders"
[ "$writable" -lt 100000 ] || fail "mount add --rw took $writable calls: a look at each file, and not only at each folder"
ok as alice au run sh -c 'ls small | wc -l; ls large | wc -l'
says_exactly '1
500'
ok as alice au mount remove small
ok as alice au mount remove large
start=$(date +%s%N)
ok as alice timeout 60 au mount check large
says '200500 files'
echo "the check took $(($(date +%s%N) / 1000000 - start / 1000000)) ms"
fails 1 as alice sh -c 'touch large/123/.envrc && au mount check large'
says '123/.envrc'
ok at_terminal alice au mount check small
says 'nothing found'
