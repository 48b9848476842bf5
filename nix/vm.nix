# SPDX-License-Identifier: GPL-3.0-or-later
# The whole story on a NixOS machine that boots. It has never been run: docs/nixos.md says what has.
{ testers, module }:

testers.runNixOSTest {
  name = "au";

  nodes.machine =
    { pkgs, ... }:
    {
      imports = [ module ];
      users.mutableUsers = false;
      environment.systemPackages = [ pkgs.curl ];
      systemd.services.web = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig.DynamicUser = true;
        script = "exec ${pkgs.python3}/bin/python3 -m http.server --bind 127.0.0.1 8000";
      };
      users.users.alice = {
        isNormalUser = true;
        uid = 1000;
        homeMode = "0700";
      };
      users.users.mallory.isNormalUser = true;
      security.au = {
        enable = true;
        humans = [ "alice" ];
        agents.agent = {
          uid = 50001;
          memory = "256M";
          tasks = 100;
          packages = [ pkgs.hello ];
          shares."~/example".readOnly = false;
        };
        agents.shut.net.enable = true;
      };
    };

  testScript = ''
    def alice(command, user="alice"):
        return f"su - {user} -c '{command}'"

    machine.wait_for_unit("multi-user.target")
    machine.wait_for_unit("au-agent.service")
    machine.succeed(alice("mkdir example"))

    with subtest("a run is the agent's, with its packages"):
        assert machine.succeed(alice("au run id -u")).strip() == "50001"
        machine.succeed(alice("au run hello"))

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
        machine.succeed("/run/current-system/bin/switch-to-configuration test")
        assert "mask::rwx" in machine.succeed("getfacl -p /home/agent")
        machine.succeed(alice("au info"))

    with subtest("an agent with net.enable reaches nothing"):
        machine.wait_for_open_port(8000)
        machine.succeed(alice("au run -- curl -fsS -m 10 http://127.0.0.1:8000"))
        machine.fail(alice("au run -a shut -- curl -fsS -m 10 http://127.0.0.1:8000"))
        machine.succeed("iptables-save | grep -q au-net")

    with subtest("declared agents are not au's to change"):
        machine.fail(alice("au delete -y"))
        machine.fail(alice("au new -y -a other"))
  '';
}
