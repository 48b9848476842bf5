# SPDX-License-Identifier: GPL-3.0-or-later
# The module on the stand-in for lib. Evaluates to the names of the tests that fail; all values are compared as JSON.
let
  lib = import ./stub-nixpkgs/lib.nix;
  program = name: { outPath = "/nix/store/${name}"; };
  # A machine that builds for itself, and one that builds for another kind, whose programs it cannot run.
  platform = canExecute: {
    buildPlatform.canExecute = _: canExecute;
    hostPlatform = { };
  };
  cross = pkgs // {
    stdenv = platform false;
    buildPackages.callPackage = _path: _given: { outPath = "/nix/store/build-au"; };
  };
  names = lib.attrValues (import ./module/programs.nix) ++ [
    "coreutils"
    "gnused"
    "iptables"
    "nftables"
    "util-linux"
  ];
  pkgs = lib.genAttrs names program // {
    writeShellScript = name: text: {
      outPath = "/nix/store/${name}";
      inherit text;
    };
    stdenv = platform true;
    callPackage = _path: given: {
      outPath = "/nix/store/rendered";
      inherit given;
    };
  };
  machine = machineOf pkgs;
  machineOf =
    pkgs: extra:
    (lib.evalModules {
      modules = [
        ./testdata/nixos.nix
        ./module
        { security.au.package = program "au"; }
      ]
      ++ extra;
      specialArgs = { inherit pkgs; };
    }).config;
  whole = machine [ ./testdata/machine.nix ];
  small =
    agents:
    machine [
      {
        users.users.alice = { };
        security.au = {
          enable = true;
          humans = [ "alice" ];
          inherit agents;
        };
      }
    ];
  refused = config: !(builtins.tryEval (builtins.deepSeq config null)).success;
  complaints = config: map (a: a.message) (lib.filter (a: !a.assertion) config.assertions);
  uids = lib.importJSON ./testdata/uids.json;
  id = import ./module/ids.nix { inherit lib; };
  specOf = config: import ./module/spec.nix { inherit config lib pkgs; };
  spec = specOf whole;
  claude = toString uids.claude;

  tests = {
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
          ]) (machineOf pkgs [ ./testdata/machine.nix ]).systemd.packages
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
      (builtins.readFile ./testdata/tmpfiles.conf)
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
      (lib.importJSON ./testdata/spec.json)
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
            ./testdata/machine.nix
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
    fine = [
      (complaints whole)
      [ ]
    ];

    same_uid = [
      (complaints (small {
        a.uid = 50001;
        b.uid = 50001;
      }))
      [
        "security.au.agents.b.uid is 50001, and so is security.au.agents.a.uid: set one of them to another number."
      ]
    ];
    uid_of_a_group = [
      (lib.length (
        complaints (small {
          a.uid = 50001;
          b.humansGid = 50001;
        })
      ))
      1
    ];
    nobody_enters = [
      (complaints (machine [
        {
          security.au = {
            enable = true;
            agents.agent = { };
          };
        }
      ]))
      [
        "security.au.agents.agent.humans is empty, so nobody could enter the agent: set it, or security.au.humans."
      ]
    ];
    root_enters = [
      (lib.elem "security.au.agents.agent.humans: take out root and agents; humans are ordinary users." (
        complaints (small {
          agent.humans = [ "root" ];
        })
      ))
      true
    ];
    agents_enter = [
      (lib.length (
        complaints (small {
          a = { };
          b.humans = [ "a" ];
        })
      ))
      1
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
    homes = [
      (map
        (
          home:
          lib.length (
            complaints (small {
              a = { inherit home; };
            })
          )
        )
        [
          "/home/a"
          "/srv/a"
          "/var/lib/agents/a"
          "/home/alice"
          "/home/alice/a"
          "/home"
          "/srv"
          "/etc/a"
          "/home/../etc"
          "/srv/a/"
          "/nix/a"
        ]
      )
      [
        0
        0
        0
        1
        1
        1
        1
        1
        1
        1
        1
      ]
    ];
    one_home_for_two = [
      (lib.length (
        complaints (small {
          a.home = "/srv/a";
          b.home = "/srv/a/b";
        })
      ))
      2
    ];
    port_that_follows_from_the_names = [
      (lib.length (
        complaints (small {
          a.net.enable = true;
          b.net = {
            enable = true;
            proxyPort = 61002;
          };
        })
      ))
      1
    ];
    unknown_human = [
      (complaints (small {
        agent.humans = [
          "alice"
          "alce"
        ];
      }))
      [
        "security.au.agents.agent.humans: there is no users.users.alce: declare them, or correct the name."
      ]
    ];
    no_wrappers = [
      (complaints (machine [
        ./testdata/machine.nix
        { security.enableWrappers = false; }
      ]))
      [
        "security.enableWrappers is false, and agents are entered through a wrapper: set it, or unset security.au.enable."
      ]
    ];
    sources = [
      (map
        (
          source:
          lib.length (
            complaints (small {
              agent.shares.${source}.target = "x";
            })
          )
        )
        [
          "~/a"
          "/srv/a"
          "a"
          "./a"
          "~"
          "/"
          "~/../bob"
          "/srv/../etc"
          "~/a/"
          "/srv//a"
          "~bob/a"
        ]
      )
      [
        0
        0
        1
        1
        1
        1
        1
        1
        1
        1
        1
      ]
    ];
    targets = [
      (map
        (
          target:
          lib.length (
            complaints (small {
              agent.shares."~/a".target = target;
            })
          )
        )
        [
          "a"
          "a/b"
          "../a"
          "a/../../b"
          "a/"
          "."
        ]
      )
      [
        0
        0
        1
        1
        1
        1
      ]
    ];
    paths = [
      (map
        (
          folder:
          lib.length (
            complaints (small {
              agent.path = [ folder ];
            })
          )
        )
        [
          "~/a/bin"
          "/opt/a"
          "~/../a"
          "/opt/a/"
          "/opt//a"
        ]
      )
      [
        0
        0
        1
        1
        1
      ]
    ];
    relative_path = [
      (refused (small { agent.path = [ "a/bin" ]; }).security.au.agents)
      true
    ];
    path_with_a_colon = [
      (refused (small { agent.path = [ "/a:/b" ]; }).security.au.agents)
      true
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
    one_target_for_two = [
      (complaints (small {
        agent.shares = {
          "~/a".target = "x";
          "~/b".target = "x";
          "~/c".target = "y";
        };
      }))
      [
        "security.au.agents.agent.shares: x is the target of more than one: set another target for all but one."
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
    no_variable = [
      (map
        (
          key:
          lib.length (
            complaints (small {
              agent.setEnv.${key} = "";
            })
          )
        )
        [
          "_A1"
          "A-B"
          "1A"
          ""
        ]
      )
      [
        0
        1
        1
        1
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
    unknown_program = [
      (refused (small { agent.programs = [ "claud" ]; }).security.au.agents)
      true
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
              ./testdata/machine.nix
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
          ./testdata/machine.nix
          { systemd.sysusers.enable = true; }
        ]).systemd.services.systemd-sysusers.serviceConfig.ExecStartPost
      )
      [ 3 ]
    ];
    no_expiry_with_a_static_userborn = [
      (lib.length (
        complaints (machine [
          ./testdata/machine.nix
          {
            services.userborn = {
              enable = true;
              static = true;
            };
          }
        ])
      ))
      1
    ];
    bad_name = [
      (lib.length (
        complaints (small {
          "Agent" = { };
        })
      ))
      1
    ];
    allowed_without_net = [
      (lib.length (
        complaints (small {
          agent.net.allow = [ "example.org" ];
        })
      ))
      1
    ];
    same_port = [
      (lib.length (
        complaints (small {
          agent.net = {
            enable = true;
            proxyPort = 5000;
            dnsPort = 5000;
          };
        })
      ))
      1
    ];

    home_of_two_lines = [
      (refused (small { agent.home = "/home/x\ny"; }).security.au.agents)
      true
    ];
    shell_of_two_lines = [
      (refused (small { agent.shell = "/bin/sh\nx"; }).security.au.agents)
      true
    ];
    no_port = [
      (refused (small { agent.net.localhost = [ 0 ]; }).security.au.agents)
      true
    ];
    unknown_option = [
      (refused (small { agent.cpus = "150%"; }).security.au.agents)
      true
    ];
    upstream_without_url = [
      (lib.length (
        complaints (small {
          agent.net = {
            enable = true;
            upstream.loginFile = "/etc/proxy-login";
          };
        })
      ))
      1
    ];
    upstream_with_login_in_url = [
      (refused (small { agent.net.upstream.url = "http://a:b@proxy.example:3128"; }).security.au.agents)
      true
    ];
    unknown_option_of_net = [
      (refused (small { agent.net.preset = "github"; }).security.au.agents)
      true
    ];
    cpu_without_percent = [
      (refused (small { agent.cpu = "1.5"; }).security.au.agents)
      true
    ];
    memory_with_a_space = [
      (refused (small { agent.memory = "16 GB"; }).security.au.agents)
      true
    ];
    tasks_as_text = [
      (refused (small { agent.tasks = "500"; }).security.au.agents)
      true
    ];
    uid_of_a_system_user = [
      (refused (small { agent.uid = 999; }).security.au.agents)
      true
    ];
    humans_as_text = [
      (refused (small { agent.humans = "alice"; }).security.au.agents)
      true
    ];
    backend_unheard_of = [
      (refused (small { agent.net.backend = "ufw"; }).security.au.agents)
      true
    ];
    absolute_target = [
      (refused (small { agent.shares."~/a".target = "/a"; }).security.au.agents)
      true
    ];
    and_right_values_are_taken = [
      (refused
        (small {
          agent = {
            cpu = "150%";
            memory = "16G";
            tasks = 500;
          };
        }).security.au.agents
      )
      false
    ];
  };
  same = pair: builtins.toJSON (builtins.elemAt pair 0) == builtins.toJSON (builtins.elemAt pair 1);
in
{
  failed = lib.filter (name: !same tests.${name}) (lib.attrNames tests);
  passed = lib.count (name: same tests.${name}) (lib.attrNames tests);
  inherit tests spec;
  tmpfiles = lib.concatMapStringsSep "" (line: line + "\n") whole.systemd.tmpfiles.rules;
}
