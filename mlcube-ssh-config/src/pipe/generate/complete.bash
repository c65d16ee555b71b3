# Completes the words of PROGRAM in bash, which asks PROGRAM itself what there is to complete.
FUNCTION() {
    local line=${COMP_LINE:0:COMP_POINT} words=() candidates=() part blank value i
    # bash splits words at '=' and ':', which are part of ours: what no blank precedes continues the word before it.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:blank:]]*}
        line=${line#"$blank"}
        part=${COMP_WORDS[i]}
        # The last word ends at the cursor.
        [[ $i -lt $COMP_CWORD ]] || part=$line
        line=${line#"$part"}
        # bash 3.2, which macOS has, knows neither words[-1] nor mapfile.
        [[ ${#words[@]} -gt 0 && -z $blank ]] || words+=("")
        words[${#words[@]} - 1]+=$part
    done
    local typed=${words[${#words[@]} - 1]}
    # Without quotes, as the program would get them.
    while IFS= read -r value; do candidates+=("$value"); done < <(
        command PROGRAM --generate=candidates -- "${words[@]//[\"\'\\]/}" 2> /dev/null
    )
    COMPREPLY=()
    case ${candidates[0]-} in
        $'\tfiles') compopt -o default && return ;;
        $'\tfolders') compopt -o dirnames && return ;;
    esac
    # Only what bash takes for the current word is replaced.
    local before=${typed%"$2"} quote=\'
    before=${before//[\"\'\\]/}
    for value in "${candidates[@]}"; do
        value=${value%%$'\t'*}
        value=${value#"$before"}
        # A name may come from a stranger's cube. Where a quote is open, or a character is quoted already, nothing else than
        # plain characters is inserted; elsewhere the rest stands in single quotes, in which a shell acts on nothing. printf %q
        # would write $'...' for some characters, which is only right outside of quotes.
        if [[ $value == *[!A-Za-z0-9_./:=,@%+-]* ]]; then
            [[ $typed != *[\"\'\\]* ]] || continue
            value=$quote${value//$quote/$quote\\$quote$quote}$quote
        fi
        COMPREPLY+=("$value")
    done
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}
complete -F FUNCTION PROGRAM
