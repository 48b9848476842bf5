# SPDX-License-Identifier: GPL-3.0-or-later
# The files that go to nixpkgs are as its reviewers ask: formatted by nixfmt, with no name that nothing uses, and without what statix knows better.
{
  runCommand,
  deadnix,
  nixfmt,
  statix,
}:

runCommand "au-lint"
  {
    nativeBuildInputs = [
      deadnix
      nixfmt
      statix
    ];
  }
  ''
    cp -R ${./module} module
    cp ${./package.nix} package.nix
    cp ${./entrypoint.nix} entrypoint.nix
    nixfmt --check package.nix entrypoint.nix module/*.nix
    deadnix --fail package.nix entrypoint.nix module
    statix check .
    touch "$out"
  ''
