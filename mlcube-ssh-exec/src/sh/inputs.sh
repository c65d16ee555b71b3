#!/bin/sh
# Ends with a problem unless every input exists with its type. Each line of MLCUBE_SSH_INPUTS is: own or pushed, kind,
# number, path. The client identifies inputs by their numbers: their names are chosen by the cube, and aren't sent.
# The kind of the problem is that of the input, `link` for a broken link, or `not-directory` or `not-file` where
# something of another kind has the name.
check_inputs() {
  # IFS is empty because `read` would remove the blanks at the end of a path.
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    whose=${line%% *} line=${line#* }
    kind=${line%% *} line=${line#* }
    number=${line%% *} path=${line#* }
    if [ "$whose" = own ]; then expand "$path"; fi
    locate "$path"
    if [ -L "$path" ] && [ ! -e "$path" ]; then problem no-input "link $number $path"; fi
    [ -e "$path" ] || problem no-input "$kind $number $path"
    case $kind in
      directory) [ -d "$path" ] ;;
      file) [ -f "$path" ] ;;
      *) true ;;
    esac || problem no-input "not-$kind $number $path"
  done <<INPUTS
$MLCUBE_SSH_INPUTS
INPUTS
  unset MLCUBE_SSH_INPUTS
}

# Sets `path` to $1 with its variables replaced, as python's expandvars does for mlcube: `$NAME` and `${NAME}`; a
# variable that isn't set remains as written. eval is no option: the cube chooses the text.
expand() {
  rest=$1 path=
  while :; do
    case $rest in
      *\$*) ;;
      *) break ;;
    esac
    path=$path${rest%%\$*} rest=${rest#*\$}
    case $rest in
      \{*\}*)
        variable=${rest#\{} variable=${variable%%\}*}
        rest=${rest#*\}} written="\${$variable}"
        ;;
      *)
        variable=${rest%%[!A-Za-z0-9_]*}
        rest=${rest#"$variable"} written="\$$variable"
        ;;
    esac
    case $variable in
      '' | *[!A-Za-z0-9_]*) path=$path$written ;;
      *) path=$path$(printenv "$variable" || printf '%s' "$written") ;;
    esac
  done
  path=$path$rest
}
