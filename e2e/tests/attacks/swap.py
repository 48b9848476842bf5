# swap.py ONE OTHER [MILLISECONDS]: exchanges them, for ever; with up to so many milliseconds, by chance, before each time.
import ctypes, random, sys, time

libc = ctypes.CDLL(None, use_errno=True)
one, other = sys.argv[1].encode(), sys.argv[2].encode()
pause = float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0
AT_FDCWD, RENAME_EXCHANGE = -100, 2
while libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0:
    if pause:
        time.sleep(random.random() * pause)
sys.exit("swap.py: %s and %s: error %d" % (one, other, ctypes.get_errno()))
