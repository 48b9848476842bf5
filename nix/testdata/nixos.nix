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
    environment.etc = set;
    environment.systemPackages = list;
    networking = {
      enableIPv6 = yes;
      firewall.enable = yes;
      nftables.enable = no;
    };
    security.wrappers = set;
    systemd = {
      packages = list;
      services = set;
      slices = set;
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
