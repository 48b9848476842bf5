# SPDX-License-Identifier: GPL-3.0-or-later
{
  description = "au gives an AI coding agent a Unix user of its own, and only what you hand it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      each =
        f: lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: f nixpkgs.legacyPackages.${system});
      programs = pkgs: {
        au-entrypoint = pkgs.callPackage ./nix/entrypoint.nix { };
        au = pkgs.callPackage ./nix/package.nix {
          inherit (programs pkgs) au-entrypoint;
          nixosTests = lib.optionalAttrs (pkgs ? testers) { au = machine pkgs "perl"; };
        };
      };
      module = {
        imports = [ ./nix/module ];
      };
      machine = pkgs: users: pkgs.callPackage ./nix/vm.nix { inherit module users; };
    in
    {
      packages = each (
        pkgs:
        let
          p = programs pkgs;
        in
        {
          inherit (p) au;
          entrypoint = p.au-entrypoint;
          default = p.au;
        }
      );

      apps = each (pkgs: {
        default = {
          type = "app";
          program = "${(programs pkgs).au}/bin/au";
          meta.description = "Run AI coding agents as Unix users of their own";
        };
      });

      overlays.default = final: prev: programs final;

      nixosModules = {
        au = module;
        default = module;
      };

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.go
            pkgs.gcc
            pkgs.gnumake
            pkgs.acl
            pkgs.nftables
          ];
        };
      });

      # Where nixpkgs is the real one, NixOS too: the module on its module system, and a machine that boots.
      checks = each (
        pkgs:
        self.packages.${pkgs.stdenv.hostPlatform.system}
        // {
          rendered = pkgs.callPackage ./nix/rendered.nix {
            inherit (programs pkgs) au;
            spec = lib.importJSON ./nix/testdata/spec.json;
          };
        }
        // lib.optionalAttrs (pkgs ? testers) {
          vm = machine pkgs "perl";
          vm-userborn = machine pkgs "userborn";
          vm-perlless = machine pkgs "perlless";
        }
        // lib.optionalAttrs (pkgs ? nixfmt && pkgs ? deadnix && pkgs ? statix) {
          lint = pkgs.callPackage ./nix/lint.nix { };
        }
      );

      formatter = each (pkgs: pkgs.nixfmt-tree);

      templates.default = {
        path = ./nix/template;
        description = "A NixOS machine with an agent";
      };
    };
}
