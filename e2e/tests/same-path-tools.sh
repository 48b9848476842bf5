#!/bin/sh
# An absolute path that interpreters, package managers and shells wrote down, on either side, works on the other where the share is at the human's own path, and
# only there.
# machines: none
# machines by hand: trixie bookworm
# flavour: paths
# npm tree: pnpm@9.15.9
# timeout: 1200
. /opt/e2e/lib.sh
. /opt/e2e/tests/same-path/words.sh

for ask in pwd 'pwd -P' 'realpath .' 'readlink /proc/self/cwd' 'python3 -c "import os; print(os.getcwd())"' 'node -p "process.cwd()"'; do
	seen "$ask says one thing" : "test \"\$(agent $ask)\" = \"\$($ask)\""
done
seen 'a symbolic link to a file by its path' 'echo 1 >file; ln -s $PWD/file link' 'agent cat link'
seen "a shebang with the human's path" 'cp /bin/sh interpreter; printf "#!%s/interpreter\necho tool\n" $PWD >tool; chmod +x tool' 'agent ./tool'
seen "a shebang with the agent's path" 'cp /bin/sh interpreter; agent sh -c "printf \"#!%s/interpreter\necho tool\n\" \$PWD >tool; chmod +x tool"' './tool'

for maker in '' 'agent '; do
	user=agent
	[ -z "$maker" ] || user=
	seen "a virtual environment: made with \"${maker}python3\", pip used with \"$user\"" "${maker}python3 -m venv env" "$user env/bin/pip --version"
	seen "its activate: made with \"${maker}python3\", used with \"$user\"" "${maker}python3 -m venv --without-pip env" \
		"$user sh -c '. env/bin/activate; test \"\$(command -v python)\" = \"\$PWD/env/bin/python\"'"
done
seen 'a package that is installed by the path of its sources' 'python3 -m venv --without-pip env; mkdir src; echo ONE = 1 >src/one.py; echo $PWD/src >"$(echo env/lib/python3.*/site-packages)/one.pth"' \
	'agent env/bin/python -c "import one"'
seen 'pytest: what the human ran is for the agent, too' 'echo "def test_one(): assert int(\"1\") == 2" >test_one.py; python3 -m pytest -q || [ $? = 1 ]' \
	'agent python3 -m pytest -q --lf || [ $? = 1 ]; agent python3 /opt/e2e/tests/same-path/compiled.py; python3 /opt/e2e/tests/same-path/compiled.py'
seen 'direnv: an .envrc that names files by their path' 'mkdir bin; printf "#!/bin/sh\necho tool\n" >bin/tool; chmod +x bin/tool; echo "PATH_add $PWD/bin" >common; printf "source_env %s/common\n" $PWD >.envrc; direnv allow; direnv exec . tool' \
	'agent direnv allow; agent direnv exec . tool'

seen 'node: a module by its file: URL' 'echo "export const one = 1" >one.mjs; echo "import { one } from \"file://$PWD/one.mjs\"; console.log(one)" >use.mjs' 'agent node use.mjs'
seen 'node: a source map that names its source by its path' 'echo "throw new Error(1)" >one.ts; echo "throw new Error(1)
//# sourceMappingURL=one.js.map" >one.js; echo "{\"version\":3,\"sources\":[\"file://$PWD/one.ts\"],\"names\":[],\"mappings\":\"AAAA\"}" >one.js.map' \
	'agent node --enable-source-maps one.js >log 2>&1 || true; file=$(grep -o "/[^ ():]*one\.ts" log | head -n 1); agent test -e "$file"'
dependency='mkdir dep; echo "{\"name\":\"dep\",\"version\":\"1.0.0\",\"bin\":\"x.js\"}" >dep/package.json; printf "#!/usr/bin/env node\nconsole.log(\"dep\")\n" >dep/x.js; chmod +x dep/x.js; echo "{\"name\":\"top\",\"version\":\"1.0.0\",\"dependencies\":{\"dep\":\"file:dep\"}}" >package.json'
quiet='--offline --no-audit --no-fund --loglevel=error'
pnpm=/opt/e2e/npm/node_modules/.bin/pnpm
[ -e $pnpm ] || skip 'pnpm could not be had from npm'
for maker in '' 'agent '; do
	user=agent
	[ -z "$maker" ] || user=
	seen "pnpm: installed with \"$maker\", used and installed again with \"$user\"" "$dependency; echo store-dir=.store >.npmrc; ${maker}$pnpm install --offline" \
		"$user node_modules/.bin/dep; $user $pnpm install --offline --frozen-lockfile >log; if grep -q 'removed and reinstalled' log; then exit 1; fi; $user $pnpm exec dep; node_modules/.bin/dep"
done
