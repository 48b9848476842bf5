# SPDX-License-Identifier: GPL-3.0-or-later
{
  description = "A NixOS machine with an agent";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    au = {
      url = "github:a4u2/au";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    { nixpkgs, au, ... }:
    {
      nixosConfigurations.example = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          ./configuration.nix
          au.nixosModules.au
        ];
      };
    };
}
