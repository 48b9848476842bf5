// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"reflect"
	"slices"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/alecthomas/kong"
)

// word is what can come after `au`. One file a command.
type word struct {
	name, help string
	command    any
}

// words are all that au understands, in the order of its help. A word without help is for au itself, and is not shown.
var words = []word{
	{"new", "Make an agent: a Unix user of its own, and the entrypoint to run commands as it.", &newCmd{}},
	{"run", "Run a command as the agent.", &runCmd{}},
	{"shell", "Open a login shell as the agent.", &shellCmd{}},
	{"info", "Show an agent and check its health.", &infoCmd{}},
	{"list", "List the agents, and what runs in them.", &listCmd{}},
	{"grant", "Let another human enter an agent.", &grantCmd{}},
	{"revoke", "Shut a human out of an agent.", &revokeCmd{}},
	{"delete", "Delete an agent and all that au made for it.", &deleteCmd{}},
	{"mount", "Share folders of yours with an agent.", &mountCmd{}},
	{"setup", "Install a program that people use as an agent, as the agent, with what it needs here.", &setupCmd{}},
	{"path", "Put folders on the PATH of an agent's runs.", &pathCmd{}},
	{"draft", "See, keep or drop what an agent did in drafts of your folders.", &draftCmd{}},
	{"limits", "Limit what an agent uses of CPU, memory and tasks.", &limitsCmd{}},
	{"top", "Watch what the agents use.", &topCmd{}},
	{"pause", "Freeze all that an agent runs.", &pauseCmd{}},
	{"resume", "Let a paused agent go on.", &resumeCmd{}},
	{"stop", "End all that an agent runs, or one run.", &stopCmd{}},
	{"log", "Show what ran in the agents, and how it ended.", &logCmd{}},
	{"net", "Restrict what an agent may reach, by name.", &netCmd{}},
	{"doctor", "Look for what is wrong with the machine and the agents, and mend it.", &doctorCmd{}},
	{"verify", "Attack the isolation from inside, and say what holds.", &verifyCmd{}},
	{"apply", "Make the agents of this machine match a file.", &applyCmd{}},
	{"export", "Print the agents as a file for au apply.", &exportCmd{}},
	{"completion", "Print the script that completes au's words in a shell.", &completionCmd{}},
	{"complete", "", &completeCmd{}},
	{"manual", "", &manualCmd{}},
	{"source", "", &sourceCmd{}},
	{"record", "", &recordCmd{}},
	{"resolve", "", &resolveCmd{}},
	{"after", "", &afterCmd{}},
	{"look", "", &lookCmd{}},
	{"probe", "", &probeCmd{}},
	{"slice", "", &sliceCmd{}},
	{"processes", "", &processesCmd{}},
	{"files", "", &filesCmd{}},
	{"end-runs", "", &endRunsCmd{}},
	{"end-entering", "", &endEnteringCmd{}},
	{"carry-out", "", &carryOutCmd{}},
	{"render", "", &renderCmd{}},
	{"variables", "", &variablesCmd{}},
}

// grouped gives the groups their titles.
func grouped() kong.Option {
	titles := []kong.Group{}
	for _, g := range groups {
		titles = append(titles, kong.Group{Key: g.key, Title: g.title})
	}
	return kong.ExplicitGroups(titles)
}

// grammar returns the words that args may need: the one they begin with, where that is one, else all. Building them all costs
// several times what a command that reads two files does.
func grammar(args []string) []kong.Option {
	among := words
	if len(args) > 0 {
		if i := slices.IndexFunc(words, func(w word) bool { return w.name == args[0] }); i >= 0 {
			among = words[i : i+1]
		}
	}
	var options []kong.Option
	for _, w := range among {
		var tags []string
		if w.help == "" {
			tags = append(tags, `hidden:""`)
		}
		options = append(options, kong.DynamicCommand(w.name, w.help, groupOf(w.name), w.command, tags...))
	}
	return options
}

// bytesKept makes kong take texts and paths as they are typed. Its own way over JSON changes bytes that are no UTF-8.
func bytesKept() []kong.Option {
	text := func(ctx *kong.DecodeContext, target reflect.Value) error {
		token, err := ctx.Scan.PopValue(ctx.Value.Name)
		if err == nil {
			target.SetString(token.String())
		}
		return err
	}
	path := func(ctx *kong.DecodeContext, target reflect.Value) error {
		err := text(ctx, target)
		if target.String() != "" {
			target.SetString(kong.ExpandPath(target.String()))
		}
		return err
	}
	return []kong.Option{kong.KindMapper(reflect.String, kong.MapperFunc(text)), kong.NamedMapper("path", kong.MapperFunc(path))}
}

// plainRun returns what `au run COMMAND…` asks for where there is nothing more to parse; nil where there is. Building and using the
// grammar of one word takes a fifth of the time that au has until the entrypoint runs.
func plainRun(args []string) *runCmd {
	asked, ok := start.ReadWords(args)
	if !ok || len(asked.Command) == 0 {
		return nil
	}
	return &runCmd{
		agentFlag: agentFlag{asked.Agent}, Env: asked.Env, Directory: asked.Dir, KeepProxy: asked.KeepProxy, NoShares: asked.NoShares, Login: asked.Login,
		Command: append([]string{"--"}, asked.Command...),
	}
}

type mountCmd struct {
	Add    mountAddCmd    `cmd:"" help:"Share a folder or a file of yours with the agent, read-only unless --rw is given."`
	Remove mountRemoveCmd `cmd:"" help:"Take a share back."`
	List   mountListCmd   `cmd:"" help:"List the shares."`
	Check  mountCheckCmd  `cmd:"" help:"Look in shares for what runs by itself, and for what reaches beyond them."`
}

// draftCmd is what becomes of drafts.
type draftCmd struct {
	List    draftListCmd    `cmd:"" help:"List the drafts, of all folders."`
	Diff    draftDiffCmd    `cmd:"" help:"Show what a draft changes, and what of that runs by itself on your side."`
	Keep    draftKeepCmd    `cmd:"" help:"Take a draft over into the folder, whole or some paths."`
	Undo    draftUndoCmd    `cmd:"" help:"Take the last keep back."`
	Drop    draftDropCmd    `cmd:"" help:"Throw a draft away, whole or some paths. The folder is not touched."`
	Refresh draftRefreshCmd `cmd:"" help:"Look again for what is to be hidden, from the next run on."`
	Path    draftPathCmd    `cmd:"" help:"Print where the changed files lie, and what the marks there mean."`
	Try     draftTryCmd     `cmd:"" help:"Run a command as the agent in a draft, before you keep anything."`
}

// netCmd is everything about what an agent may reach.
type netCmd struct {
	Restrict netRestrictCmd `cmd:"" help:"Let the agent reach what is allowed and nothing else."`
	Allow    netAllowCmd    `cmd:"" help:"Allow the agent more."`
	Deny     netDenyCmd     `cmd:"" help:"Deny the agent something; this wins over all that is allowed."`
	Status   netStatusCmd   `cmd:"" help:"Show what the agent may reach, and which layers see to it."`
	Log      netLogCmd      `cmd:"" help:"Show what the agent reached, and what it was refused."`
	Why      netWhyCmd      `cmd:"" help:"Say whether the agent may reach a host, and because of which rule."`
	Show     netShowCmd     `cmd:"" help:"Print what is applied: rules, units, policy."`
	Off      netOffCmd      `cmd:"" help:"Let the agent reach everything again, and remove what restricted it."`

	Load   netLoadCmd   `cmd:"" hidden:"" help:"Load the rules, as root."`
	Unload netUnloadCmd `cmd:"" hidden:"" help:"Take the rules away, as root."`
	Depart netDepartCmd `cmd:"" hidden:"" help:"Take the rules away once their policy is gone, as root."`
	Watch  netWatchCmd  `cmd:"" hidden:"" help:"Put the rules back when they go, as root."`
	Cut    netCutCmd    `cmd:"" hidden:"" help:"End the agent's open connections, as root."`
	Login  netLoginCmd  `cmd:"" hidden:"" help:"Check as root that a login is for root alone."`
	Probe  netProbeCmd  `cmd:"" hidden:"" help:"Try to get out, as whoever runs it."`
}

type limitsCmd struct {
	Set   limitsSetCmd   `cmd:"" help:"Set limits, at once and for good."`
	Show  limitsShowCmd  `cmd:"" help:"Show the limits, who set them, and what is in use."`
	Reset limitsResetCmd `cmd:"" help:"Take limits back: those from before au hold again."`
}

// filesCmd is the half of `au mount` that changes files in a share; each is printed as it runs.
type filesCmd struct {
	Grant    filesGrantCmd    `cmd:"" help:"Let an agent into every file of a folder."`
	Restore  filesRestoreCmd  `cmd:"" help:"Undo what grant did."`
	GiveBack filesGiveBackCmd `cmd:"" help:"As root: give an agent's files in a folder to its human."`
	TakeBack filesTakeBackCmd `cmd:"" help:"As root: undo the shares of agent-as-unix-user."`
	TakeOver filesTakeOverCmd `cmd:"" help:"As root: give the files that nobody owns in a home to an agent."`
	Remove   filesRemoveCmd   `cmd:"" help:"As root: remove an agent's folder with everything in it."`
	Clear    filesClearCmd    `cmd:"" help:"As root: remove an agent's files from folders of many."`
	Disarm   filesDisarmCmd   `cmd:"" help:"As root: remove root's set-id programs that an agent's group may run."`
	Deny     filesDenyCmd     `cmd:"" help:"As root: put a name into a file such as /etc/cron.deny, where that is there."`
	Undeny   filesUndenyCmd   `cmd:"" help:"As root: take it out again."`
}
