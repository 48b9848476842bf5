# SPDX-License-Identifier: GPL-3.0-or-later
# Policies, units and rules as au itself writes them: by an au of the machine that builds, where another one is built for.
{
  config,
  lib,
  pkgs,
}:

let
  inherit (pkgs.stdenv) buildPlatform hostPlatform;
in
pkgs.callPackage ../rendered.nix {
  au =
    if buildPlatform.canExecute hostPlatform then
      config.security.au.package
    else
      pkgs.buildPackages.callPackage ../package.nix { };
  spec = import ./spec.nix { inherit config lib pkgs; };
}
