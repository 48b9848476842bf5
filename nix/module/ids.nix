# SPDX-License-Identifier: GPL-3.0-or-later
# The id that a name gets unless told otherwise: 50000 plus the first 32 bits of its SHA-256 modulo 9000. A test of provision holds it.
{ lib }:

name:
let
  first = builtins.substring 0 8 (builtins.hashString "sha256" name);
  number = (builtins.fromTOML "n = 0x${first}").n;
in
50000 + lib.mod number 9000
