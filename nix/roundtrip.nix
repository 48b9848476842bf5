# SPDX-License-Identifier: GPL-3.0-or-later
# What au reads of a configuration that is the lines of `au list --nix`, on the stand-in for lib.
{ lines }:

let
  lib = import ./stub-nixpkgs/lib.nix;
  program = name: { outPath = "/nix/store/${name}"; };
  pkgs = lib.genAttrs [ "coreutils" "gnused" "iptables" "nftables" "util-linux" ] program // {
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
  import ./module/spec.nix { inherit config lib pkgs; }
else
  throw "an assertion fails"
