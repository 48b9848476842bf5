#!/bin/sh
# Builds work in a writable share, and either side removes what the other made.
# machines: trixie
# machines by hand: bookworm
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
as alice mkdir -m 700 work
ok as alice au mount add --rw work
as alice sh -c 'mkdir -p work/node/dep work/c && cd work/node && echo "{\"name\":\"dep\",\"version\":\"1.0.0\",\"bin\":\"x.js\"}" > dep/package.json &&
	printf "#!/usr/bin/env node\nconsole.log(42)\n" > dep/x.js && chmod +x dep/x.js &&
	echo "{\"name\":\"top\",\"version\":\"1.0.0\",\"dependencies\":{\"dep\":\"file:dep\"}}" > package.json
	printf "int main(void) { return 0; }\n" > ../c/main.c; printf "main: main.c\n\tcc -o main main.c\n" > ../c/Makefile'

promise="make, by each side after the other"
ok as alice sh -c 'cd work/c && au run make && ./main && touch main.c && make && touch main.c && au run sh -c "make && ./main"'
ok as alice stat -c '%U %A' work/c/main
says 'alice -rwx'

promise="npm"
ok as alice sh -c 'cd work/node && au run npm install --offline --no-audit --no-fund --install-links && au run node_modules/.bin/dep && node_modules/.bin/dep'
says 42
ok as alice sh -c 'cd work/node && rm -rf node_modules package-lock.json && npm install --offline --no-audit --no-fund --install-links && au run node_modules/.bin/dep'
ok as alice au run rm -rf work/node/node_modules
fails 1 test -e /home/alice/work/node/node_modules

promise="a Python environment, compiled files included"
ok as alice sh -c 'cd work && au run python3 -m venv --without-pip env && au run env/bin/python -c "import sys; print(sys.prefix)"'
says_exactly /home/alice/work/env
ok as alice sh -c 'cd work && echo "x = 1" > module.py && au run python3 -c "import module" && python3 -c "import module" && ls __pycache__'
says module
ok as alice rm -rf work/env work/__pycache__

promise="rsync -a, cp -a, tar and install -d"
ok as alice sh -c 'cd work && au run sh -c "rsync -a c/ copy/ && cp -a copy copy2 && tar cf t.tar copy2 && tar xpf t.tar && install -d -m 750 -D deep/er"'
ok find /home/alice/work ! -user alice
silent
ok as alice sh -c 'rm -rf work/* && ls -A work'
silent
