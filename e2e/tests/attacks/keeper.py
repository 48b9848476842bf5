# SPDX-License-Identifier: GPL-3.0-or-later
# keep HOW: takes one file from another run, and has it open, mapped, or not even taken (read, map, unread) until there is a file
# ~/enough. give FILE HOW: passes it on.
import array, mmap, os, socket, sys, time

if sys.argv[1] == "keep":
    server = socket.socket(socket.AF_UNIX)
    server.bind("/home/agent/keeper")
    server.listen()
    open("/home/agent/listening", "w")
    conn, _ = server.accept()
    if sys.argv[2] != "unread":
        fd = socket.recv_fds(conn, 1, 1)[1][0]
    if sys.argv[2] == "map":
        mapped = mmap.mmap(fd, 3)
        os.close(fd)
    open("/home/agent/kept", "w")
    while not os.path.exists("/home/agent/enough"):
        time.sleep(0.02)
else:
    conn = socket.socket(socket.AF_UNIX)
    conn.connect("/home/agent/keeper")
    conn.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [os.open(sys.argv[2], os.O_RDONLY if os.path.isdir(sys.argv[2]) else os.O_RDWR)]))])
    while not os.path.exists("/home/agent/kept") and sys.argv[3] != "unread":
        time.sleep(0.02)
