# SPDX-License-Identifier: GPL-3.0-or-later
# security.au: agents as NixOS options. What there is stands in options.nix, what comes of it in config.nix, net.nix and expiry.nix, what cannot be in assertions.nix.
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
