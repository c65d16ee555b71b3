# Completes the words of PROGRAM in bash, which asks PROGRAM itself what there is to complete.
FUNCTION() {
    local line=${COMP_LINE:0:COMP_POINT} words=() candidates=() part blank i
    # bash splits words at '=' and ':', which are part of ours: what no blank precedes continues the word before it.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:blank:]]*}
        line=${line#"$blank"}
        part=${COMP_WORDS[i]}
        # The last word ends at the cursor.
        [[ $i -lt $COMP_CWORD ]] || part=$line
        line=${line#"$part"}
        if [[ ${#words[@]} -eq 0 || -n $blank ]]; then words+=("$part"); else words[-1]+=$part; fi
    done
    local typed=${words[-1]}
    # Without quotes, as the program would get them.
    mapfile -t candidates < <(command PROGRAM --generate=candidates -- "${words[@]//[\"\'\\]/}" 2> /dev/null)
    COMPREPLY=()
    case ${candidates[0]-} in
        $'\tfiles') compopt -o default && return ;;
        $'\tfolders') compopt -o dirnames && return ;;
    esac
    # Only what bash takes for the current word is replaced.
    local before=${typed%"$2"} value
    for value in "${candidates[@]}"; do
        value=${value%%$'\t'*}
        value=${value#"$before"}
        [[ $value != *[!A-Za-z0-9_./:=,@%+-]* ]] || printf -v value %q "$value"
        COMPREPLY+=("$value")
    done
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}
complete -F FUNCTION PROGRAM
