# fish completion for au, printed by: au completion fish
function __au_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l option (string match -r -- '^--[^=]*=' $current)
    for line in (command au complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                printf "$option%s\n" (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current"))
            case :folders
                printf "$option%s\n" (__fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$current"))
            case ':command *'
                set -l first (math (string replace ':command ' '' -- $line) + 2)
                complete -C (string join ' ' -- (string escape -- $words[$first..-1]) "$current")
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c au -f -a '(__au_complete)'
