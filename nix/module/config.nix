# SPDX-License-Identifier: GPL-3.0-or-later
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.security.au;
  spec = import ./spec.nix { inherit config lib pkgs; };
  rendered = import ./rendered.nix { inherit config lib pkgs; };
  group = name: "su-as-${name}";
  programs = import ./programs.nix;
  each = f: lib.mapAttrs' f cfg.agents;

  # Mode bits alone would not do: what the agent makes, the humans can edit, and the other way round. The mask is spelled out,
  # because a chmod of the home changes it.
  homeRules =
    name: g:
    let
      acl = names: "a+ ${g.home} - - - - ${lib.concatStringsSep "," (names ++ map (n: "d:${n}") names)}";
    in
    [
      "d ${g.home} 2770 ${name} ${group name} -"
      "${
        acl [
          "u:${name}:rwx"
          "g:${group name}:rwx"
          "m::rwx"
        ]
      },d:u::rwx,d:g::rwx,d:o::---"
    ]
    # A line each: tmpfiles leaves a line out in which one name is unknown.
    ++ map (
      h:
      acl [
        "u:${h}:rwx"
        "m::rwx"
      ]
    ) g.humans
    ++ [
      # ssh and gpg refuse what others can read.
      "d ${g.home}/.ssh 0700 ${name} ${name} -"
      "d ${g.home}/.gnupg 0700 ${name} ${name} -"
    ];

  # As slices.TemporaryAge has it.
  ageRules = name: [
    "e /run/au/${name}/tmp - - - 10d"
    "e /run/au/${name}/var-tmp - - - 30d"
  ];
in
{
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];

    users.users = each (
      name: g:
      lib.nameValuePair name {
        inherit (g) uid home;
        packages = g.packages ++ map (program: pkgs.${programs.${program}}) g.programs;
        # A shell that does not exist: no login, whatever becomes of the expiry. The one of its runs is in the policy.
        shell = "/nonexistent/nologin";
        isSystemUser = true; # of no use to login managers
        group = name;
        description = "au agent ${spec.agents.${name}.tag}";
        createHome = false; # homeRules make it
        homeMode = "2770";
        expires = "1970-01-02"; # no su, ssh or cron
      }
    );

    users.groups = lib.mkMerge [
      (each (name: g: lib.nameValuePair name { gid = g.uid; }))
      (each (
        name: g:
        lib.nameValuePair (group name) {
          gid = g.humansGid;
          members = g.humans;
        }
      ))
    ];

    # Real files: the entrypoint follows no link to its policy.
    environment.etc = lib.mkMerge [
      (each (
        name: _g:
        lib.nameValuePair "au/agents/${name}" {
          source = "${rendered}/agents/${name}";
          mode = "0644";
        }
      ))
      {
        "au/agents.json" = {
          text = builtins.toJSON spec;
          mode = "0644";
        };
      }
    ];

    security.wrappers = each (
      name: _g:
      lib.nameValuePair (group name) {
        source = "${cfg.package}/libexec/au/su_as_agent";
        owner = "root"; # the agent as its owner would keep the caller's groups
        group = group name;
        setuid = true;
        permissions = "u+rx,g+x"; # on top of 0000 and u+s; u=rx would take the set-uid bit away again
      }
    );

    systemd = {
      tmpfiles.rules = lib.concatLists (
        lib.mapAttrsToList (name: g: homeRules name g ++ ageRules name) cfg.agents
      );

      # The units' text is au's own.
      packages = [ rendered ];

      services = each (
        name: _g:
        lib.nameValuePair "au-${name}" {
          wantedBy = [ "multi-user.target" ];
          # A new keeper would end all that the agent runs.
          restartIfChanged = false;
          # A switch stops the keeper of an agent that is not declared any more, and with it all that runs there.
          unitConfig.RefuseManualStop = false;
        }
      );

      slices = each (
        _name: g:
        lib.nameValuePair "user-${toString g.uid}" {
          overrideStrategy = "asDropin";
          sliceConfig =
            lib.optionalAttrs (g.cpu != null) { CPUQuota = g.cpu; }
            // lib.optionalAttrs (g.memory != null) { MemoryMax = g.memory; }
            // lib.optionalAttrs (g.swap != null) { MemorySwapMax = g.swap; }
            // lib.optionalAttrs (g.tasks != null) { TasksMax = g.tasks; }
            // lib.optionalAttrs (g.cpuWeight != null) { CPUWeight = g.cpuWeight; }
            // lib.optionalAttrs (g.ioWeight != null) { IOWeight = g.ioWeight; };
        }
      );
    };
  };
}
