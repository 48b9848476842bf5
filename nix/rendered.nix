# SPDX-License-Identifier: GPL-3.0-or-later
# The files that au makes of a specification: policies, network policies, units, rules. A wrong setting fails here, while the system is built.
{
  runCommand,
  writeText,
  au,
  spec,
}:

runCommand "au-rendered" { } ''
  mkdir -p "$out"
  ${au}/bin/au render ${writeText "agents.json" (builtins.toJSON spec)} "$out"
''
