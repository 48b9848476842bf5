#compdef au
# zsh completion for au, printed by: au completion zsh
_au() {
	local -a lines values shown
	local line value what
	integer n
	lines=("${(@f)$(command au complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
	for line in $lines; do
		value=${line%%$'\t'*} what=${${line#$value}#$'\t'}
		case $value in
		:files) compset -P '--*='; _files ;;
		:folders) compset -P '--*='; _files -/ ;;
		:command\ *)
			n=$(( ${value#:command } + 1 ))
			shift $n words
			(( CURRENT -= n ))
			_normal
			;;
		*) values+=("$value") shown+=("$value${what:+  -- $what}") ;;
		esac
	done
	(( ! $#values )) || compadd -l -d shown -a values
}
if [ "$funcstack[1]" = _au ]; then
	_au "$@"
else
	compdef _au au
fi
