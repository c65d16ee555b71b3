#!/bin/sh
# Lists entries of the current folder.
# shellcheck disable=SC2016,SC2154 # the inner shell expands; find.sh sets what is missing

# list_places FORMAT PATH… lists those of the paths that exist. Fails if one can't be inspected: a path is absent only
# if find says so, or if the file system can't have such a name.
list_places() {
  # Outside the subshell: `problem` inside it would end only the subshell.
  know_find
  places_format=$1
  shift
  [ $# -gt 0 ] || return 0
  exec 4>&1
  places_told=$(
    {
      if [ $# -le 100 ]; then
        # Without xargs, which takes four processes more.
        for place; do
          set -- "$@" "./$place"
          shift
        done
        find "$@" -maxdepth 0 -printf "$places_format"
      else
        for place; do printf './%s\0' "$place"; done | find_places "$places_format"
      fi
    } 2>&1 >&4 4>&-
    printf 'ended %s\n' "$?"
  )
  exec 4>&-
  places_status=${places_told##*ended }
  [ "$places_status" != 0 ] || return 0
  while IFS= read -r place; do
    case $place in
      "find: '"?*"': No such file or directory" | "find: '"?*"': Not a directory" | "find: '"?*"': File name too long")
        places_status=0
        ;;
      '') ;;
      *)
        printf '%s\n' "$place" >&2
        return 1
        ;;
    esac
  done <<EOF
${places_told%ended *}
EOF
  return "$places_status"
}

# Lists, in the format $1, the paths on standard input, each of which ends with a NUL.
find_places() {
  know_find
  xargs -0 -r sh -c '
    format=$1 python=$2 text=$3
    shift 3
    if [ -z "$python" ]; then set -- find "$@"; else set -- "$python" -E -c "$text" "$@"; fi
    "$@" -maxdepth 0 -printf "$format"' sh "$1" "$find_python" "$find_text"
}
