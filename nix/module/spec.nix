# SPDX-License-Identifier: GPL-3.0-or-later
# The agents as au reads them: /etc/au/agents.json, and what the files in rendered.nix are made of.
{
  config,
  lib,
  pkgs,
}:

let
  cfg = config.security.au;
  names = lib.attrNames cfg.agents;
  # Two ports an agent, in the order of the names, where none are given.
  portsOf = lib.listToAttrs (lib.imap0 (i: name: lib.nameValuePair name (61001 + 2 * i)) names);
  orElse = value: other: if value == null then other else value;
in
{
  inherit (config.users) mutableUsers;
  sleep = "${pkgs.coreutils}/bin/sleep";
  program = "${cfg.package}/libexec/au/au-complete";
  agents = lib.mapAttrs (name: g: {
    inherit (g) uid home keepEnv;
    allow = lib.unique (g.unlock ++ g.allow);
    setEnv = lib.mapAttrsToList (key: value: "${key}=${value}") g.setEnv;
    shell =
      if builtins.isAttrs g.shell then
        "${g.shell}${g.shell.shellPath or "/bin/${g.shell.meta.mainProgram or "sh"}"}"
      else
        g.shell;
    gid = g.uid;
    group = g.humansGid;
    # Also in the user's comment: what binds a policy to its user.
    tag = builtins.substring 0 16 (builtins.hashString "sha256" "au ${name} ${toString g.uid}");
    path = "/etc/profiles/per-user/${name}/bin:/run/current-system/sw/bin";
    morePath = g.path;
    humans = map (human: {
      name = human;
      inherit (config.users.users.${human} or { uid = null; }) uid;
    }) g.humans;
    shares = lib.mapAttrsToList (source: s: {
      inherit source;
      inherit (s)
        draft
        hide
        samePath
        showSecrets
        ;
      readOnly = s.readOnly || s.draft;
      target = "${g.home}/${s.target}";
    }) g.shares;
    limits = {
      inherit (g) cpu memory swap;
      tasks = if g.tasks == null then null else toString g.tasks;
      cpuWeight = if g.cpuWeight == null then null else toString g.cpuWeight;
      ioWeight = if g.ioWeight == null then null else toString g.ioWeight;
    };
    net =
      if !g.net.enable then
        null
      else
        {
          inherit (g.net)
            presets
            allow
            deny
            dns
            ech
            localhost
            backend
            ;
          upstream =
            if g.net.upstream.url == null then
              null
            else
              {
                inherit (g.net.upstream) url ca;
                login = orElse g.net.upstream.loginFile "";
              };
          proxyPort = orElse g.net.proxyPort portsOf.${name};
          dnsPort = orElse g.net.dnsPort (portsOf.${name} + 1);
        };
  }) cfg.agents;
}
