#compdef PROGRAM
# Completes the words of PROGRAM in zsh, which asks PROGRAM itself what there is to complete.
FUNCTION() {
    local -a lines plain assigned
    local line value before
    # The last word ends at the cursor.
    lines=("${(@f)$(command PROGRAM --generate=candidates -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2> /dev/null)}")
    # Of --option=VALUE only the value is completed.
    if [[ $PREFIX == --*=* ]]; then
        before=${PREFIX%%=*}=
        compset -P 1 '*='
    fi
    case ${lines[1]} in
        $'\tfiles') _files && return ;;
        $'\tfolders') _files -/ && return ;;
    esac
    for line in $lines; do
        value=${${line%%$'\t'*}#$before}
        line="${value//:/\\:}:${line#*$'\t'}"
        if [[ $value == *= ]]; then assigned+=("$line"); else plain+=("$line"); fi
    done
    local -i found=1
    _describe -t values value plain && found=0
    # The value follows at once.
    _describe -t options option assigned -S '' && found=0
    return found
}
# The file is either loaded by compinit, at the first completion, or sourced.
if [[ ${funcstack[1]} == _PROGRAM ]]; then
    FUNCTION "$@"
else
    compdef FUNCTION PROGRAM
fi
