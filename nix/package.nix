# SPDX-License-Identifier: GPL-3.0-or-later
# au, with the entrypoint beside it where `au new` looks for one. Works with a plain callPackage too.
{
  lib,
  buildGoModule,
  callPackage,
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
  top = path: lib.head (lib.splitString "/" (lib.removePrefix "${root}/" (toString path)));
in
buildGoModule rec {
  pname = "au";
  version = lib.fileContents ../VERSION;

  # What the hash of the vendor folder is computed over; make nix-hash takes the same.
  src = builtins.path {
    path = ../.;
    name = "au-source";
    filter = path: type: lib.elem (top path) sources;
  };
  inherit (lib.importJSON ./hashes.json) vendorHash;

  # The same flags as the Makefile's, so that the bytes are the same wherever Go is; buildGoModule adds -buildid= by itself.
  subPackages = [ "cmd/au" ];
  env.CGO_ENABLED = 0;
  ldflags = [
    "-s"
    "-w"
    "-X main.version=${version}"
  ];

  # The tests want git, a shell and a machine's accounts: make check has those.
  doCheck = false;

  # A copy of the entrypoint: au does not follow a link to what will be set-uid. In path, the programs that au runs where the
  # machine has none of its own: au looks beside itself for it, so that no variable of the caller's has a say.
  postInstall = ''
    install -D -m 0755 ${au-entrypoint}/libexec/au/su_as_agent "$out/libexec/au/su_as_agent"
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
    mkdir -p "$out/share/man/man1"
    "$out/bin/au" manual "$out/share/man/man1"
    for shell in bash zsh fish; do
      case $shell in
      bash) to=bash-completion/completions/au ;;
      zsh) to=zsh/site-functions/_au ;;
      fish) to=fish/vendor_completions.d/au.fish ;;
      esac
      "$out/bin/au" completion "$shell" >completion
      install -D -m 0644 completion "$out/share/$to"
    done
  '';

  passthru.entrypoint = au-entrypoint;

  meta = {
    description = "Gives an AI coding agent a Unix user of its own, and only what you hand it";
    homepage = "https://github.com/a4u2/au";
    license = lib.licenses.gpl3Plus;
    platforms = lib.platforms.linux;
    mainProgram = "au";
  };
}
