# SPDX-License-Identifier: GPL-3.0-or-later
# The tests of configurations that the module takes: each with what it makes of one.
{
  claude,
  cross,
  id,
  lib,
  machine,
  machineOf,
  pkgs,
  program,
  small,
  spec,
  specOf,
  uids,
  whole,
  ...
}:
{
  ids = [
    (lib.mapAttrs (name: _: id name) uids)
    uids
  ];
  user = [
    {
      inherit (whole.users.users.claude)
        uid
        group
        home
        homeMode
        isSystemUser
        createHome
        expires
        shell
        description
        ;
    }
    {
      uid = uids.claude;
      group = "claude";
      home = "/home/claude";
      homeMode = "2770";
      isSystemUser = true;
      createHome = false;
      expires = "1970-01-02";
      shell = "/nonexistent/nologin";
      description = "au agent ${spec.agents.claude.tag}";
    }
  ];
  former_word_for_unlock = [
    (specOf (small {
      a = {
        unlock = [ "nix" ];
        allow = [
          "userns"
          "nix"
        ];
      };
    })).agents.a.allow
    [
      "nix"
      "userns"
    ]
  ];
  humans_only_in_the_group = [
    whole.users.groups.su-as-claude
    {
      gid = uids.su-as-claude;
      members = [
        "alice"
        "bob"
      ];
    }
  ];
  private_group = [
    whole.users.groups.claude.gid
    uids.claude
  ];
  wrapper = [
    whole.security.wrappers.su-as-claude
    {
      source = "/nix/store/au/libexec/au/su_as_agent";
      owner = "root";
      group = "su-as-claude";
      setuid = true;
      permissions = "u+rx,g+x";
    }
  ];
  slice = [
    whole.systemd.slices."user-${claude}"
    {
      overrideStrategy = "asDropin";
      sliceConfig = {
        CPUQuota = "150%";
        MemoryMax = "16G";
        MemorySwapMax = "0";
        TasksMax = 500;
      };
    }
  ];
  written_by_what_the_builder_can_run = [
    (map
      (
        pkgs:
        lib.concatMap (p: [
          p.given.au.outPath
          p.given.spec.program
        ]) (machineOf pkgs [ ../testdata/machine.nix ]).systemd.packages
      )
      [
        pkgs
        cross
      ]
    )
    [
      [
        "/nix/store/au"
        "/nix/store/au/libexec/au/au-complete"
      ]
      [
        "/nix/store/build-au"
        "/nix/store/au/libexec/au/au-complete"
      ]
    ]
  ];
  no_limits_unasked = [
    whole.systemd.slices."user-${toString uids.agent}".sliceConfig
    { }
  ];
  tmpfiles = [
    (lib.concatMapStringsSep "" (line: line + "\n") whole.systemd.tmpfiles.rules)
    (builtins.readFile ../testdata/tmpfiles.conf)
  ];
  policies_are_files = [
    (lib.mapAttrs (_name: f: f.mode) whole.environment.etc)
    {
      "au/agents/agent" = "0644";
      "au/agents/claude" = "0644";
      "au/agents.json" = "0644";
      "au/net/claude.toml" = "0644";
    }
  ];
  spec = [
    spec
    (lib.importJSON ../testdata/spec.json)
  ];
  agents_json = [
    (builtins.fromJSON whole.environment.etc."au/agents.json".text)
    spec
  ];
  keeper_survives_a_switch = [
    whole.systemd.services.au-claude
    {
      wantedBy = [ "multi-user.target" ];
      restartIfChanged = false;
      unitConfig.RefuseManualStop = false;
    }
  ];
  rules_survive_a_switch = [
    { inherit (whole.systemd.services."au-net-rules@claude") reloadIfChanged; }
    { reloadIfChanged = true; }
  ];
  net_units = [
    (lib.mapAttrs (_name: s: s.wantedBy or [ ]) (
      lib.filterAttrs (name: _s: lib.removePrefix "au-net" name != name) whole.systemd.services
    ))
    {
      "au-net-rules@claude" = [ "sysinit.target" ];
      "au-net-watch@claude" = [ "multi-user.target" ];
      au-net-watch = [ ];
      "au-net@claude" = [ ];
    }
  ];
  net_socket = [
    (lib.attrNames whole.systemd.sockets)
    [ "au-net@claude" ]
  ];
  daemon_user = [
    whole.users.users.aunet-claude.isSystemUser
    true
  ];
  backend_follows_the_firewall = [
    (map
      (
        extra:
        (machine [
          ../testdata/machine.nix
          extra
        ]).security.au.agents.agent.net.backend
      )
      [
        { }
        { networking.nftables.enable = true; }
        { networking.firewall.enable = false; }
      ]
    )
    [
      "iptables"
      "nft"
      "nft"
    ]
  ];
  nothing_without_enable = [
    (machine [ { security.au.agents.agent = { }; } ]).users.users
    { }
  ];
  human_named_twice = [
    (small {
      a.humans = [
        "alice"
        "alice"
      ];
    }).users.groups.su-as-a.members
    [ "alice" ]
  ];
  path_of_a_run = [
    (specOf (small {
      agent.path = [
        "~/a/bin"
        "/opt/b"
      ];
    })).agents.agent.morePath
    [
      "~/a/bin"
      "/opt/b"
    ]
  ];
  same_path_unless_told = [
    (map (s: s.samePath)
      (specOf (small {
        agent.shares = {
          "~/.gitconfig" = { };
          "~/b".samePath = false;
        };
      })).agents.agent.shares
    )
    [
      true
      false
    ]
  ];
  what_is_hidden_is_passed_on = [
    (map
      (s: [
        s.hide
        s.showSecrets
      ])
      (specOf (small {
        agent.shares = {
          "~/a".hide = [ "*.key" ];
          "~/b" = {
            draft = true;
            showSecrets = true;
          };
        };
      })).agents.agent.shares
    )
    [
      [
        [ "*.key" ]
        false
      ]
      [
        [ ]
        true
      ]
    ]
  ];
  a_draft_is_read_only_for_what_knows_of_none = [
    (map
      (s: [
        s.draft
        s.readOnly
      ])
      (specOf (small {
        agent.shares."~/a" = {
          draft = true;
          readOnly = false;
        };
      })).agents.agent.shares
    )
    [
      [
        true
        true
      ]
    ]
  ];
  shell_may_be_a_package = [
    (map
      (
        shell:
        (specOf (small {
          agent = { inherit shell; };
        })).agents.agent.shell
      )
      [
        "/bin/sh"
        (program "fish" // { shellPath = "/bin/fish"; })
      ]
    )
    [
      "/bin/sh"
      "/nix/store/fish/bin/fish"
    ]
  ];
  variables_of_every_run = [
    (specOf (small {
      agent.setEnv = {
        EDITOR = "vi";
        A = "x = y";
      };
    })).agents.agent.setEnv
    [
      "A=x = y"
      "EDITOR=vi"
    ]
  ];
  programs_are_packages = [
    (small {
      agent = {
        packages = [ (program "git") ];
        programs = [
          "claude"
          "codex"
        ];
      };
    }).users.users.agent.packages
    (map program [
      "git"
      "claude-code"
      "codex"
    ])
  ];
  tasks_without_a_limit = [
    (small { agent.tasks = "infinity"; }).systemd.slices."user-${toString uids.agent}".sliceConfig
    { TasksMax = "infinity"; }
  ];
  weights = [
    (small {
      agent = {
        cpuWeight = 50;
        ioWeight = 20;
      };
    }).systemd.slices."user-${toString uids.agent}".sliceConfig
    {
      CPUWeight = 50;
      IOWeight = 20;
    }
  ];
  # Perl's script knows of expiry; what else makes users is followed by a script that does, before it makes its files read-only.
  expiry_with_userborn = [
    (map
      (
        extra:
        (lib.concatMapStringsSep "" (s: s.text) (
          (machine [
            ../testdata/machine.nix
            extra
          ]).systemd.services.userborn.serviceConfig.ExecStartPost or [ ]
        ))
      )
      [
        { }
        { services.userborn.enable = true; }
        {
          services.userborn = {
            enable = true;
            passwordFilesLocation = "/var/lib/nixos";
          };
        }
      ]
    )
    [
      ""
      "/nix/store/gnused/bin/sed -i -E 's/^(agent:([^:]*:){6})[^:]*/\\11/' /etc/shadow\n/nix/store/gnused/bin/sed -i -E 's/^(claude:([^:]*:){6})[^:]*/\\11/' /etc/shadow"
      "/nix/store/gnused/bin/sed -i -E 's/^(agent:([^:]*:){6})[^:]*/\\11/' /var/lib/nixos/shadow\n/nix/store/gnused/bin/sed -i -E 's/^(claude:([^:]*:){6})[^:]*/\\11/' /var/lib/nixos/shadow"
    ]
  ];
  expiry_with_sysusers = [
    (map (s: lib.length (lib.splitString "/etc/shadow" s.text))
      (machine [
        ../testdata/machine.nix
        { systemd.sysusers.enable = true; }
      ]).systemd.services.systemd-sysusers.serviceConfig.ExecStartPost
    )
    [ 3 ]
  ];
}
