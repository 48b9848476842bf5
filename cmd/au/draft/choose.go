// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/a4u2/au/internal/quote"
)

// Ambiguous is where more than one draft could be meant.
type Ambiguous struct{ Drafts []*Draft }

func (a *Ambiguous) Error() string { return "more than one draft could be meant: want its name" }

// None is where there is no draft.
type None struct{ Folder string }

func (n *None) Error() string { return fmt.Sprintf("there is no draft of %s", quote.Name(n.Folder)) }

// Choose says which draft words mean, and which paths in it. A first word that is a draft's name is the draft, unless it is behind
// --. before is how many words stand before --, -1 where there is none: one alone is no path where it is a name. Without a name it
// is the agent's own draft, else the only one. isPath reports whether a word is also a path.
func Choose(all []*Draft, words []string, before int, agent string, isPath func(string) bool) (*Draft, []string, error) {
	if slices.Contains(words, "") { // as an unset variable of a shell is, which does not mean all
		return nil, nil, errors.New(`"" is no path: want one, such as . for all that is in this folder`)
	}
	if len(words) > 0 && before != 0 {
		i := slices.IndexFunc(all, func(d *Draft) bool { return d.Name == words[0] })
		if i >= 0 && before != 1 && isPath(words[0]) {
			return nil, nil, fmt.Errorf("%q is a draft and a path: want ./%s for the path, or the draft's name and then --", words[0], words[0])
		}
		if i >= 0 {
			return all[i], words[1:], nil
		}
	}
	if i := slices.IndexFunc(all, func(d *Draft) bool { return d.Name == agent }); i >= 0 {
		return all[i], words, nil
	}
	switch len(all) {
	case 1:
		return all[0], words, nil
	case 0:
		return nil, nil, &None{}
	}
	return nil, nil, &Ambiguous{all}
}
