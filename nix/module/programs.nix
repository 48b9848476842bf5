# SPDX-License-Identifier: GPL-3.0-or-later
# The packages of nixpkgs that have the programs of `au setup`. A test compares them with what au knows, nix/real.nix with nixpkgs.
{
  aider = "aider-chat";
  amp = "amp-cli";
  claude = "claude-code";
  codex = "codex";
  copilot = "github-copilot-cli";
  cursor = "cursor-cli";
  gemini = "gemini-cli";
  goose = "goose-cli";
  opencode = "opencode";
  qwen = "qwen-code";
}
