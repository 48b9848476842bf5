# SPDX-License-Identifier: GPL-3.0-or-later
# The whole story on a NixOS machine that boots. It evaluates, and has never been run: docs/nixos.md says what has.
# users: what makes the users, perl (NixOS's default), userborn, or userborn on a machine without perl (perlless).
{
  testers,
  module,
  users ? "perl",
}:

testers.runNixOSTest {
  name = "au-${users}";

  nodes.machine =
    {
      lib,
      modulesPath,
      pkgs,
      ...
    }:
    {
      imports = [ module ] ++ lib.optional (users == "perlless") "${modulesPath}/profiles/perlless.nix";
      services.userborn.enable = users != "perl";
      environment.systemPackages = [ pkgs.curl ];
      systemd.services.web = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig.DynamicUser = true;
        script = "exec ${pkgs.python3}/bin/python3 -m http.server --bind 127.0.0.1 8000";
      };
      users = {
        mutableUsers = false;
        users.alice = {
          isNormalUser = true;
          uid = 1000;
          homeMode = "0700";
        };
        users.mallory.isNormalUser = true;
      };
      security.au = {
        enable = true;
        humans = [ "alice" ];
        agents.agent = {
          uid = 50001;
          memory = "256M";
          tasks = 100;
          packages = [ pkgs.hello ];
          setEnv.FROM = "the configuration";
          shares."~/example".readOnly = false;
        };
        agents.shut.net.enable = true;
      };
      # The system to which the machine is switched, and back.
      specialisation = {
        open.configuration.security.au.agents.shut.net.enable = lib.mkForce false;
        fewer.configuration.security.au.agents = lib.mkForce { shut.net.enable = true; };
        moved.configuration.security.au.agents.agent.uid = lib.mkForce 50009;
        none.configuration.security.au.enable = lib.mkForce false;
      };
    };

  testScript = ''
    def alice(command, user="alice"):
        return f"su - {user} -c '{command}'"

    system = machine.succeed("readlink -f /run/current-system").strip()

    def switch(to=None):
        place = f"{system}/specialisation/{to}" if to else system
        machine.succeed(f"{place}/bin/switch-to-configuration test")

    def rules():
        return "au_net" in machine.succeed("iptables-save; nft list ruleset 2>/dev/null || true").replace("-", "_")

    machine.wait_for_unit("multi-user.target")
    machine.wait_for_unit("au-agent.service")
    machine.succeed(alice("mkdir example"))

    with subtest("a run is the agent's, with its packages and variables"):
        assert machine.succeed(alice("au run id -u")).strip() == "50001"
        machine.succeed(alice("au run hello"))
        assert machine.succeed(alice("au run printenv FROM")).strip() == "the configuration"

    with subtest("nobody else enters"):
        machine.fail(alice("au run true", user="mallory"))
        machine.fail(alice("/run/wrappers/bin/su-as-agent agent -- true", user="mallory"))

    with subtest("what the agent makes in a share is alice's"):
        machine.succeed(alice("au run touch /home/agent/example/made"))
        assert machine.succeed("stat -c %U /home/alice/example/made").strip() == "alice"
        machine.fail(alice("au run cat /home/alice/example/made"))

    with subtest("limits hold"):
        assert machine.succeed("systemctl show -P MemoryMax user-50001.slice").strip() == "268435456"
        machine.fail(alice("au run -- dd if=/dev/zero of=/dev/null bs=400M count=1"))

    with subtest("home keeps its ACL over an activation"):
        switch()
        assert "mask::rwx" in machine.succeed("getfacl -p /home/agent")
        machine.succeed(alice("au info"))

    with subtest("an agent with net.enable reaches nothing"):
        machine.wait_for_open_port(8000)
        machine.succeed(alice("au run -- curl -fsS -m 10 http://127.0.0.1:8000"))
        machine.fail(alice("au run -a shut -- curl -fsS -m 10 http://127.0.0.1:8000"))
        assert rules()

    with subtest("the account has expired and has no shell, whatever made it"):
        assert machine.succeed("getent shadow agent").split(":")[7] == "1"
        assert machine.succeed("getent passwd agent").strip().endswith("/nonexistent/nologin")
        machine.fail("su - agent -c true")
        machine.execute("loginctl enable-linger agent")
        machine.fail("systemctl is-active user@50001.service")
        machine.succeed("loginctl disable-linger agent")

    with subtest("net.enable off opens it, and on shuts it again"):
        switch("open")
        machine.wait_until_succeeds(alice("au run -a shut -- curl -fsS -m 10 http://127.0.0.1:8000"))
        machine.wait_until_fails("iptables-save | grep -q au-net")
        switch()
        machine.wait_until_fails(alice("au run -a shut -- curl -fsS -m 10 http://127.0.0.1:8000"))
        assert rules()

    with subtest("an agent that is removed ends, and keeps its home"):
        machine.execute(alice("au run sleep 1000 >/dev/null 2>&1 &"))
        machine.wait_until_succeeds("pgrep -u 50001 sleep")
        switch("fewer")
        machine.wait_until_fails("pgrep -u 50001")
        machine.fail(alice("au run true"))
        machine.succeed("test -d /home/agent")
        switch()
        machine.succeed(alice("au run true"))

    with subtest("a uid that changes is kept by NixOS, and no run starts as another"):
        switch("moved")
        assert machine.succeed("id -u agent").strip() == "50001"
        machine.fail(alice("au run true"))
        switch()
        machine.succeed(alice("au run true"))

    with subtest("without the module nothing of it is left but homes and logs"):
        switch("none")
        machine.wait_until_fails("iptables-save | grep -q au-net")
        machine.fail("test -e /etc/au/agents.json")
        machine.fail("test -e /run/wrappers/bin/su-as-agent")
        switch()
        machine.succeed(alice("au run true"))

    with subtest("declared agents are not au's to change, and hints name options"):
        machine.fail(alice("au mount remove example"))
        machine.fail(alice("au delete -y"))
        machine.fail(alice("au new -y -a other"))
  '';
}
