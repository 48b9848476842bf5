# SPDX-License-Identifier: GPL-3.0-or-later
# The network of agents with net.enable: the network policy, who enforces it, and when.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.au;
  restricted = lib.filterAttrs (_name: g: g.net.enable) cfg.agents;
  rendered = import ./rendered.nix { inherit config lib pkgs; };
  each = f: lib.mapAttrs' f restricted;
  # The rules are loaded again when the machine's own firewall has been.
  firewalls = [
    "firewall.service"
    "nftables.service"
  ];
in
{
  config = lib.mkIf cfg.enable {
    users.users = each (
      name: _g:
      lib.nameValuePair "aunet-${name}" {
        isSystemUser = true;
        group = "aunet-${name}";
        description = "au net daemon of ${name}";
      }
    );
    users.groups = each (name: _g: lib.nameValuePair "aunet-${name}" { });

    environment.etc = each (
      name: _g:
      lib.nameValuePair "au/net/${name}.toml" {
        source = "${rendered}/net/${name}.toml";
        mode = "0644";
      }
    );

    systemd = {
      tmpfiles.rules = lib.mapAttrsToList (
        name: _g: "d /var/log/au/${name} 2750 aunet-${name} su-as-${name} -"
      ) restricted;

      services = lib.mkMerge [
        (lib.mkIf (restricted != { }) { au-net-watch.stopIfChanged = false; })
        (each (
          name: _g:
          lib.nameValuePair "au-net-rules@${name}" {
            wantedBy = [ "sysinit.target" ];
            after = firewalls;
            unitConfig.ReloadPropagatedFrom = firewalls;
            # Never stopped by a switch that keeps it: with the rules would go the agent's slice.
            reloadIfChanged = true;
            restartTriggers = [ "${rendered}/net/${name}.toml" ];
          }
        ))
        (each (
          name: _g:
          lib.nameValuePair "au-net-watch@${name}" {
            wantedBy = [ "multi-user.target" ];
            stopIfChanged = false;
          }
        ))
        (each (
          name: _g:
          lib.nameValuePair "au-net@${name}" {
            # Its sockets start it.
            stopIfChanged = false;
            serviceConfig.ExecReload = [
              ""
              "${pkgs.util-linux}/bin/kill -HUP $MAINPID"
            ];
          }
        ))
      ];
      sockets = each (name: _g: lib.nameValuePair "au-net@${name}" { wantedBy = [ "sockets.target" ]; });
    };
  };
}
