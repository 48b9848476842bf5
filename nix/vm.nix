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
        machine.fail(alice("au run -- tail -c 400M /dev/zero"))

    with subtest("home keeps its ACL over an activation"):
        machine.succeed("/run/current-system/bin/switch-to-configuration test")
        assert "mask::rwx" in machine.succeed("getfacl -p /home/agent")
        machine.succeed(alice("au info"))

    with subtest("an agent with net.enable reaches nothing"):
        machine.fail(alice("au run -a shut -- curl -m 5 http://192.0.2.1"))
        machine.succeed("nft list table inet au_net_$(id -u shut)")

    with subtest("declared agents are not au's to change"):
        machine.fail(alice("au delete -y"))
        machine.fail(alice("au new -y -a other"))
  '';
}
