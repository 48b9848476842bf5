# SPDX-License-Identifier: GPL-3.0-or-later
# A human runs `au doctor --fix` at a terminal: nothing of the agent's asks for a password there, or takes its title.
import sys

sys.path.insert(0, "/opt/e2e/tests/terminal")
from human import Human, fail, want

alice = Human()
alice.types("au doctor --fix -y; echo it took $((6 * 7))\n")
if "password" in alice.sees("(password for alice|it took 42)", within=200):
    alice.types("a secret\n")
    fail("the agent asks for alice's password on her terminal", alice)
want("\x1b]0;taken" not in alice.text(), "the agent has written to alice's terminal", alice)
