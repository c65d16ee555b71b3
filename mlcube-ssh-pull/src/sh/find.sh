#!/bin/sh
# Runs find in the current folder. What find can't look at becomes an unreadable entry with the system's reason; what
# has vanished meanwhile isn't listed. Returns the status of a find that a signal ended, because its output may end
# within an entry.
find_all() {
  exec 4>&1
  found=$(
    find "$@" 2>&1 >&4 4>&-
    printf 'ended %s\n' "$?"
  )
  exec 4>&-
  ended=${found##*ended }
  [ "$ended" -lt 128 ] || return "$ended"
  printf '%s\n' "${found%ended *}" | while IFS= read -r error; do
    case $error in
      '' | *': No such file or directory') continue ;;
      "find: '"?*"': "*)
        reason=${error##*"': "}
        place=${error#"find: '"}
        place=${place%"': $reason"}
        place=${place#./}
        ;;
      *)
        reason=$error
        place='(unknown)'
        ;;
    esac
    printf 'u 0 0 0.000000000 %s\0!%s\0' "$place" "$reason"
  done
}
