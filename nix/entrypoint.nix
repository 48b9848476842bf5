# SPDX-License-Identifier: GPL-3.0-or-later
# su_as_agent, the entrypoint that `au new` installs for each agent and that security.wrappers starts on NixOS: one program for all agents.
{ lib, stdenv }:

stdenv.mkDerivation {
  pname = "au-entrypoint";
  version = lib.fileContents ../VERSION;
  src = ../csrc;

  # Static where there is a static C library: then no library of the machine is between exec and the first check.
  buildInputs = lib.optional (stdenv.cc.libc ? static) stdenv.cc.libc.static;

  # Into a folder of its own: one that was left beside the sources would pass for the newest.
  buildPhase = ''
    make OUT="$PWD/built/su_as_agent"
  '';
  installPhase = ''
    install -D -m 0755 built/su_as_agent "$out/libexec/au/su_as_agent"
  '';
  dontStrip = true; # the Makefile did

  meta = {
    description = "Runs one command as an agent, for a human whom root's policy lets in";
    homepage = "https://github.com/a4u2/au";
    license = lib.licenses.gpl3Plus;
    maintainers = [ ];
    platforms = lib.platforms.linux;
  };
}
