// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"fmt"
	"os"
	"strings"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision/config"
)

// keptEnv is what a command gets of the caller's environment unasked.
var keptEnv = []string{"LANG", "TERM", "COLORTERM"}

// Environment returns the KEY=VALUE entries for a command: what the caller's environment and the config have, then the lines of
// files, then words, each KEY=VALUE or KEY; home is the human's. A later one overrides an earlier one of the same name.
func Environment(entry *config.Agent, home string, files []*os.File, words []string) ([]string, error) {
	kept := keptEnv
	if entry != nil {
		kept = append(kept[:len(kept):len(kept)], entry.KeepEnv...)
	}
	var all []string
	if own := terminfo(os.Getenv("TERM"), home); own != "" {
		all = append(all, own)
	}
	for _, key := range kept {
		if strings.HasSuffix(key, "*") {
			all = append(all, withPrefix(strings.TrimSuffix(key, "*"))...)
		} else if value, ok := os.LookupEnv(key); ok {
			all = append(all, key+"="+value)
		}
	}
	if entry != nil {
		all = append(all, entry.SetEnv...)
	}
	for _, file := range files {
		lines, err := envLines(file)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	for _, word := range words {
		pair, err := envPair(word)
		if err != nil {
			return nil, err
		}
		all = append(all, pair)
	}
	return lastOfEach(all), nil
}

// withPrefix returns the caller's variables whose names begin so.
func withPrefix(prefix string) []string {
	var found []string
	for _, pair := range os.Environ() {
		if key, _, _ := strings.Cut(pair, "="); strings.HasPrefix(key, prefix) && config.IsEnvName(key) {
			found = append(found, pair)
		}
	}
	return found
}

// Variables returns the words of a run for its variables; with keepProxy it gets the caller's for a proxy, too.
func Variables(keepProxy bool, words []string) []string {
	if !keepProxy {
		return words
	}
	return append(ProxyVariables(), words...)
}

// ProxyVariables returns the names of those of the caller's variables that name a proxy, or say where none is needed.
func ProxyVariables() (names []string) {
	for _, small := range []string{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"} {
		for _, key := range []string{small, strings.ToUpper(small)} {
			if _, ok := os.LookupEnv(key); ok {
				names = append(names, key)
			}
		}
	}
	return names
}

// envPair reads KEY=VALUE, or KEY for the caller's own value. Everything behind the first = is the value.
func envPair(word string) (string, error) {
	key, _, given := strings.Cut(word, "=")
	if !config.IsEnvName(key) {
		return "", fmt.Errorf("environment variable %q: want KEY=VALUE, or KEY to pass yours on", word)
	}
	if given {
		return word, nil
	}
	value, ok := os.LookupEnv(key)
	if !ok {
		return "", fmt.Errorf("environment variable %q: not set, so there is nothing to pass on; want KEY=VALUE", key)
	}
	return key + "=" + value, nil
}

// maxEnvFile is more than the kernel takes as an environment.
const maxEnvFile = 8 << 20

// envLines reads a file of KEY=VALUE lines; empty lines and lines that begin with # say nothing.
func envLines(f *os.File) ([]string, error) {
	defer f.Close()
	var all []string
	text, err := bounded.Read(f, maxEnvFile)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		pair, err := envPair(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", f.Name(), n, err)
		}
		all = append(all, pair)
	}
	return all, nil
}

// lastOfEach drops entries that a later one of the same name overrides.
func lastOfEach(pairs []string) []string {
	at := map[string]int{}
	var kept []string
	for _, pair := range pairs {
		key, _, _ := strings.Cut(pair, "=")
		if i, ok := at[key]; ok {
			kept[i] = pair
			continue
		}
		at[key] = len(kept)
		kept = append(kept, pair)
	}
	return kept
}
