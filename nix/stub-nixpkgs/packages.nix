# SPDX-License-Identifier: GPL-3.0-or-later
# Derivations run the machine's own programs: host.json has what nix/check knows of it.
{ lib, system }:

let
  host = lib.importJSON ./host.json;
  callPackage =
    f: given:
    let
      function = if builtins.isPath f then import f else f;
    in
    function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // given);

  # The parts of installShellFiles and hooks in nixpkgs, as far as we use them.
  functions = ''
    runHook() { :; }
    installManPage() { for page in "$@"; do install -D -m 0644 "$page" "$out/share/man/man1/''${page##*/}"; done; }
    installShellCompletion() { # --cmd NAME --bash FILE --zsh FILE --fish FILE
      install -D -m 0644 "$4" "$out/share/bash-completion/completions/$2"
      install -D -m 0644 "$6" "$out/share/zsh/site-functions/_$2"
      install -D -m 0644 "$8" "$out/share/fish/vendor_completions.d/$2.fish"
    }
  '';

  mkDerivation =
    args:
    let
      phases = [
        "functions"
        "unpackPhase"
        "buildPhase"
        "checkPhase"
        "installPhase"
        "postInstall"
        "postFixup"
      ];
      drv = derivation (
        host.env
        // {
          inherit system;
          name = args.name or "${args.pname}-${args.version}";
          builder = "/bin/bash";
          # A subfolder: Go ignores a go.mod in $TMPDIR itself.
          args = [
            "-euc"
            "mkdir work; cd work; ${
              lib.concatMapStringsSep "\n" (phase: args.${phase} or { inherit functions; }.${phase} or "") phases
            }"
          ];
          PATH = lib.concatStringsSep ":" (
            map (p: "${p}/bin") (args.nativeBuildInputs or [ ]) ++ [ host.path ]
          );
          HOME = "/dev/null";
          unpackPhase = args.unpackPhase or "";
        }
        // lib.optionalAttrs (args ? src) { inherit (args) src; }
        // args.fixed or { }
      );
    in
    drv // { inherit (args) meta; } // args.passthru or { };

  unpack = ''cp -R "$src/." .; chmod -R u+w .'';

  # The argument may be a function of what comes of it, as in nixpkgs.
  buildGoModule =
    function:
    let
      args = function (args // { finalPackage = package; });
      package = buildGo args;
    in
    package;

  buildGo =
    args:
    let
      modules = mkDerivation {
        name = "${args.pname}-go-modules";
        inherit (args) src;
        unpackPhase = unpack;
        buildPhase = ''GOFLAGS=-mod=mod go mod vendor; cp -R vendor "$out"'';
        fixed = {
          outputHashMode = "recursive";
          outputHashAlgo = "sha256";
          outputHash = args.vendorHash;
        };
        meta = { };
      };
    in
    mkDerivation (
      args
      // {
        unpackPhase = "${unpack}; cp -R ${modules} vendor";
        buildPhase = ''
          export CGO_ENABLED=${toString args.env.CGO_ENABLED} GOFLAGS="-mod=vendor -trimpath" GOBIN="$out/bin"
          go install -ldflags='-buildid= ${toString args.ldflags}' ${
            lib.concatMapStringsSep " " (p: "./${p}") args.subPackages
          }
        '';
      }
    );

  # A program that the machine has, as a package.
  program =
    name:
    mkDerivation {
      inherit name;
      installPhase = ''mkdir -p "$out/bin"'';
      meta = { };
    };

  pkgs = {
    inherit callPackage lib buildGoModule;
    stdenv = {
      mkDerivation = args: mkDerivation ({ unpackPhase = unpack; } // args);
      cc.libc = { };
      hostPlatform = { inherit system; };
    };
    mkShell =
      _args:
      mkDerivation {
        name = "shell";
        installPhase = ''touch "$out"'';
        meta = { };
      };
    runCommand =
      name: env: script:
      mkDerivation {
        inherit name;
        installPhase = script;
        nativeBuildInputs = env.nativeBuildInputs or [ ];
        meta = { };
      };
    writeText = name: text: builtins.toFile name text;
  }
  // lib.genAttrs [
    "acl"
    "bash"
    "coreutils"
    "findutils"
    "gcc"
    "getent"
    "gnumake"
    "go"
    "installShellFiles"
    "iptables"
    "nftables"
    "nixfmt-tree"
    "procps"
    "shadow"
    "systemd"
    "util-linux"
  ] program;
in
pkgs
