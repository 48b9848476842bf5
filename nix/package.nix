# SPDX-License-Identifier: GPL-3.0-or-later
# au, with the entrypoint beside it where `au new` looks for one. Works with a plain callPackage too.
{
  lib,
  buildGoModule,
  callPackage,
  installShellFiles,
  nixosTests ? { },
  versionCheckHook ? null,
  acl,
  coreutils,
  findutils,
  getent,
  iptables,
  nftables,
  procps,
  shadow,
  systemd,
  util-linux,
  au-entrypoint ? callPackage ./entrypoint.nix { },
}:

let
  sources = lib.importJSON ./sources.json;
  root = toString ../.;
  doInstallCheck = versionCheckHook != null;
  top = path: lib.head (lib.splitString "/" (lib.removePrefix "${root}/" (toString path)));
in
buildGoModule (finalAttrs: {
  pname = "au";
  version = lib.fileContents ../VERSION;

  # The files that the hash of the vendor folder is computed over; make nix-hash takes the same.
  src = builtins.path {
    path = ../.;
    name = "au-source";
    filter = path: _type: lib.elem (top path) sources;
  };
  inherit (lib.importJSON ./hashes.json) vendorHash;

  nativeBuildInputs = [ installShellFiles ];

  # The same flags as the Makefile's, so that the bytes are the same wherever Go is; buildGoModule adds -buildid= by itself.
  subPackages = [ "cmd/au" ];
  env.CGO_ENABLED = 0;
  ldflags = [
    "-s"
    "-w"
    "-X main.version=${finalAttrs.version}"
  ];

  # Those that need nothing but Go: the others want git, a compiler or a machine's accounts, which make check has.
  checkPhase = ''
    runHook preCheck
    go test ./internal/near ./internal/quote ./netfilter ./provision/config ./provision/share ./provision/setup ./slices
    runHook postCheck
  '';

  # Where nixpkgs has it: `au --version` says the version.
  nativeInstallCheckInputs = lib.optional doInstallCheck versionCheckHook;
  inherit doInstallCheck;

  # bin/au is the small program in front of the complete one. The entrypoint is a copy: au does not follow a link to what will be set-uid. In path, the programs
  # that au runs where the machine has none of its own: au looks there for it, so that no variable of the caller's has a say. What prints manual and completions
  # is built for the machine that builds.
  postInstall = ''
    mkdir -p "$out/libexec/au"
    mv "$out/bin/au" "$out/libexec/au/au-complete"
    case $(go env GOARCH) in
    amd64 | arm64) entry="-E main.entry" ;;
    *) entry= ;;
    esac
    go build -ldflags "-buildid= ${toString finalAttrs.ldflags} $entry" -o "$out/bin/au" ./cmd/au/front

    install -m 0755 ${au-entrypoint}/libexec/au/su_as_agent "$out/libexec/au/su_as_agent"
    echo ${
      lib.makeBinPath [
        acl
        coreutils
        findutils
        getent
        iptables
        nftables
        procps
        shadow
        systemd
        util-linux
      ]
    } >"$out/libexec/au/path"

    GOARCH=$(go env GOHOSTARCH) go build -ldflags "${toString finalAttrs.ldflags}" -o shown ./cmd/au
    mkdir manual
    ./shown manual manual
    for shell in bash zsh fish; do ./shown completion "$shell" >"au.$shell"; done
    installManPage manual/*
    installShellCompletion --cmd au --bash au.bash --zsh au.zsh --fish au.fish
  '';

  passthru = {
    entrypoint = au-entrypoint;
    tests = lib.optionalAttrs (nixosTests ? au) { inherit (nixosTests) au; };
  };

  meta = {
    description = "Unix users of their own for AI coding agents";
    longDescription = ''
      au gives an AI coding agent a Unix user of its own on your machine, and only what you hand it: folders, cores, memory, hosts.
    '';
    homepage = "https://github.com/a4u2/au";
    changelog = "https://github.com/a4u2/au/blob/v${finalAttrs.version}/CHANGELOG.md";
    license = lib.licenses.gpl3Plus;
    maintainers = [ ];
    platforms = lib.platforms.linux;
    mainProgram = "au";
  };
})
