# SPDX-License-Identifier: GPL-3.0-or-later
# Agents' accounts have expired, also where what makes the users knows of no expiry: userborn and systemd-sysusers.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.au;
  userborn = config.services.userborn;
  etc = config.system.etc.overlay;
  shadow =
    if userborn.enable then
      "${userborn.passwordFilesLocation}/shadow"
    else if etc.enable && !etc.mutable then
      "/var/lib/nixos/etc/shadow"
    else
      "/etc/shadow";
  # The eighth field of shadow(5). Their service runs it before it makes the files read-only.
  expire = pkgs.writeShellScript "au-expire" (
    lib.concatMapStringsSep "\n" (
      name: "${pkgs.gnused}/bin/sed -i -E 's/^(${name}:([^:]*:){6})[^:]*/\\11/' ${shadow}"
    ) (lib.attrNames cfg.agents)
  );
  after = {
    serviceConfig.ExecStartPost = lib.mkBefore [ expire ];
  };
in
{
  config = lib.mkIf (cfg.enable && cfg.agents != { }) {
    systemd.services = lib.mkMerge [
      (lib.mkIf (userborn.enable && !userborn.static) { userborn = after; })
      (lib.mkIf config.systemd.sysusers.enable { systemd-sysusers = after; })
    ];
    assertions = [
      {
        assertion = !(userborn.enable && userborn.static);
        message = "services.userborn.static makes accounts that do not expire, so an agent could log in to itself: unset it, or security.au.enable.";
      }
    ];
  };
}
