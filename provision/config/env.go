// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"fmt"
	"strings"
)

// IsEnvName says whether s can name a variable: ^[A-Za-z_][A-Za-z0-9_]*$.
func IsEnvName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return s != "" && strings.IndexByte(letters, s[0]) >= 0 && strings.Trim(s, letters+"0123456789") == ""
}

// CheckVariable says why s names no variables that a run takes along.
func CheckVariable(s string) error {
	if plain := strings.TrimSuffix(s, "*"); plain != "" && !IsEnvName(plain) {
		return fmt.Errorf("variable %q: want a name such as EDITOR, or a pattern such as LC_*", s)
	}
	return nil
}

// CheckPair says why s sets no variable for a run.
func CheckPair(s string) error {
	key, value, given := strings.Cut(s, "=")
	if !given || !IsEnvName(key) || strings.Contains(value, "\x00") {
		return fmt.Errorf("variable %q: want KEY=VALUE", s)
	}
	return nil
}
