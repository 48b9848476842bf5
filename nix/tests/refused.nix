# SPDX-License-Identifier: GPL-3.0-or-later
# The tests of configurations that the module complains about, or does not take.
{
  complaints,
  lib,
  machine,
  refused,
  small,
  whole,
  ...
}:
{
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
      ../testdata/machine.nix
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
  unknown_program = [
    (refused (small { agent.programs = [ "claud" ]; }).security.au.agents)
    true
  ];
  no_expiry_with_a_static_userborn = [
    (lib.length (
      complaints (machine [
        ../testdata/machine.nix
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
}
