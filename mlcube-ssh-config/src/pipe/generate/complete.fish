# Completes the words of PROGRAM in fish, which asks PROGRAM itself what there is to complete.
function FUNCTION
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l typed (commandline --current-token --cut-at-cursor)
    # Without quotes, as the program would get it.
    set -l word (string replace --all --regex '["\'\\\\]' '' -- $typed)
    set -l lines (command PROGRAM --generate=candidates -- $words $word 2> /dev/null)
    set -l before (string match --regex -- '^--[^=]*=' $typed)
    set -l value (string replace --regex -- '^--[^=]*=' '' $typed)
    switch "$lines[1]"
        case \tfiles
            for path in (__fish_complete_path $value)
                printf '%s%s\n' "$before" $path
            end
        case \tfolders
            for path in (__fish_complete_directories $value)
                printf '%s%s\n' "$before" $path
            end
        case '*'
            printf '%s\n' $lines
    end
end
complete --command PROGRAM --no-files --arguments '(FUNCTION)'
