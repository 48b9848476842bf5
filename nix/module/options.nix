# SPDX-License-Identifier: GPL-3.0-or-later
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    literalExpression
    literalMD
    mkOption
    types
    ;
  cfg = config.security.au;
  id = import ./ids.nix { inherit lib; };
  programs = import ./programs.nix;

  size = types.strMatching "[0-9]+[KMGT]?|[0-9]+%|infinity";
  # In an ACL a name of digits would be a uid, and a comma the end of an entry.
  human = types.strMatching "[A-Za-z_][A-Za-z0-9_.@-]*";

  share =
    { name, ... }:
    {
      options = {
        target = mkOption {
          type = types.strMatching "[^/].*";
          default = baseNameOf name;
          defaultText = literalMD "the last part of the folder's name";
          example = "work/example";
          description = "Where the agent sees the folder, relative to its home.";
        };
        readOnly = mkOption {
          type = types.bool;
          default = true;
          example = false;
          description = "Whether the agent may only read it.";
        };
        draft = mkOption {
          type = types.bool;
          default = false;
          example = true;
          description = "Whether what the agent writes goes to a draft of the folder, and into the folder when a human says so: `au draft`. Then `readOnly` says nothing.";
        };
        hide = mkOption {
          type = types.listOf types.str;
          default = [ ];
          example = [
            "secrets.yml"
            "*.key"
          ];
          description = "Names, patterns and paths below the folder that the agent does not see, in a draft or where it can only read. `docs/drafts.md` says what that promises.";
        };
        showSecrets = mkOption {
          type = types.bool;
          default = false;
          example = true;
          description = "Whether a draft shows what drafts hide by themselves: `.env` files, `*.pem` and `id_*` that git does not track.";
        };
        samePath = mkOption {
          type = types.bool;
          default = true;
          example = false;
          description = "Whether the agent sees it at the human's own path as well, and so the names above it.";
        };
      };
    };

  net = {
    options = {
      enable = lib.mkEnableOption "rules for what the agent may reach; all else is refused";
      presets = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [
          "anthropic"
          "github"
        ];
        description = "Services to allow, by the names that `au net restrict --help` lists.";
      };
      allow = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [
          "*.example.org"
          "git.example.org:22"
          "192.0.2.0/24"
        ];
        description = "Hosts, networks and ports to allow, as `au net allow` takes them.";
      };
      localhost = mkOption {
        type = types.listOf (types.ints.between 1 65535);
        default = [ ];
        example = [ 3000 ];
        description = "Ports of this machine to allow, whoever serves them.";
      };
      deny = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "gist.github.com" ];
        description = "Hosts, networks and ports to refuse though something else allows them, as `au net deny` takes them.";
      };
      dns = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "192.0.2.53" ];
        description = "The name servers that are asked for the agent; none for those of the machine.";
      };
      upstream = {
        url = mkOption {
          type = types.nullOr (types.strMatching "https?://[^/@[:space:]]+:[0-9]+");
          default = null;
          example = "http://proxy.example.org:3128";
          description = "The proxy through which what is allowed is reached; null for none.";
        };
        ca = mkOption {
          type = types.str;
          default = "";
          example = literalExpression "builtins.readFile ./company-ca.pem";
          description = "The CA, in PEM, that alone vouches for an https proxy; empty for those of the machine.";
        };
        loginFile = mkOption {
          type = types.nullOr (types.strMatching "/[^[:space:]]+");
          default = null;
          example = "/etc/proxy-login";
          description = "A file on the machine with the login for the proxy, USER:PASSWORD, that only root can read. Never one in the Nix store: everybody reads that.";
        };
      };
      ech = mkOption {
        type = types.bool;
        default = true;
        example = false;
        description = "Whether TLS passes that hides the name inside, or looks as if it did, as that of Chromium does.";
      };
      backend = mkOption {
        type = types.enum [
          "nft"
          "iptables"
        ];
        default =
          if config.networking.nftables.enable || !config.networking.firewall.enable then
            "nft"
          else
            "iptables";
        defaultText = literalMD "that of the machine's own firewall; nft where there is none";
        example = "nft";
        description = "What loads the rules. The machine's firewall is followed, never switched on.";
      };
      proxyPort = mkOption {
        type = types.nullOr types.port;
        default = null;
        example = 61001;
        description = "Port on loopback for the agent's connections; null for one from 61001 up.";
      };
      dnsPort = mkOption {
        type = types.nullOr types.port;
        default = null;
        example = 61002;
        description = "Port on loopback for the agent's DNS questions; null for one from 61002 up.";
      };
    };
  };

  agent =
    { name, config, ... }:
    {
      options = {
        uid = mkOption {
          type = types.ints.between 1000 59999;
          default = id name;
          defaultText = literalMD "a number from 50000 to 58999 that follows from the name";
          example = 54237;
          description = "The agent's uid, and the gid of its own group.";
        };
        humansGid = mkOption {
          type = types.ints.between 1000 59999;
          default = id "su-as-${name}";
          defaultText = literalMD "a number from 50000 to 58999 that follows from the name";
          example = 50001;
          description = "The gid of the group `su-as-NAME`, whose members may enter the agent.";
        };
        humans = mkOption {
          type = types.listOf human;
          apply = lib.unique;
          default = cfg.humans;
          defaultText = literalExpression "config.security.au.humans";
          example = [ "alice" ];
          description = "The humans who may run commands as the agent.";
        };
        cpu = mkOption {
          type = types.nullOr (types.strMatching "[0-9]+%");
          default = null;
          example = "150%";
          description = "CPU time for all that the agent runs: 100% is one core.";
        };
        memory = mkOption {
          type = types.nullOr size;
          default = null;
          example = "16G";
          description = "Memory for all that the agent runs.";
        };
        swap = mkOption {
          type = types.nullOr size;
          default = if config.memory == null then null else "0";
          defaultText = literalMD "`\"0\"` beside a memory limit, else `null`";
          example = "2G";
          description = "Swap for all that the agent runs.";
        };
        tasks = mkOption {
          type = types.nullOr (types.either types.ints.positive (types.enum [ "infinity" ]));
          default = null;
          example = 500;
          description = "Processes and threads for all that the agent runs; null for what NixOS allows each user.";
        };
        cpuWeight = mkOption {
          type = types.nullOr (types.ints.between 1 10000);
          default = null;
          example = 50;
          description = "The agent's part of the CPU where others want it too; 100 is what everybody else has.";
        };
        ioWeight = mkOption {
          type = types.nullOr (types.ints.between 1 10000);
          default = null;
          example = 50;
          description = "The agent's part of the disks' time where others want it too; 100 is what everybody else has.";
        };
        keepEnv = mkOption {
          type = types.listOf (types.strMatching "[A-Za-z_][A-Za-z0-9_]*[*]?");
          default = [ ];
          example = [
            "EDITOR"
            "LC_*"
          ];
          description = "The human's variables that every run gets.";
        };
        setEnv = mkOption {
          type = types.attrsOf types.str;
          default = { };
          example = {
            EDITOR = "vi";
          };
          description = "Variables of every run. Where a human's own `set_env` has the same one, theirs counts. Everybody on the machine can read them, so a key does not belong here.";
        };
        path = mkOption {
          type = types.listOf (types.strMatching "(~/|/)[^:]+");
          default = [ ];
          example = [ "~/.cargo/bin" ];
          description = "Folders on the PATH of every run, behind the agent's own. A share must hold each, or the agent own it, or only root be able to write it. `~/` at the beginning is the human's home.";
        };
        shares = mkOption {
          type = types.attrsOf (types.submodule share);
          default = { };
          example = literalExpression ''{ "~/example" = { readOnly = false; }; }'';
          description = "Each human's folders and files that the agent sees; `~/` at the beginning is the human's home. Humans add others with `au mount add`.";
        };
        unlock = mkOption {
          type = types.listOf types.str;
          default = [ ];
          example = [ "nix" ];
          description = "Parts of the isolation to give up, by the words that `au new --help` explains.";
        };
        allow = mkOption {
          type = types.listOf types.str;
          default = [ ];
          visible = false;
          description = "The former name of `unlock`.";
        };
        home = mkOption {
          type = types.strMatching "/[^:[:space:]]+";
          default = "/home/${name}";
          defaultText = literalExpression ''"/home/''${name}"'';
          example = "/srv/agent";
          description = "The agent's home. The humans and the agent can edit all files in it.";
        };
        shell = mkOption {
          type = types.either types.package (types.strMatching "/[^:[:space:]]+");
          default = "/run/current-system/sw/bin/bash";
          example = literalExpression "pkgs.fish";
          description = "The shell of the agent's runs. Its account has none, so that nothing logs in to it.";
        };
        packages = mkOption {
          type = types.listOf types.package;
          default = [ ];
          example = literalExpression "[ pkgs.git pkgs.nodejs ]";
          description = "Packages for the agent alone.";
        };
        programs = mkOption {
          type = types.listOf (types.enum (lib.attrNames programs));
          default = [ ];
          example = [
            "claude"
            "codex"
          ];
          description = "Programs for the agent, by the names of `au setup`, as packages of nixpkgs. Some are unfree, which `nixpkgs.config` must allow. `au setup PROGRAM` then writes the settings that a program needs in a run, and says how to log in.";
        };
        net = mkOption {
          type = types.submodule net;
          default = { };
          example = literalExpression ''{ enable = true; presets = [ "anthropic" ]; }'';
          description = "What the agent may reach.";
        };
      };
    };
in
{
  options.security.au = {
    enable = lib.mkEnableOption "Unix users for AI coding agents, and `au` to run commands as them";
    package = lib.mkPackageOption { au = pkgs.callPackage ../package.nix { }; } "au" {
      pkgsText = "inputs.au.packages.\${pkgs.system}";
      extraDescription = "It holds `au` and the entrypoint.";
    };
    humans = mkOption {
      type = types.listOf human;
      apply = lib.unique;
      default = [ ];
      example = [ "alice" ];
      description = "The humans who may run commands as the agents that do not say otherwise.";
    };
    agents = mkOption {
      type = types.attrsOf (types.submodule agent);
      default = { };
      example = literalExpression ''{ agent = { humans = [ "alice" ]; memory = "16G"; }; }'';
      description = "The agents, by name.";
    };
  };
}
