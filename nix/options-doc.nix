# SPDX-License-Identifier: GPL-3.0-or-later
# docs/nixos-options.md, as a string.
let
  lib = import ./stub-nixpkgs/lib.nix;
  inherit
    (lib.evalModules {
      modules = [
        ./testdata/nixos.nix
        ./module
      ];
      specialArgs.pkgs = {
        callPackage = _: _: null;
      };
    })
    options
    ;
  inside =
    module:
    (lib.evalModules {
      modules = [ module ];
      specialArgs.name = "NAME";
    }).options;
  step = type: if lib.removePrefix "attribute set" type.name != type.name then ".<name>" else "";
  code =
    v:
    if v._type or "" == "literalMD" then
      v.text
    else
      "`${if v._type or "" == "literalExpression" then v.text else nix v}`";
  nix =
    v:
    if builtins.isList v then
      (if v == [ ] then "[ ]" else "[ ${lib.concatMapStringsSep " " nix v} ]")
    else if builtins.isAttrs v then
      "{ ${
        lib.concatStringsSep " " (lib.mapAttrsToList (n: w: "${n} = ${nix w};") v)
      }${if v == { } then "" else " "}}"
    else
      builtins.toJSON v;
  undocumented = path: throw "option ${path} has no description or no example";
  one =
    path: o:
    ''

      ## `${path}`

      ${o.description or (undocumented path)}

      - Type: ${o.type.name}
      - Default: ${if o ? default || o ? defaultText then code (o.defaultText or o.default) else "none"}${
        lib.optionalString (o.type.name != "package")
          "\n- Example: ${code (o.example or (undocumented path))}"
      }
    ''
    + (
      if o.type.options or null == null then "" else all "${path}${step o.type}" (inside o.type.options)
    );
  all =
    path: tree:
    lib.concatStringsSep "" (
      lib.mapAttrsToList (
        n: o:
        if !(o.visible or true) then
          ""
        else if o._type or "" == "option" then
          one "${path}.${n}" o
        else
          all "${path}.${n}" o
      ) tree
    );
in
''
  # NixOS options

  Generated from nix/module/options.nix by `nix/check --update`; [nixos.md](nixos.md) says how to use them.
''
+ all "security.au" options.security.au
