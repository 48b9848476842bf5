# SPDX-License-Identifier: GPL-3.0-or-later
# A machine with one agent that has nothing special and one that has everything.
{
  users = {
    mutableUsers = false;
    users.alice.uid = 1000;
    users.bob.uid = null;
  };
  security.au = {
    enable = true;
    humans = [ "alice" ];
    agents.agent = { };
    agents.claude = {
      humans = [
        "alice"
        "bob"
      ];
      cpu = "150%";
      memory = "16G";
      tasks = 500;
      shares."~/example".readOnly = false;
      path = [ "~/example/bin" ];
      programs = [ "codex" ];
      setEnv.EDITOR = "vi";
      shares."/srv/data".target = "work/data";
      unlock = [ "nix" ];
      net = {
        enable = true;
        presets = [ "anthropic" ];
        allow = [ "*.example.org" ];
        localhost = [ 3000 ];
        backend = "nft";
      };
    };
  };
}
