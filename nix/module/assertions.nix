# SPDX-License-Identifier: GPL-3.0-or-later
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.au;
  agents = lib.mapAttrsToList (name: g: g // { inherit name; }) cfg.agents;
  # With those that follow from the order of the names.
  ports = lib.concatMap (
    g:
    lib.optionals (g.net != null) [
      g.net.proxyPort
      g.net.dnsPort
    ]
  ) (lib.attrValues (import ./spec.nix { inherit config lib pkgs; }).agents);
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
  eachShare = f: lib.concatMap (g: lib.mapAttrsToList (source: s: f g source s) g.shares) agents;
  # A path without empty parts, . and .., as the entrypoint wants it.
  clean =
    path:
    !lib.any (
      part:
      lib.elem part [
        ""
        "."
        ".."
      ]
    ) (lib.splitString "/" path);
  # Folders of people and of other agents: root makes the home, and nobody else may write above it.
  homesBeside =
    g:
    lib.filter (h: h != "/var/empty" && h != "/") (
      lib.mapAttrsToList (name: u: u.home or "/home/${name}") (removeAttrs config.users.users [ g.name ])
    );
  within = folder: above: folder == above || lib.removePrefix "${above}/" folder != folder;
  ofTheMachine = [
    "bin"
    "boot"
    "dev"
    "etc"
    "lib"
    "lib64"
    "nix"
    "proc"
    "root"
    "run"
    "sbin"
    "sys"
    "tmp"
    "usr"
  ];
  goodHome =
    g:
    let
      parts = lib.splitString "/" (lib.removePrefix "/" g.home);
    in
    clean (lib.removePrefix "/" g.home)
    && lib.length parts > 1
    && !lib.elem (lib.head parts) ofTheMachine
    && !lib.any (h: within g.home h || within h g.home) (homesBeside g);
  sharedTwice =
    g:
    lib.filter (t: lib.count (s: s.target == t) (lib.attrValues g.shares) > 1) (
      lib.unique (lib.mapAttrsToList (_: s: s.target) g.shares)
    );
  unknown = g: lib.filter (h: !(config.users.users ? ${h})) g.humans;
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
        assertion = !lib.any (h: h == "root" || cfg.agents ? ${h}) g.humans;
        message = "security.au.agents.${g.name}.humans: take out root and agents; humans are ordinary users.";
      })
      ++ each (g: {
        assertion = goodHome g;
        message = "security.au.agents.${g.name}.home: \"${g.home}\" is to be a folder of the agent's own, such as /home/${g.name}: below no folder of the system's, and neither in nor above the home of somebody else, without . and .. .";
      })
      ++ each (g: {
        assertion = unknown g == [ ];
        message = "security.au.agents.${g.name}.humans: there is no users.users.${lib.concatStringsSep " and users.users." (unknown g)}: declare them, or correct the name.";
      })
      ++ eachShare (
        g: source: _s: {
          assertion =
            clean (lib.removePrefix "/" (lib.removePrefix "~/" source))
            && source != lib.removePrefix "/" (lib.removePrefix "~/" source);
          message = "security.au.agents.${g.name}.shares: \"${source}\" is to be an absolute path, or one below ~/, without . and .. and a / at its end.";
        }
      )
      ++ eachShare (
        g: source: s: {
          assertion = clean s.target;
          message = "security.au.agents.${g.name}.shares.\"${source}\".target: \"${s.target}\" is to be below the agent's home, without . and .. .";
        }
      )
      ++ each (g: {
        assertion = !lib.any (folder: !clean (lib.removePrefix "/" (lib.removePrefix "~/" folder))) g.path;
        message = "security.au.agents.${g.name}.path: want absolute paths, or such below ~/, without . and .. and a / at the end.";
      })
      ++ each (g: {
        assertion = !lib.any (key: builtins.match "[A-Za-z_][A-Za-z0-9_]*" key == null) (
          lib.attrNames g.setEnv
        );
        message = "security.au.agents.${g.name}.setEnv: want names of letters, digits and _, the first no digit.";
      })
      ++ each (g: {
        assertion = sharedTwice g == [ ];
        message = "security.au.agents.${g.name}.shares: ${lib.concatStringsSep ", " (sharedTwice g)} is the target of more than one: set another target for all but one.";
      })
      ++ each (g: {
        assertion = g.net.enable || g.net.presets ++ g.net.allow ++ g.net.deny ++ g.net.localhost == [ ];
        message = "security.au.agents.${g.name}.net says what to allow, and everything is allowed: set security.au.agents.${g.name}.net.enable.";
      })
      ++ each (g: {
        assertion =
          g.net.upstream.url != null || g.net.upstream.ca == "" && g.net.upstream.loginFile == null;
        message = "security.au.agents.${g.name}.net.upstream says how to reach a proxy, and names none: set security.au.agents.${g.name}.net.upstream.url.";
      })
      ++ [
        {
          assertion = config.security.enableWrappers;
          message = "security.enableWrappers is false, and agents are entered through a wrapper: set it, or unset security.au.enable.";
        }
        {
          assertion = lib.length (lib.unique ports) == lib.length ports;
          message = "security.au.agents.*.net.proxyPort and dnsPort: give each its own port.";
        }
      ];
  };
}
