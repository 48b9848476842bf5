# Whether what pytest compiled names the file that is there.
import glob, marshal, os
assert marshal.loads(open(glob.glob("__pycache__/*pytest*")[0], "rb").read()[16:]).co_filename == os.path.abspath("test_one.py")
