# SPDX-License-Identifier: GPL-3.0-or-later
{ config, lib, ... }:

let
  cfg = config.security.au;
  agents = lib.mapAttrsToList (name: g: g // { inherit name; }) cfg.agents;
  ports = lib.concatMap (
    g: lib.optionals g.net.enable (lib.filter (p: p != null) [ g.net.proxyPort g.net.dnsPort ])
  ) agents;
  ids = lib.concatMap (g: [
    {
      option = "security.au.agents.${g.name}.uid";
      value = g.uid;
    }
    {
      option = "security.au.agents.${g.name}.humansGid";
      value = g.humansGid;
    }
  ]) agents;
  # Of those who share an id, the later one is told to give way.
  clashes = lib.concatLists (
    lib.imap0 (
      i: a:
      lib.concatLists (
        lib.imap0 (
          j: b:
          lib.optional (j < i && a.value == b.value) {
            assertion = false;
            message = "${a.option} is ${toString a.value}, and so is ${b.option}: set one of them to another number.";
          }
        ) ids
      )
    ) ids
  );
  each = f: map f agents;
in
{
  config = lib.mkIf cfg.enable {
    assertions =
      clashes
      ++ each (g: {
        assertion = builtins.match "[a-z_][a-z0-9_-]{0,24}" g.name != null;
        message = "security.au.agents.${g.name}: choose a name of 1 to 25 characters, a to z, 0 to 9, _ and -, the first a letter or _.";
      })
      ++ each (g: {
        assertion = g.humans != [ ];
        message = "security.au.agents.${g.name}.humans is empty, so nobody could enter the agent: set it, or security.au.humans.";
      })
      ++ each (g: {
        assertion = !lib.elem "root" g.humans && !lib.elem g.name g.humans;
        message = "security.au.agents.${g.name}.humans: take out root and the agent itself; humans are ordinary users.";
      })
      ++ each (g: {
        assertion = g.net.enable || g.net.presets ++ g.net.allow ++ g.net.localhost == [ ];
        message = "security.au.agents.${g.name}.net says what to allow, and everything is allowed: set security.au.agents.${g.name}.net.enable.";
      })
      ++ [
        {
          assertion = lib.length (lib.unique ports) == lib.length ports;
          message = "security.au.agents.*.net.proxyPort and dnsPort: give each its own port.";
        }
      ];
  };
}
