# bash completion for au, printed by: au completion bash
# bash cuts a word at = and : as well; au is asked about whole words, and told nothing of quotes.
_au() {
	local i piece trimmed strip value what rest=${COMP_LINE:0:COMP_POINT} words=() first=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]} trimmed=${rest#"${rest%%[![:space:]]*}"}
		((i < COMP_CWORD)) || piece=$trimmed
		if [[ $i = 0 || $trimmed != "$rest" ]]; then
			words+=("$piece") first+=("$i")
		else
			words[${#words[@]} - 1]+=$piece
		fi
		rest=${trimmed#"$piece"}
	done
	strip=${words[${#words[@]} - 1]}
	[[ $piece = [=:]* ]] || strip=${strip%"$piece"}
	COMPREPLY=()
	while IFS=$'\t' read -r value what; do
		case $value in
		:files) compopt -o default ;;
		:folders) compopt -o dirnames ;;
		:command\ *)
			i=${first[${value#:command } + 1]}
			if declare -F _command_offset >/dev/null; then
				_command_offset "$i"
			elif ((i == COMP_CWORD)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$piece")
			else
				compopt -o default
			fi
			;;
		*)
			printf -v value %q "${value#"$strip"}"
			COMPREPLY+=("$value")
			;;
		esac
	done < <(command au complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _au au
