# SPDX-License-Identifier: GPL-3.0-or-later
# The part of nixpkgs' lib that we use, and a module system that is as strict: an option that is not declared and a value of the wrong type are errors.
with builtins;

let
  lib = rec {
    inherit (builtins)
      listToAttrs
      elem
      filter
      head
      length
      concatLists
      attrNames
      attrValues
      mapAttrs
      ;
    genAttrs =
      names: f:
      listToAttrs (
        map (name: {
          inherit name;
          value = f name;
        }) names
      );
    optional = c: x: if c then [ x ] else [ ];
    optionals = c: l: if c then l else [ ];
    optionalAttrs = c: a: if c then a else { };
    optionalString = c: s: if c then s else "";
    concatMap = f: l: concatLists (map f l);
    inherit (builtins) concatStringsSep;
    concatMapStringsSep =
      sep: f: l:
      concatStringsSep sep (map f l);
    mapAttrsToList = f: a: map (n: f n a.${n}) (attrNames a);
    filterAttrs =
      f: a:
      listToAttrs (
        concatMap (
          n:
          optional (f n a.${n}) {
            name = n;
            value = a.${n};
          }
        ) (attrNames a)
      );
    mapAttrs' = f: a: listToAttrs (mapAttrsToList f a);
    nameValuePair = name: value: { inherit name value; };
    unique = foldl' (done: x: if elem x done then done else done ++ [ x ]) [ ];
    imap0 = f: l: genList (i: f i (elemAt l i)) (length l);
    inherit (builtins) any;
    mkBefore = value: value;
    count = f: l: length (filter f l);
    toInt = fromJSON;
    mod = a: b: a - b * (a / b);
    removePrefix =
      p: s: if substring 0 (stringLength p) s == p then substring (stringLength p) (-1) s else s;
    splitString = sep: s: filter isString (split (replaceStrings [ "." ] [ "[.]" ] sep) s);
    fileContents = f: head (splitString "\n" (readFile f));
    importJSON = f: fromJSON (readFile f);
    stringToCharacters = s: genList (i: substring i 1 s) (stringLength s);
    makeBinPath = concatMapStringsSep ":" (p: "${p}/bin");
    getExe' = p: name: "${p}/bin/${name}";
    escapeShellArg = s: "'${replaceStrings [ "'" ] [ "'\\''" ] s}'";
    licenses.gpl3Plus.spdxId = "GPL-3.0-or-later";
    platforms.linux = [
      "x86_64-linux"
      "aarch64-linux"
    ];

    literalExpression = text: {
      _type = "literalExpression";
      inherit text;
    };
    literalMD = text: {
      _type = "literalMD";
      inherit text;
    };
    mkPackageOption =
      pkgs: name:
      { pkgsText, extraDescription }:
      mkOption {
        type = types.package;
        default = pkgs.${name};
        defaultText = literalExpression "${pkgsText}.${name}";
        description = "The ${name} package to use. ${extraDescription}";
      };
    mkOption = o: { _type = "option"; } // o;
    mkEnableOption =
      what:
      mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = "Whether to enable ${what}.";
      };
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkDefault = value: value;
    mkForce = value: value;

    # A type has the name that the docs show, a check, and merge: what all definitions of the option come to.
    types = rec {
      simple = name: check: {
        inherit name check;
        merge =
          where: defs:
          if tail defs == [ ] || all (d: d == head defs) defs then
            head defs
          else
            throw "${where}: conflicting definitions";
      };
      bool = simple "boolean" isBool;
      str = simple "string" isString;
      strMatching =
        pattern: simple "string matching the pattern ${pattern}" (v: isString v && match pattern v != null);
      path = simple "absolute path" (v: isString v && substring 0 1 v == "/" || isPath v);
      package = simple "package" (v: isAttrs v && v ? outPath);
      raw = simple "raw value" (_v: true);
      anything = raw;
      port = ints.between 0 65535 // {
        name = "16 bit unsigned integer; between 0 and 65535 (both inclusive)";
      };
      enum = values: simple "one of ${concatMapStringsSep ", " toJSON values}" (v: elem v values);
      ints.between =
        low: high:
        simple "integer between ${toString low} and ${toString high} (both inclusive)" (
          v: isInt v && v >= low && v <= high
        );
      ints.positive = simple "positive integer, meaning >0" (v: isInt v && v > 0);
      nullOr =
        t:
        t
        // {
          name = "null or ${t.name}";
          check = v: v == null || t.check v;
          merge = where: defs: if all (d: d == null) defs then null else t.merge where defs;
        };
      either = a: b: simple "${a.name} or ${b.name}" (v: a.check v || b.check v);
      listOf = t: {
        options = null;
        name = "list of ${t.name}";
        check = isList;
        merge = where: defs: imap0 (i: v: checked "${where}.${toString i}" t [ v ]) (concatLists defs);
      };
      attrsOf = t: {
        options = t.options or null;
        name = "attribute set of ${t.name}";
        check = isAttrs;
        merge =
          where: defs:
          genAttrs (unique (concatMap attrNames defs)) (
            n: checked "${where}.${n}" t (map (d: d.${n}) (filter (d: d ? ${n}) defs))
          );
      };
      submodule = module: {
        name = "submodule";
        check = v: isAttrs v || isFunction v;
        merge =
          where: defs:
          (evalModulesAt where {
            modules = [ module ] ++ defs;
            specialArgs.name = last (splitString "." where);
          }).config;
        options = module;
      };
    };
    last = l: elemAt l (length l - 1);
    checked =
      where: t: defs:
      if all t.check defs then
        t.merge where defs
      else
        throw "A definition for option `${where}' is not of type `${t.name}'.";

    evalModules = evalModulesAt "";
    evalModulesAt =
      at:
      {
        modules,
        specialArgs ? { },
      }:
      let
        call =
          m:
          if isFunction m then
            m (specialArgs // { inherit lib config options; })
          else if isPath m then
            call (import m)
          else
            m;
        flat = m: concatMap flat (map call (m.imports or [ ])) ++ [ m ];
        all = concatMap flat (map call modules);
        options = foldl' merged { } (map (m: m.options or { }) all);
        configs = concatMap (
          m:
          pushed (
            m.config or (removeAttrs m [
              "imports"
              "options"
              "_file"
            ])
          )
        ) all;
        config = evaluated at options configs;
      in
      {
        inherit config options;
      };
    # An mkIf moves down to the single options: its condition may depend on others.
    pushed =
      c:
      if c._type or "" == "merge" then
        concatMap pushed c.contents
      else if c._type or "" == "if" then
        map (mapAttrs (_n: mkIf c.condition)) (pushed c.content)
      else
        [ c ];
    merged =
      a: b: a // mapAttrs (n: v: if a ? ${n} && v._type or "" != "option" then merged a.${n} v else v) b;
    evaluated =
      at: options: configs:
      let
        unknown = filter (n: !options ? ${n}) (concatMap attrNames configs);
        at' = n: if at == "" then n else "${at}.${n}";
        one =
          n: o:
          let
            found = concatMap (c: optional (c ? ${n}) c.${n}) configs;
            defs = concatMap discharge found;
            discharge =
              d:
              if d._type or "" == "merge" then
                concatMap discharge d.contents
              else if d._type or "" == "if" then
                optionals d.condition (discharge d.content)
              else
                [ d ];
          in
          if o._type or "" != "option" then
            evaluated (at' n) o (concatMap pushed found)
          else
            (o.apply or (v: v)) (
              if defs != [ ] then
                checked (at' n) o.type defs
              else if o ? default then
                (
                  if isAttrs o.default && o.type.name != "package" && o.type ? options then
                    checked (at' n) o.type [ o.default ]
                  else
                    o.default
                )
              else
                throw "The option `${at' n}' is used but not defined."
            );
      in
      if unknown != [ ] then
        throw "The option `${at' (head unknown)}' does not exist."
      else
        mapAttrs one options;
  };
in
lib
