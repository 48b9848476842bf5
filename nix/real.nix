# SPDX-License-Identifier: GPL-3.0-or-later
# The module as it comes out on the real module system and NixOS tree, with the test machine's agents; a failing assertion is an error.
# users: what makes the users, perl (NixOS's default), userborn or sysusers. host: for which kind of machine x86_64 builds.
{
  nixpkgs,
  users ? "perl",
  host ? "x86_64-linux",
}:

let
  people =
    if users == "sysusers" then
      {
        isSystemUser = true;
        group = "users";
      } # it makes no others
    else
      { isNormalUser = true; };
  inherit
    (import (nixpkgs + "/nixos/lib/eval-config.nix") {
      # as a string it would be copied into the store each time
      system = null;
      modules = [
        ./module
        ./testdata/machine.nix
        (
          { lib, ... }:
          {
            nixpkgs.hostPlatform = host;
            nixpkgs.buildPlatform = "x86_64-linux";
            boot.loader.grub.enable = false;
            fileSystems."/" = {
              device = "none";
              fsType = "tmpfs";
            };
            system.stateVersion = "25.11";
            users = {
              allowNoPasswordLogin = true;
              users.alice = people;
              users.bob = people;
            };
            services.userborn.enable = lib.mkForce (users == "userborn");
            systemd.sysusers.enable = users == "sysusers";
            # Neither is for a machine whose users a script of the activation makes.
            system.etc.overlay.enable = users != "perl";
            boot.initrd.systemd.enable = users != "perl";
          }
        )
      ];
    })
    config
    pkgs
    ;
  wrong = builtins.filter (a: !a.assertion) config.assertions;
  expire = name: config.systemd.services.${name}.serviceConfig.ExecStartPost or [ ];
in
if wrong != [ ] then
  throw (builtins.concatStringsSep "\n" (map (a: a.message) wrong))
else
  {
    user = {
      inherit (config.users.users.claude)
        uid
        group
        home
        homeMode
        expires
        shell
        ;
    };
    wrapper = {
      inherit (config.security.wrappers.su-as-claude)
        owner
        group
        setuid
        permissions
        ;
    };
    slice = config.systemd.slices."user-54237".sliceConfig;
    tmpfiles = builtins.filter (
      line: builtins.match ".*claude.*" line != null
    ) config.systemd.tmpfiles.rules;
    services = builtins.filter (name: builtins.match "au-.*" name != null) (
      builtins.attrNames config.systemd.services
    );
    expire = map toString (
      if users == "perl" then
        [ ]
      else
        expire (if users == "userborn" then "userborn" else "systemd-sysusers")
    );
    # The name of each program for `au setup`, and for its package.
    programs = builtins.mapAttrs (_: package: pkgs.${package}.meta.mainProgram) (
      import ./module/programs.nix
    );
    toplevel = config.system.build.toplevel.drvPath;
  }
