#!/bin/sh
# Ends with a problem unless every input is there with its type. Each line of MLCUBE_SSH_INPUTS is: whose path it
# is, kind, number, path. The client tells inputs by their numbers: their names are the cube's, and stay with it.
check_inputs() {
  # Whole lines: `read` would take the blanks at the end of a path away.
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    whose=${line%% *} line=${line#* }
    kind=${line%% *} line=${line#* }
    number=${line%% *} path=${line#* }
    if [ "$whose" = own ]; then expand "$path"; fi
    path=$(absolute "$path")
    case $kind in
      directory) [ -d "$path" ] || problem no-input "$kind $number $path" ;;
      file) [ -f "$path" ] || problem no-input "$kind $number $path" ;;
      *) [ -e "$path" ] || problem no-input "$kind $number $path" ;;
    esac
  done <<INPUTS
$MLCUBE_SSH_INPUTS
INPUTS
  unset MLCUBE_SSH_INPUTS
}

# Sets `path` to $1 with its variables filled in, as python's expandvars does for mlcube: `$NAME` and `${NAME}`; what isn't
# set stays as it is. Not by eval: the text is the cube's.
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
