# SPDX-License-Identifier: GPL-3.0-or-later
# The agents that au reads of a configuration that is the lines of `au list --nix`, on the stand-in for lib, and which packages its agent gets.
{ lines }:

let
  lib = import ./stub-nixpkgs/lib.nix;
  program = name: { outPath = "/nix/store/${name}"; };
  names = lib.attrValues (import ./module/programs.nix) ++ [
    "coreutils"
    "gnused"
    "iptables"
    "nftables"
    "util-linux"
  ];
  pkgs = lib.genAttrs names program // {
    callPackage = _: _: { outPath = "/nix/store/rendered"; };
  };
  inherit
    (lib.evalModules {
      modules = [
        ./testdata/nixos.nix
        ./module
        lines
        {
          users.users.alice.uid = 1000;
          users.users.bob.uid = 1001;
          security.au.package = program "au";
        }
      ];
      specialArgs = { inherit pkgs; };
    })
    config
    ;
in
if builtins.all (a: a.assertion) config.assertions then
  {
    spec = import ./module/spec.nix { inherit config lib pkgs; };
    packages = map (p: p.outPath) config.users.users.agent.packages;
  }
else
  throw "an assertion fails"
