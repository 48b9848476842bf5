# SPDX-License-Identifier: GPL-3.0-or-later
# What the module comes to on the real module system and NixOS tree, with the test machine's agents; a failing assertion is an error.
{ nixpkgs }:

let
  inherit
    (import "${nixpkgs}/nixos/lib/eval-config.nix" {
      system = "x86_64-linux";
      modules = [
        ./module
        ./testdata/machine.nix
        {
          boot.loader.grub.enable = false;
          fileSystems."/".device = "none";
          system.stateVersion = "25.11";
          users.users.alice.isNormalUser = true;
          users.users.bob.isNormalUser = true;
        }
      ];
    })
    config
    ;
  wrong = builtins.filter (a: !a.assertion) config.assertions;
in
if wrong != [ ] then
  throw (builtins.concatStringsSep "\n" (map (a: a.message) wrong))
else
  {
    user = { inherit (config.users.users.claude) uid group home homeMode expires; };
    wrapper = { inherit (config.security.wrappers.su-as-claude) owner group setuid permissions; };
    slice = config.systemd.slices."user-54237".sliceConfig;
    tmpfiles = builtins.filter (line: builtins.match ".*claude.*" line != null) config.systemd.tmpfiles.rules;
    services = builtins.filter (name: builtins.match "au-.*" name != null) (builtins.attrNames config.systemd.services);
    toplevel = config.system.build.toplevel.drvPath;
  }
