// SPDX-License-Identifier: GPL-3.0-or-later

// Package near says which word was probably meant by a mistyped one.
package near

import "fmt"

// Of returns the word that is nearest to the typed one, the first of several; "" where none is near: more than two letters away, or
// nothing of it left.
func Of(typed string, among []string) string {
	best, least := "", 3
	for _, word := range among {
		if d := distance(typed, word); d < least {
			best, least = word, d
		}
	}
	if least >= len(typed) {
		return ""
	}
	return best
}

// Asked is a question after the word that was probably meant, for the end of an error; "" where none is near.
func Asked(typed string, among []string) string {
	if word := Of(typed, among); word != "" {
		return fmt.Sprintf(", did you mean %q?", word)
	}
	return ""
}

// distance is how many letters have to be put in, left out or changed (Levenshtein's). Long keys are far from all.
func distance(a, b string) int {
	const longest = 40
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := row[0] // of the row before, one to the left
		row[0] = i + 1
		for j := range len(b) {
			change := above
			if a[i] != b[j] {
				change++
			}
			above = row[j+1]
			row[j+1] = min(change, row[j]+1, above+1)
		}
	}
	return row[len(b)]
}
