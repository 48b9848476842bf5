# SPDX-License-Identifier: GPL-3.0-or-later
# The options of NixOS that the module sets or reads, as far as it does.
{ lib, ... }:

let
  inherit (lib) mkOption types;
  set = mkOption {
    type = types.attrsOf (types.attrsOf types.raw);
    default = { };
  };
  list = mkOption {
    type = types.listOf types.raw;
    default = [ ];
  };
  yes = mkOption {
    type = types.bool;
    default = true;
  };
  no = yes // {
    default = false;
  };
in
{
  options = {
    assertions = list;
    meta.maintainers = list;
    environment.etc = set;
    environment.systemPackages = list;
    networking = {
      enableIPv6 = yes;
      firewall.enable = yes;
      nftables.enable = no;
    };
    security.enableWrappers = yes;
    security.wrappers = set;
    services.userborn = {
      enable = no;
      static = no;
      passwordFilesLocation = mkOption {
        type = types.str;
        default = "/etc";
      };
    };
    system.etc.overlay = {
      enable = no;
      mutable = yes;
    };
    systemd = {
      packages = list;
      services = set;
      slices = set;
      sysusers.enable = no;
      sockets = set;
      tmpfiles.rules = list;
    };
    users = {
      groups = set;
      mutableUsers = yes;
      users = set;
    };
  };
}
