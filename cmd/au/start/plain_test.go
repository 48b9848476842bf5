// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadWords(t *testing.T) {
	for line, want := range map[string]*Words{
		"run true":                            {Agent: DefaultAgent, Command: []string{"true"}},
		"run -a bot true -x":                  {Agent: "bot", Command: []string{"true", "-x"}},
		"run -e A=b=c -e HOME -d /tmp make":   {Agent: DefaultAgent, Env: []string{"A=b=c", "HOME"}, Dir: "/tmp", Command: []string{"make"}},
		"run --env=A=b --agent=bot -- -x":     {Agent: "bot", Env: []string{"A=b"}, Command: []string{"-x"}},
		"run --env A=-b --directory=. sh -c":  {Agent: DefaultAgent, Env: []string{"A=-b"}, Dir: ".", Command: []string{"sh", "-c"}},
		"run -- -- x":                         {Agent: DefaultAgent, Command: []string{"--", "x"}},
		"run":                                 nil,
		"run --":                              nil,
		"list":                                nil,
		"run -e":                              nil,
		"run -e -- true":                      nil,
		"run --env= true":                     nil,
		"run -e=A=b true":                     nil, // not the value A=b
		"run -a one -a two true":              nil,
		"run -d /a -d /b true":                nil,
		"run -a Bot.v2 true":                  nil,
		"run --rw . true":                     nil,
		"run -ae true":                        nil,
		"run --login true":                    {Agent: DefaultAgent, Login: true, Command: []string{"true"}},
		"run --keep-proxy -a b --no-shares x": {Agent: "b", KeepProxy: true, NoShares: true, Command: []string{"x"}},
		"run --login=false true":              nil,
		"run --env-file f true":               nil,
		"shell":                               {Agent: DefaultAgent, Command: []string{}},
		"shell -a bot":                        {Agent: "bot", Command: []string{}},
		"shell bot":                           nil,
		"shell --":                            nil,
		"shell --login":                       nil,
		"shell -e A=b":                        nil,
		"run -h":                              nil,
	} {
		got, ok := ReadWords(strings.Fields(line))
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, *want) {
			t.Errorf("%s: got %+v, %v; want %+v", line, got, ok, want)
		}
	}
}
