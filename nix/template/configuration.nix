# SPDX-License-Identifier: GPL-3.0-or-later
{ pkgs, ... }:

{
  users.users.alice = {
    isNormalUser = true;
    homeMode = "0700"; # agents are others
  };

  security.au = {
    enable = true;
    humans = [ "alice" ];
    agents.agent = {
      cpu = "150%";
      memory = "16G";
      packages = [ pkgs.git ];
      shares."~/example".readOnly = false;
      net = {
        enable = true;
        presets = [ "anthropic" ];
      };
    };
  };

  # This machine's own: nixos-generate-config writes it.
  imports = [ ./hardware-configuration.nix ];
}
