# SPDX-License-Identifier: GPL-3.0-or-later
# The module on the stand-in for lib. Evaluates to the names of the tests that fail; all values are compared as JSON. tests/ holds the tests, each a pair.
let
  lib = import ./stub-nixpkgs/lib.nix;
  program = name: { outPath = "/nix/store/${name}"; };
  # A machine that builds for itself, and one that builds for another kind, whose programs it cannot run.
  platform = canExecute: {
    buildPlatform.canExecute = _: canExecute;
    hostPlatform = { };
  };
  cross = pkgs // {
    stdenv = platform false;
    buildPackages.callPackage = _path: _given: { outPath = "/nix/store/build-au"; };
  };
  names = lib.attrValues (import ./module/programs.nix) ++ [
    "coreutils"
    "gnused"
    "iptables"
    "nftables"
    "util-linux"
  ];
  pkgs = lib.genAttrs names program // {
    writeShellScript = name: text: {
      outPath = "/nix/store/${name}";
      inherit text;
    };
    stdenv = platform true;
    callPackage = _path: given: {
      outPath = "/nix/store/rendered";
      inherit given;
    };
  };
  machine = machineOf pkgs;
  machineOf =
    pkgs: extra:
    (lib.evalModules {
      modules = [
        ./testdata/nixos.nix
        ./module
        { security.au.package = program "au"; }
      ]
      ++ extra;
      specialArgs = { inherit pkgs; };
    }).config;
  whole = machine [ ./testdata/machine.nix ];
  small =
    agents:
    machine [
      {
        users.users.alice = { };
        security.au = {
          enable = true;
          humans = [ "alice" ];
          inherit agents;
        };
      }
    ];
  uids = lib.importJSON ./testdata/uids.json;
  id = import ./module/ids.nix { inherit lib; };
  specOf = config: import ./module/spec.nix { inherit config lib pkgs; };
  spec = specOf whole;
  claude = toString uids.claude;
  given = {
    inherit
      claude
      cross
      id
      lib
      machine
      machineOf
      pkgs
      program
      small
      spec
      specOf
      uids
      whole
      ;
    refused = config: !(builtins.tryEval (builtins.deepSeq config null)).success;
    complaints = config: map (a: a.message) (lib.filter (a: !a.assertion) config.assertions);
  };
  tests = import ./tests/made.nix given // import ./tests/refused.nix given;
  same = pair: builtins.toJSON (builtins.elemAt pair 0) == builtins.toJSON (builtins.elemAt pair 1);
in
{
  failed = lib.filter (name: !same tests.${name}) (lib.attrNames tests);
  passed = lib.count (name: same tests.${name}) (lib.attrNames tests);
  inherit tests spec;
  tmpfiles = lib.concatMapStringsSep "" (line: line + "\n") whole.systemd.tmpfiles.rules;
}
