# SPDX-License-Identifier: GPL-3.0-or-later
# security.au: agents as NixOS options. The options are in options.nix. The settings that they make are in config.nix, net.nix and expiry.nix, and those that
# cannot be are in assertions.nix.
{
  imports = [
    ./options.nix
    ./config.nix
    ./net.nix
    ./expiry.nix
    ./assertions.nix
  ];
  # In nixpkgs meta.doc is au.md. Here it would be put into the machine's own manual, which refuses a chapter that its list of anchors does not have.
  meta.maintainers = [ ];
}
