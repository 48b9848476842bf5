# SPDX-License-Identifier: GPL-3.0-or-later
# A stand-in for nixpkgs, to build and check our flake where nixpkgs is unavailable: what we use of it, on the machine's own Go and C compiler.
{
  outputs =
    _:
    let
      lib = import ./lib.nix;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: import ./packages.nix { inherit lib system; }
      );
    };
}
