# SPDX-License-Identifier: GPL-3.0-or-later
# page.py PAGE COMMAND... <OUTPUT compares what `au COMMAND --json` printed with docs/json.md, and prints the rows of the page that it met.
# page.py PAGE <ROWS sees that those rows are some of each command of the page, and all that the file `real` beside this one names.
import datetime
import json
import os.path
import re
import sys

rows, forms, section = {}, {}, None
for line in open(sys.argv[1], encoding="utf-8"):
    heading = re.match(r"^#{2,3} (?:`au ([a-z ]+)`|(.+))$", line.rstrip("\n"))
    form = re.match(r"^It prints (an array|one object|an object a line)\b", line)
    row = re.match(r"^\| (?:`([a-z_]+)(\??)`|…) \| ([^|]+) \| [^|]+ \|$", line.rstrip("\n"))
    if heading:
        section = heading[1] or "[%s]" % heading[2]
        rows[section] = []
    elif form:
        forms[section] = form[1]
    elif row:
        rows[section].append((row[1], row[2] == "?", re.sub(r" \([^)]*\)( or null)?$", r"\1", row[3])))

plain = {"text": str, "path": str, "time": str, "integer": int, "number": (int, float), "true/false": bool}
met = set()


def fail(where, text):
    sys.exit("%s: %s" % (where, text))


def linked(kind):
    link = re.match(r"^\[(.*)\]\(#", kind)
    return link and "[%s]" % link[1]


def value(where, v, kind):
    if kind.endswith(" or null"):
        if v is None:
            return
        kind = kind[: -len(" or null")]
    if kind.startswith("list of "):
        if not isinstance(v, list):
            fail(where, "want a list: %r" % v)
        for one in v:
            value(where + "[]", one, kind[len("list of ") :])
    elif kind.startswith("map of "):
        if not isinstance(v, dict):
            fail(where, "want a map: %r" % v)
        for one in v.values():
            value(where + ".*", one, kind[len("map of ") :])
    elif linked(kind):
        table(where, v, linked(kind))
    elif not isinstance(v, plain[kind]) or isinstance(v, bool) and kind != "true/false":
        fail(where, "want %s: %r" % (kind, v))
    elif kind == "time":
        # Python before 3.11 knows neither Z nor more than microseconds.
        datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", v).replace("Z", "+00:00"))


def keys(name):
    for key, optional, kind in rows[name]:
        if key is None:
            yield from keys(linked(kind))
        else:
            yield name, key, optional, kind


def table(where, v, name):
    if not isinstance(v, dict):
        fail(where, "want an object: %r" % v)
    left = dict(v)
    for of, key, optional, kind in keys(name):
        if key in left:
            met.add("%s %s" % (of, key))
            value("%s.%s" % (where, key), left.pop(key), kind)
        elif not optional:
            fail(where, "lacks %s" % key)
    if left:
        fail(where, "the page does not have %s" % ", ".join(left))


def compare(command, text):
    decoder, n = json.JSONDecoder(), 0
    while text:
        said, end = decoder.raw_decode(text)
        if isinstance(said, list) != (forms[command] == "an array"):
            fail("au " + command, "want %s" % forms[command])
        for one in said if isinstance(said, list) else [said]:
            table("au " + command, one, command)
        text, n = text[end:].lstrip(), n + 1
    if n != 1 and (n == 0 or forms[command] != "an object a line"):
        fail("au " + command, "%d JSON texts" % n)
    print("\n".join(["au " + command] + sorted(met)))


def complete(found):
    with open(os.path.join(os.path.dirname(__file__), "real"), encoding="utf-8") as file:
        wanted = file.read().splitlines()
    wanted = [row for w in wanted for row in (["%s %s" % (w, key) for key, _, _ in rows[w] if key] if w in rows else [w])]
    wanted += ["au " + name for name in rows if not name.startswith("[")]
    missing = [row for row in wanted if row not in found]
    if missing:
        fail("no output had", "\n".join(missing))


if sys.argv[2:]:
    compare(" ".join(sys.argv[2:]), sys.stdin.read().strip())
else:
    complete(sys.stdin.read().splitlines())
